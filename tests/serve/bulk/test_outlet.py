"""What a thread writes for a client that does not read yet: all of it arrives, in order, within limits."""

import asyncio
import random
import threading

import pytest

from seatrial.serve.bulk import outlet as module
from seatrial.serve.bulk.inlet import ClientGoneError
from seatrial.serve.bulk.outlet import HELD, AnswerTooLargeError, Outlet

SEED = 20261204


def pieces(count: int) -> list[bytes]:
    generator = random.Random(SEED)
    return [generator.randbytes(generator.randrange(1, HELD // 3)) for _ in range(count)]


@pytest.mark.parametrize("limit", [0, HELD, 2**30])
@pytest.mark.parametrize("folder", [True, False])
def test_everything_arrives_in_order(limit: int, folder: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the client is slow or not, and where no temporary file can be made as well."""
    if not folder:
        monkeypatch.setattr(module.tempfile, "TemporaryFile", no_folder)
    written = pieces(40)

    async def main() -> bytes:
        outlet = Outlet(limit)

        def write() -> None:
            for piece in written:
                outlet.write(piece)
            outlet.finish()

        thread = threading.Thread(target=write)
        thread.start()
        assert await outlet.begin() is None
        await asyncio.sleep(0.05)  # the client sends first
        read = []
        while piece := await outlet.take():
            read.append(piece)
        thread.join()
        outlet.give_up()
        return b"".join(read)

    assert asyncio.run(main()) == b"".join(written)


def no_folder(**_: object) -> None:
    raise OSError


def test_an_answer_that_must_be_whole_is_bounded() -> None:
    async def main() -> None:
        outlet = Outlet(HELD, whole=True)

        def write() -> None:
            for piece in pieces(40):
                outlet.write(piece)

        with pytest.raises(AnswerTooLargeError):
            await asyncio.to_thread(write)
        outlet.give_up()

    asyncio.run(main())


def test_a_thread_that_waits_for_the_client_learns_that_it_has_gone() -> None:
    async def main() -> None:
        outlet = Outlet(0)

        def write() -> None:
            for piece in pieces(40):
                outlet.write(piece)

        writing = asyncio.create_task(asyncio.to_thread(write))
        await asyncio.sleep(0.1)
        outlet.give_up()
        with pytest.raises(ClientGoneError):
            await writing

    asyncio.run(main())
