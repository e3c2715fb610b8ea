"""Concurrent requests share a call of the engine, and an error fails only the request that causes it."""

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Any

import pytest

from seatrial.serve.batching import Batcher, DeadlineError

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


async def ask(batcher: Batcher[float], *numbers: float, deadline: float = 0.0) -> Any:
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    batcher.submit([row(n) for n in numbers], future.set_result, deadline)
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


class HeldEngine(Engine):
    """Scores when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()

    def __call__(self, rows: Rows) -> Sequence[float]:
        assert self.go.wait(10)
        return super().__call__(rows)


def test_rows_whose_deadline_passes_while_they_wait_are_not_scored() -> None:
    engine = HeldEngine()

    async def main(executor: ThreadPoolExecutor) -> list[Any]:
        batcher = Batcher(engine, executor=executor)
        first = asyncio.create_task(ask(batcher, 1))
        await asyncio.sleep(0.01)  # its call has begun
        soon, late = perf_counter() + 0.02, perf_counter() + 60
        others = [asyncio.create_task(ask(batcher, n, deadline=d)) for n, d in ((2, soon), (3, 0.0), (4, late))]
        await asyncio.sleep(0.05)
        engine.go.set()
        return await asyncio.gather(first, *others)

    with ThreadPoolExecutor(1) as executor:
        first, second, third, fourth = asyncio.run(main(executor))
    assert (first, third, fourth) == ([2], [6], [8])
    assert isinstance(second, DeadlineError)
    assert engine.calls == [1, 2]


def test_when_all_that_wait_are_late_nothing_is_called_and_the_next_is() -> None:
    engine = HeldEngine()

    async def main(executor: ThreadPoolExecutor) -> list[Any]:
        batcher = Batcher(engine, executor=executor)
        first = asyncio.create_task(ask(batcher, 1))
        await asyncio.sleep(0.01)
        second = asyncio.create_task(ask(batcher, 2, deadline=perf_counter()))
        await asyncio.sleep(0.01)
        engine.go.set()
        return [await first, await second, await ask(batcher, 3)]

    with ThreadPoolExecutor(1) as executor:
        first, second, third = asyncio.run(main(executor))
    assert (first, third) == ([2], [6])
    assert isinstance(second, DeadlineError)
    assert engine.calls == [1, 1]


def test_the_wait_is_estimated_from_the_calls_before_and_the_rows_in_front() -> None:
    engine = HeldEngine()

    async def main(executor: ThreadPoolExecutor) -> tuple[float, ...]:
        batcher = Batcher(engine, executor=executor, row_limit=10)
        assert batcher.wait() == 0
        first = asyncio.create_task(ask(batcher, 1))
        await asyncio.sleep(0.05)
        unknown = batcher.wait()  # no call has ended; this one is late
        engine.go.set()
        await first
        engine.go.clear()
        idle = batcher.wait()
        tasks = [asyncio.create_task(ask(batcher, *range(10))) for _ in range(41)]
        await asyncio.sleep(0.001)
        behind = batcher.wait()
        engine.go.set()
        await asyncio.gather(*tasks)
        return unknown, idle, behind

    with ThreadPoolExecutor(1) as executor:
        unknown, idle, behind = asyncio.run(main(executor))
    assert unknown >= 0.04
    assert idle == 0
    assert behind >= 40 * 0.04


def test_in_the_event_loop_nothing_waits() -> None:
    async def main() -> tuple[bool, float, Any]:
        batcher = Batcher(Engine())
        late = asyncio.create_task(ask(batcher, 1, deadline=perf_counter() - 1))
        await asyncio.sleep(0)
        return batcher.busy, batcher.wait(), await late

    busy, wait, late = asyncio.run(main())
    assert (busy, wait) == (False, 0)
    assert isinstance(late, DeadlineError)
