"""Large input takes turns: nobody waits until all of somebody else's is parsed."""

import asyncio
import threading
from time import perf_counter
from typing import Any

from seatrial.http.turns import (
    CROWD,
    LONGEST_WAIT,
    MOST_IN_A_TURN,
    SLICE,
    SlicedInput,
    Turns,
    wait_for_turn,
)


class Transport:
    """A transport that notes whether it reads."""

    reading = True
    closing = False

    def pause_reading(self) -> None:
        assert self.reading
        self.reading = False

    def resume_reading(self) -> None:
        assert not self.reading
        self.reading = True

    def abort(self) -> None:
        self.closing = True

    def is_closing(self) -> bool:
        return self.closing


def made(turns: Turns, parsed: list[Any], name: str = "") -> tuple[SlicedInput, Transport]:
    transport = Transport()
    return SlicedInput(transport, turns, lambda data: parsed.append((name, len(data))) or SLICE), transport  # type: ignore[arg-type]


def test_inputs_are_parsed_in_slices_and_in_turn() -> None:
    async def main() -> None:
        parsed: list[tuple[str, int]] = []
        turns = Turns()
        (first, one), (second, two) = made(turns, parsed, "first"), made(turns, parsed, "second")
        first.add(bytes(3 * SLICE + 5))
        second.add(bytes(SLICE + 5))
        assert (one.reading, two.reading, parsed) == (False, False, [])
        for _ in range(20):
            await asyncio.sleep(0)
        assert [name for name, _ in parsed] == ["first", "second", "first", "second", "first", "first"]
        assert sorted({size for _, size in parsed}) == [5, SLICE]
        assert (one.reading, two.reading) == (True, True)

    asyncio.run(main())


def test_a_body_behind_a_header_is_parsed_in_one_piece() -> None:
    async def main() -> None:
        sizes: list[int] = []

        def parse(data: bytes) -> int:
            sizes.append(len(data))
            return 10 * SLICE if len(sizes) == 1 else SLICE

        input_ = SlicedInput(Transport(), Turns(), parse)  # type: ignore[arg-type]
        input_.add(bytes(12 * SLICE + 5))
        for _ in range(8):
            await asyncio.sleep(0)
        assert sizes == [SLICE, 10 * SLICE, SLICE, 5]
        assert input_.waiting == 0

    asyncio.run(main())


def test_a_thread_lets_a_turn_of_the_loop_pass() -> None:
    async def main() -> tuple[bool, bool]:
        loop, rested = asyncio.get_running_loop(), threading.Event()

        def work() -> None:
            wait_for_turn(loop)
            rested.set()

        working = loop.run_in_executor(None, work)
        early = rested.wait(0.1)  # the loop is busy: this turn of it has not passed
        await working
        return early, rested.is_set()

    assert asyncio.run(main()) == (False, True)


def test_a_thread_goes_on_when_the_loop_is_closed() -> None:
    loop = asyncio.new_event_loop()
    loop.close()
    began = perf_counter()
    wait_for_turn(loop)
    assert perf_counter() - began < LONGEST_WAIT / 2


def test_an_application_that_has_enough_gets_no_more_slices() -> None:
    async def main() -> None:
        parsed: list[Any] = []
        input_, transport = made(Turns(), parsed)
        input_.pause_reading()
        input_.add(bytes(2 * SLICE))
        for _ in range(5):
            await asyncio.sleep(0)
        assert (parsed, transport.reading) == ([], False)
        input_.resume_reading()
        for _ in range(5):
            await asyncio.sleep(0)
        assert len(parsed) == 2
        assert transport.reading

    asyncio.run(main())


def test_a_turn_of_the_loop_serves_a_bounded_number() -> None:
    async def main() -> None:
        parsed: list[Any] = []
        turns = Turns()
        for _ in range(3 * MOST_IN_A_TURN):
            made(turns, parsed)[0].add(b"x")
        await asyncio.sleep(0)
        assert 0 < len(parsed) <= MOST_IN_A_TURN

    asyncio.run(main())


def test_a_closed_connection_is_not_parsed() -> None:
    async def main() -> None:
        parsed: list[Any] = []
        turns = Turns()
        (closing, transport), (closed, _) = made(turns, parsed), made(turns, parsed)
        closing.add(bytes(2 * SLICE))
        closed.add(bytes(2 * SLICE))
        transport.closing = True
        closed.close()
        for _ in range(5):
            await asyncio.sleep(0)
        assert parsed == []
        assert closing.waiting == 0

    asyncio.run(main())


def test_an_error_in_one_input_ends_that_connection_and_not_the_turns_of_others() -> None:
    async def main() -> None:
        parsed: list[Any] = []
        errors: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: errors.append(context["exception"]))
        turns, broken = Turns(), Transport()
        first = SlicedInput(broken, turns, lambda data: data.index(b"x"))  # type: ignore[arg-type]
        second, _ = made(turns, parsed)
        first.add(bytes(2 * SLICE))
        second.add(bytes(2 * SLICE))
        for _ in range(10):
            await asyncio.sleep(0)
        assert (parsed, broken.closing) == ([("", SLICE), ("", SLICE)], True)
        assert [type(error) for error in errors] == [ValueError]

    asyncio.run(main())


def test_of_a_crowd_some_are_handled_in_each_turn_in_the_order_in_which_they_came() -> None:
    async def main() -> None:
        turns, handled = Turns(), []
        assert not any(turns.is_crowded() for _ in range(CROWD))
        for number in range(2 * CROWD + 5):
            assert turns.is_crowded()
            turns.line_up(lambda number=number: handled.append(number))  # type: ignore[misc]
        counts = []
        for _ in range(4):
            await asyncio.sleep(0)
            counts.append(len(handled))
            if len(counts) < 3:
                assert turns.is_crowded()  # whoever comes now is behind those who wait
        assert counts == [CROWD, 2 * CROWD, 2 * CROWD + 5, 2 * CROWD + 5]
        assert handled == list(range(2 * CROWD + 5))
        assert not turns.is_crowded()

    asyncio.run(main())


def test_an_error_in_one_request_of_a_crowd_does_not_keep_the_others_waiting() -> None:
    async def main() -> None:
        turns, handled, errors = Turns(), [], []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context["exception"]))
        while not turns.is_crowded():
            pass
        turns.line_up(lambda: 1 / 0)  # type: ignore[arg-type,return-value]
        turns.line_up(lambda: handled.append(1))
        for _ in range(3):
            await asyncio.sleep(0)
        assert handled == [1]
        assert [type(error) for error in errors] == [ZeroDivisionError]

    asyncio.run(main())
