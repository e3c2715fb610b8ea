"""Finished exchanges reach each observer in batches, whole and in order."""

import asyncio
from collections.abc import Sequence

from seatrial.serve.exchanges import FLUSH_EXCHANGES, FLUSH_SECONDS, Exchange, Exchanges


def test_each_observer_gets_all_exchanges_in_their_order() -> None:
    batches: list[list[str]] = []
    others: list[str] = []

    def note(exchanges: Sequence[Exchange]) -> None:
        batches.append([each.request_id for each in exchanges])

    async def main() -> None:
        exchanges = Exchanges(note, lambda batch: others.extend(each.request_id for each in batch))
        for number in range(FLUSH_EXCHANGES + 2):
            exchanges.add(Exchange(str(number), began=1.0), 200)
        assert [len(batch) for batch in batches] == [FLUSH_EXCHANGES]
        await asyncio.sleep(2 * FLUSH_SECONDS)
        assert [len(batch) for batch in batches] == [FLUSH_EXCHANGES, 2]
        exchanges.flush()

    asyncio.run(main())
    assert (
        [each for batch in batches for each in batch]
        == others
        == [str(number) for number in range(FLUSH_EXCHANGES + 2)]
    )


def test_an_exchange_gets_its_status_and_its_end() -> None:
    async def main() -> Exchange:
        exchange = Exchange("r", began=1.0, path="/x")
        assert (exchange.status, exchange.ended) == (0, 1.0)
        Exchanges().add(exchange, 404)
        return exchange

    exchange = asyncio.run(main())
    assert exchange.status == 404
    assert exchange.ended > 1.0
