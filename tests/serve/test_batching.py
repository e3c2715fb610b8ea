"""Concurrent requests share a call of the engine, and an error fails only the request that causes it."""

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from seatrial.serve.batching import Batcher

Rows = list[Any]


def row(number: float) -> Any:
    return ((number,), ())


class Engine:
    """Doubles numbers, rejects negative ones, and counts its calls."""

    def __init__(self) -> None:
        self.calls: list[int] = []

    def __call__(self, rows: Rows) -> Sequence[float]:
        self.calls.append(len(rows))
        if any(numbers[0] < 0 for numbers, _ in rows):
            raise ValueError("negative")
        return [numbers[0] * 2 for numbers, _ in rows]


async def ask(batcher: Batcher[float], *numbers: float) -> Any:
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    batcher.submit([row(n) for n in numbers], future.set_result)
    return await future


def test_requests_in_one_turn_of_the_loop_share_one_call() -> None:
    engine = Engine()

    async def main() -> list[Any]:
        batcher = Batcher(engine)
        return await asyncio.gather(*(ask(batcher, i, i + 0.5) for i in range(10)))

    answers = asyncio.run(main())
    assert answers == [[2 * i, 2 * i + 1] for i in range(10)]
    assert engine.calls == [20]


def test_only_the_request_that_causes_an_error_fails() -> None:
    engine = Engine()

    async def main() -> list[Any]:
        batcher = Batcher(engine)
        return await asyncio.gather(ask(batcher, 1), ask(batcher, -1), ask(batcher, 3))

    first, second, third = asyncio.run(main())
    assert (first, third) == ([2], [6])
    assert isinstance(second, ValueError)
    assert engine.calls == [3, 1, 1, 1]


def test_a_full_batch_does_not_wait_for_the_turn_to_end() -> None:
    engine = Engine()

    async def main() -> list[Any]:
        batcher = Batcher(engine, row_limit=4)
        return await asyncio.gather(*(ask(batcher, i) for i in range(10)))

    assert asyncio.run(main()) == [[2 * i] for i in range(10)]
    assert max(engine.calls) <= 4
    assert sum(engine.calls) == 10


def test_a_request_is_never_split() -> None:
    engine = Engine()

    async def main() -> list[Any]:
        batcher = Batcher(engine, row_limit=4)
        return await asyncio.gather(ask(batcher, 1, 2, 3), ask(batcher, *range(9)), ask(batcher, 5))

    first, second, third = asyncio.run(main())
    assert (first, second, third) == ([2, 4, 6], [2 * i for i in range(9)], [10])
    assert engine.calls == [3, 9, 1]


def test_a_slow_engine_runs_in_a_thread_and_batches_rows_that_arrive_during_a_call() -> None:
    engine, started, resume = Engine(), threading.Event(), threading.Event()

    def slow(rows: Rows) -> Sequence[float]:
        started.set()
        assert resume.wait(10)
        return engine(rows)

    async def main() -> list[Any]:
        with ThreadPoolExecutor(1) as executor:
            batcher = Batcher(slow, executor=executor)
            first = asyncio.create_task(ask(batcher, 1))
            while not started.is_set():
                await asyncio.sleep(0)
            others = [asyncio.create_task(ask(batcher, i)) for i in range(2, 7)]
            await asyncio.sleep(0)
            resume.set()  # the event loop was never blocked
            return await asyncio.gather(first, *others)

    assert asyncio.run(main()) == [[2 * i] for i in range(1, 7)]
    assert engine.calls == [1, 5]


@pytest.mark.parametrize("failing", ["pool", "score"])
def test_a_stopped_engine_returns_an_error(failing: str) -> None:
    async def main() -> Any:
        executor = ThreadPoolExecutor(1)
        batcher = Batcher(Engine(), executor=executor)
        if failing == "pool":
            executor.shutdown()
        try:
            return await asyncio.wait_for(ask(batcher, -1), 5)
        finally:
            executor.shutdown()

    assert isinstance(asyncio.run(main()), Exception)
