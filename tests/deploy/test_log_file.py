"""The log of a supervised server: bounded files, whole lines, and no error of the disk reaches the server."""

import asyncio
import errno
import io
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from seatrial.deploy.log_file import DROPPED, RotatingLog, log_pipe, remove_log, rotated


def lines_in(path: Path, count: int) -> list[list[bytes]]:
    """The lines of each file of a log, the oldest first."""
    files = [rotated(path, number) for number in reversed(range(count))]
    return [file.read_bytes().splitlines() for file in files if file.exists()]


@pytest.mark.parametrize("piece", [7, 64, 100_000])
def test_files_are_bounded_in_size_and_number_and_end_with_a_line(tmp_path: Path, piece: int) -> None:
    path = tmp_path / "server.log"
    log = RotatingLog(path, 1000, 3)
    written = [b"%06d " % number + b"x" * (number % 40) for number in range(500)]
    data = b"\n".join(written) + b"\n"
    for start in range(0, len(data), piece):
        log.write(data[start : start + piece])
    log.close()
    files = lines_in(path, 3)
    assert len(files) == 3
    kept = [line for lines in files for line in lines]
    assert kept == written[-len(kept) :]
    assert all(700 < rotated(path, number).stat().st_size <= 1000 + 50 for number in (1, 2))
    assert sorted(each.name for each in tmp_path.iterdir()) == ["server.log", "server.log.1", "server.log.2"]
    remove_log(path)
    assert list(tmp_path.iterdir()) == []


def test_a_line_without_an_end_does_not_grow_without_bound(tmp_path: Path) -> None:
    log = RotatingLog(tmp_path / "log", 1000, 2)
    for _ in range(100):
        log.write(b"x" * 300)
    log.close()
    assert sum(each.stat().st_size for each in tmp_path.iterdir()) < 5000


def test_a_log_goes_on_where_it_ended(tmp_path: Path) -> None:
    for text in ("one\n", "two \u2028\udc80\n"):
        log = RotatingLog(tmp_path / "log", 1000, 2)
        log.write(text)
        log.close()
    assert (tmp_path / "log").read_bytes() == b"one\ntwo \xe2\x80\xa8\\udc80\n"


def test_lines_that_cannot_be_written_are_counted(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    log = RotatingLog(folder / "log", 1000, 2)  # the folder does not exist yet
    log.write(b"one\ntwo\n")
    folder.mkdir()
    log.write(b"three\n")
    log.close()
    assert (folder / "log").read_bytes().splitlines() == [
        b"2 log lines were dropped, because they could not be written",
        b"three",
    ]


def test_a_disk_that_becomes_full_in_the_middle_of_a_line(tmp_path: Path) -> None:
    class Disk(io.BytesIO):
        room = 10

        def write(self, data: bytes) -> int:  # type: ignore[override]
            if not self.room:
                raise OSError(errno.ENOSPC, "No space left on device")
            taken = bytes(data[: self.room])
            Disk.room -= len(taken)
            return super().write(taken)

        def fileno(self) -> int:
            return handle

    with (tmp_path / "log").open("wb") as file:
        handle, disk = file.fileno(), Disk()
        log = RotatingLog(tmp_path / "log", 1000, 2)
        log.close()
        log._file = disk  # type: ignore[assignment]
        log.write(b"first\nsecond\nthird\n")
        log.write(b"fourth\n")
        Disk.room = 1000
        log.write(b"fifth\n")
        assert disk.getvalue() == b"first\nseco\n" + DROPPED % 3 + b"fifth\n"


@pytest.mark.parametrize("lost", ["the file", "the folder", "renamed"])
def test_a_log_that_is_removed_or_renamed_is_begun_anew(tmp_path: Path, lost: str) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    log = RotatingLog(folder / "log", 1000, 2)
    log.write(b"one\n")
    if lost == "the file":
        log.path.unlink()
    elif lost == "renamed":
        log.path.rename(tmp_path / "elsewhere")
    else:
        shutil.rmtree(folder)
        log.write(b"two\n")
        folder.mkdir()  # by the supervisor
    log.write(b"three\n")
    log.close()
    assert log.path.read_bytes().splitlines()[-1] == b"three"
    assert log.path.read_bytes().count(b"dropped") == (lost == "the folder")


def test_a_kill_in_the_middle_of_a_rotation_leaves_whole_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each rename is the last thing that a supervisor did; the next one goes on with what is there."""
    for last in range(1, 4):
        path = tmp_path / str(last) / "log"
        path.parent.mkdir()
        renames = 0

        def replace(source: Path, target: Path, last: int = last, real: Callable[..., Path] = Path.replace) -> None:
            nonlocal renames
            renames += 1
            if renames == last:
                raise KeyboardInterrupt
            real(source, target)

        log = RotatingLog(path, 100, 4)
        for number in range(6):
            log.write(b"%d" % number * 60 + b"\n")
        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", replace)
            with pytest.raises(KeyboardInterrupt):
                log.write(b"x" * 60 + b"\n")
        again = RotatingLog(path, 100, 4)
        again.write(b"y" * 60 + b"\n")
        again.close()
        kept = [line for file in sorted(path.parent.iterdir()) for line in file.read_bytes().splitlines()]
        assert b"y" * 60 in kept
        assert all(len(line) == 60 and len(set(line)) == 1 for line in kept)
        assert len(set(kept)) == len(kept)


def test_what_a_process_writes_reaches_the_file(tmp_path: Path) -> None:
    async def main() -> None:
        output, pipe = await log_pipe(RotatingLog(tmp_path / "log", 100_000, 2))
        command = ("sh", "-c", "for n in 1 2 3; do echo out $n; echo err $n >&2; done")
        process = await asyncio.create_subprocess_exec(*command, stdout=output, stderr=output)
        os.close(output)
        await process.wait()
        await asyncio.wait_for(pipe.ended.wait(), 5)

    asyncio.run(main())
    assert (tmp_path / "log").read_text().split() == [
        "out",
        "1",
        "err",
        "1",
        "out",
        "2",
        "err",
        "2",
        "out",
        "3",
        "err",
        "3",
    ]
