"""`python -m benchmarks.index_floods`: the index in 512 MiB of memory, flooded by clients without the password.

Beside each flood, health and a request with the right password are measured on new connections. The limit is a control
group of version 1, which takes root; without one the figures are of a process without a limit, and say so.
"""

import argparse
import base64
import json
import multiprocessing
import os
import selectors
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

MEMORY = 512 * 2**20
GROUPS = Path("/sys/fs/cgroup/memory")
PASSWORD = "the-right-password"
HEAD = b"Host: localhost\r\n"
CLIENTS = 600
PAUSE = 0.02  # seconds between two honest requests


@dataclass(frozen=True)
class FloodResult:
    """What honest callers noticed of one flood. Times in milliseconds."""

    flood: str
    limited: bool  # whether the memory was limited
    sent: int  # what the flood sent: connections, or pieces of requests
    honest: int
    lost: int
    median: float
    p99: float
    longest: float
    memory_mb: float  # the most, of the control group
    memory_after_mb: float
    alive: bool


def credentials(password: str) -> bytes:
    """The header of a user with this password."""
    return b"Authorization: Basic " + base64.b64encode(f"__token__:{password}".encode()) + b"\r\n"


Piece = Callable[[int], bytes]  # what a client of a flood sends at its n-th turn; empty: nothing


def silent(_turn: int) -> bytes:
    """Send nothing."""
    return b""


def endless_header(turn: int) -> bytes:
    """Send a header that never ends."""
    return b"GET /simple/ HTTP/1.1\r\n" + HEAD if turn == 0 else b"x-%d: %s\r\n" % (turn, b"a" * 4000)


def half_upload(turn: int) -> bytes:
    """Send the first half of an upload, without a password."""
    head = (
        b"POST / HTTP/1.1\r\n"
        + HEAD
        + b"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 1000000\r\n\r\n"
    )
    return head if turn == 0 else b"x" * 16_000 if turn < 30 else b""


def guess(turn: int) -> bytes:
    """Guess a password."""
    return b"GET /simple/ HTTP/1.1\r\n" + HEAD + credentials(f"guess-{turn}") + b"\r\n" if turn == 0 else b""


FLOODS: dict[str, Piece] = {
    "silent sockets": silent,
    "endless headers": endless_header,
    "half uploads": half_upload,
    "guessed passwords": guess,
}


class Flood:
    """A process of many clients that each send a piece at a time, and connect again when they are thrown out."""

    def __init__(self, port: int, piece: Piece, clients: int) -> None:
        context = multiprocessing.get_context("fork")
        self._port, self._piece, self._clients = port, piece, clients
        self._sent = context.Value("q", 0)
        self._process = context.Process(target=self._run, daemon=True)

    @property
    def sent(self) -> int:
        """How many connections it made, and pieces it sent."""
        return int(self._sent.value)

    def __enter__(self) -> "Flood":
        self._process.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.join()

    def _run(self) -> None:
        selector = selectors.DefaultSelector()
        open_now = 0
        while True:
            for _ in range(min(50, self._clients - open_now)):
                connection = socket.socket()
                connection.setblocking(False)
                connection.connect_ex(("127.0.0.1", self._port))
                selector.register(connection, selectors.EVENT_READ | selectors.EVENT_WRITE, [0])
                open_now += 1
                self._sent.value += 1
            for key, events in selector.select(0.05):
                if not self._serve(key, events):
                    selector.unregister(key.fileobj)
                    key.fileobj.close()  # type: ignore[union-attr]
                    open_now -= 1
            time.sleep(0.01)

    def _serve(self, key: selectors.SelectorKey, events: int) -> bool:
        connection: socket.socket = key.fileobj  # type: ignore[assignment]
        try:
            if events & selectors.EVENT_READ and not connection.recv(65536):
                return False
            if events & selectors.EVENT_WRITE and (piece := self._piece(key.data[0])):
                connection.send(piece)
                self._sent.value += 1
            key.data[0] += 1
        except (BlockingIOError, InterruptedError):
            pass
        except OSError:
            return False
        return True


def honest(port: int, seconds: float) -> tuple[list[float], int]:
    """Ask for health and, with the right password, for the list of projects; returns times, and how many were lost."""
    times, lost = [], 0
    requests = [b"GET /health HTTP/1.1\r\n" + HEAD, b"GET /simple/ HTTP/1.1\r\n" + HEAD + credentials(PASSWORD)]
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for request in requests:
            began = time.monotonic()
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
                    connection.sendall(request + b"Connection: close\r\n\r\n")
                    answered = connection.recv(65536).startswith(b"HTTP/1.1 200")
            except OSError:
                answered = False
            times.append(time.monotonic() - began)
            lost += not answered
            time.sleep(PAUSE)
    return sorted(times), lost


@contextmanager
def limited_index(folder: Path, memory: int = MEMORY) -> "Iterator[tuple[int, subprocess.Popen[bytes], Path | None]]":
    """Run the index in a control group with this much memory, if this machine allows it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    group: Path | None = GROUPS / f"seatrial-index-{os.getpid()}"
    try:
        group.mkdir()  # type: ignore[union-attr]
        (group / "memory.limit_in_bytes").write_text(str(memory))  # type: ignore[operator]
    except OSError:
        group = None
    join = f"echo $$ > {group}/cgroup.procs; " if group else ""
    command = f'{join}exec "$0" -m seatrial index serve --folder "$1" --port {port}'
    process = subprocess.Popen(
        ["/bin/sh", "-c", command, sys.executable, str(folder)],
        env={**os.environ, "SEATRIAL_INDEX_PASSWORD": PASSWORD},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while honest(port, 0.01)[1]:
            time.sleep(0.1)
            if process.poll() is not None:
                raise RuntimeError(f"the index ended with {process.returncode}")
        yield port, process, group
    finally:
        process.kill()
        process.wait()
        if group:
            for _ in range(50):
                with suppress(OSError):
                    group.rmdir()
                    break
                time.sleep(0.1)


def _used(group: Path | None, process: "subprocess.Popen[bytes]", *, peak: bool = False) -> float:
    if group:
        return int((group / ("memory.max_usage_in_bytes" if peak else "memory.usage_in_bytes")).read_text()) / 2**20
    with suppress(OSError):
        pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    return 0.0


def measure(flood: str, *, seconds: float, clients: int = CLIENTS) -> FloodResult:
    """Measure one flood."""
    with (
        tempfile.TemporaryDirectory(prefix="seatrial-floods-") as folder,
        limited_index(Path(folder)) as (port, process, group),
    ):
        with Flood(port, FLOODS[flood], clients) as running:
            time.sleep(1)
            times, lost = honest(port, seconds)
            peak = _used(group, process, peak=True)
        time.sleep(2)
        after = _used(group, process)
        return FloodResult(
            flood,
            group is not None,
            running.sent,
            len(times),
            lost,
            *(round(1000 * times[min(len(times) - 1, int(len(times) * share))], 1) for share in (0.5, 0.99, 1.0)),
            round(peak),
            round(after),
            process.poll() is None,
        )


def main() -> None:
    """Measure the floods, and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.index_floods", description=__doc__)
    parser.add_argument("floods", nargs="*", default=[*FLOODS])
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--clients", type=int, default=CLIENTS)
    options = parser.parse_args()
    for flood in options.floods:
        print(json.dumps(asdict(measure(flood, seconds=options.seconds, clients=options.clients))), flush=True)


if __name__ == "__main__":
    main()
