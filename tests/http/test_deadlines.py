"""The sweep that closes late connections."""

import asyncio
from types import SimpleNamespace
from typing import Any

from seatrial.http.deadlines import CHECKED_AT_ONCE, CLOSED_AT_ONCE, _sweep


class Late:
    """A connection that is closed as soon as it is checked, or never."""

    def __init__(self, late: bool) -> None:
        self.late, self.checked, self.closing = late, 0, False
        self.transport = SimpleNamespace(is_closing=lambda: self.closing)

    def check(self, _now: float) -> None:
        self.checked += 1
        self.closing = self.late


def turns_of_a_sweep(connections: list[Late]) -> list[tuple[int, int]]:
    """How many connections were checked and closed after each turn of the event loop, until all were checked."""

    async def sweep() -> list[tuple[int, int]]:
        trimmer: Any = SimpleNamespace(look=lambda *_: False)
        state: Any = SimpleNamespace(connections=connections, swept=True)
        _sweep(asyncio.get_running_loop(), state, trimmer)
        seen = []
        while not seen or seen[-1][0] < len(connections):
            seen.append((sum(each.checked for each in connections), sum(each.closing for each in connections)))
            await asyncio.sleep(0)
        return seen

    return asyncio.run(sweep())


def test_connections_that_end_at_the_same_time_are_closed_in_many_turns_of_the_loop() -> None:
    connections = [Late(late=True) for _ in range(100)]
    seen = turns_of_a_sweep(connections)
    assert [closed for _, closed in seen] == [*range(CLOSED_AT_ONCE, 100, CLOSED_AT_ONCE), 100]
    assert {each.checked for each in connections} == {1}


def test_many_connections_are_checked_in_a_few_turns() -> None:
    seen = turns_of_a_sweep([Late(late=False) for _ in range(2 * CHECKED_AT_ONCE + 1)])
    assert [checked for checked, _ in seen] == [CHECKED_AT_ONCE, 2 * CHECKED_AT_ONCE, 2 * CHECKED_AT_ONCE + 1]
