"""A log that nobody reads: lines are dropped and counted, and nothing waits."""

import errno
import fcntl
import logging
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.serve.clients import until

from seatrial.http.log_writer import QUEUE_BYTES, BackgroundHandler, DroppingWriter


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe of one page."""
    ends = os.pipe()
    fcntl.fcntl(ends[1], fcntl.F_SETPIPE_SZ, 4096)
    yield ends
    for end in ends:
        os.close(end)


def test_lines_are_dropped_and_counted_while_nobody_reads(pipe: tuple[int, int]) -> None:
    reported: list[int] = []
    writer = DroppingWriter(pipe[1], reported.append)
    line = "x" * 99 + "\n"
    began = time.perf_counter()
    for _ in range(20_000):
        writer.write(line)
    assert time.perf_counter() - began < 2
    assert reported == []
    read = b""
    while not reported:
        if select.select([pipe[0]], [], [], 0.1)[0]:
            read += os.read(pipe[0], 65536)
    writer.stop()
    os.set_blocking(pipe[0], False)
    try:
        while more := os.read(pipe[0], 65536):
            read += more
    except BlockingIOError:
        pass
    lines = read.count(b"\n")
    assert lines + sum(reported) == 20_000
    assert QUEUE_BYTES // 100 <= lines < 20_000
    assert set(read.split(b"\n")) == {line[:-1].encode(), b""}


def test_stopping_does_not_wait_for_a_reader(pipe: tuple[int, int]) -> None:
    writer = DroppingWriter(pipe[1], lambda count: None)
    writer.write("x" * 10_000 + "\n")
    began = time.perf_counter()
    writer.stop()
    assert time.perf_counter() - began < 2
    os.read(pipe[0], 65536)


def test_the_standard_librarys_logging_never_waits(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as stream:
        handler = BackgroundHandler(stream)
        handler.emit(logging.LogRecord("uvicorn.access", logging.INFO, "", 0, "%s - %d", ("GET /x", 200), None))
        handler._report(7)
        handler.close()
    until(lambda: (tmp_path / "log").read_text().count("\n") == 2)
    first, second = (tmp_path / "log").read_text().splitlines()
    assert first.endswith("INFO     GET /x - 200")
    assert second.endswith("WARNING  7 log lines were dropped: nobody read the log, or it could not be written")


def test_what_a_full_disk_does_not_take_is_counted_and_leaves_no_torn_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full: dict[str, int] = {"now": False}

    def write(handle: int, data: bytes) -> int:
        if not full["now"]:
            return os_write(handle, data)
        if room := full.pop("room", 0):
            return os_write(handle, data[:room])
        raise OSError(errno.ENOSPC, "No space left on device")

    os_write = os.write
    reported: list[int] = []
    with (tmp_path / "log").open("wb") as file:
        writer = DroppingWriter(file.fileno(), reported.append)
        monkeypatch.setattr("seatrial.http.log_writer.os.write", write)
        writer.write("first\n")
        until(lambda: not writer._bytes)
        full.update(now=True, room=3)
        writer.write("second\nthird\n")
        writer.write("fourth\n")
        until(lambda: not writer._bytes)
        assert reported == []  # it could not be written either
        full["now"] = False
        writer.write("fifth\n")
        until(lambda: reported)
        writer.stop()
    assert reported == [3]
    assert (tmp_path / "log").read_text() == "first\nsec\nfifth\n"


def test_a_pipe_that_another_process_made_non_blocking_loses_no_line(pipe: tuple[int, int]) -> None:
    os.set_blocking(pipe[1], False)
    writer = DroppingWriter(pipe[1], lambda count: None)
    for number in range(300):
        writer.write(f"{number:099d}\n")
    read = b""
    while read.count(b"\n") < 300:
        read += os.read(pipe[0], 65536)
    assert [int(line) for line in read.splitlines()] == list(range(300))
    writer.stop()


def test_long_lines_of_several_processes_do_not_mix() -> None:
    code = "import sys, time; from seatrial.http.log_writer import DroppingWriter; writer = DroppingWriter(1, print)\n"
    code += "for _ in range(20): writer.write(sys.argv[1] * 50_000 + '\\n')\n"
    code += "print('.', end='', file=sys.stderr, flush=True)\n"
    code += "while writer._bytes: time.sleep(0.01)"
    (reading, writing), (started, starting) = os.pipe(), os.pipe()
    for mark in "abc":
        subprocess.Popen([sys.executable, "-c", code, mark], stdout=writing, stderr=starting)
    os.close(writing)
    os.close(starting)
    with os.fdopen(reading, "rb") as log, os.fdopen(started, "rb") as ready:
        assert ready.read(3) == b"..."  # all of them want to write now, and the pipe is full
        lines = log.read().splitlines()
    assert sorted(lines) == sorted(mark * 50_000 for mark in (b"a", b"b", b"c") for _ in range(20))
