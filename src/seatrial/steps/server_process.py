"""The server as a child process: started with its environment's interpreter, waited for, stopped with its parent."""

import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seatrial.core.errors import SeatrialError
from seatrial.steps.running_servers import served_folder

PATIENCE = 60.0  # seconds until a server that does not answer is given up
STOPPING = 10.0  # seconds until one that does not end is killed
Server = subprocess.Popen[bytes]


@contextmanager
def running_server(
    python: Path, package: str, arguments: list[str], extra: dict[str, str] | None = None
) -> Iterator[Server]:
    """Run the server of `package` with the interpreter of its environment; `extra` are environment variables.

    It ends with the block, and whatever asks this process to stop, ends the block: no server is left without it.
    """
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")}
    environment |= {"SEATRIAL_SERVED_DIR": str(served_folder()), **(extra or {})}
    before = signal.signal(signal.SIGTERM, _leave)
    try:
        server = subprocess.Popen([str(python), "-m", "seatrial.serve", package, *arguments], env=environment)
        try:
            yield server
        finally:
            _stop(server)
    finally:
        signal.signal(signal.SIGTERM, before)


def _leave(*_: object) -> None:
    raise SystemExit(128 + signal.SIGTERM)


def wait_until_ready(server: Server, url: str) -> None:
    """Return when the server says it is ready; SeatrialError where it ends or does not get there."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if server.poll() is not None:
            raise SeatrialError(f"The server ended with exit code {server.returncode}.", hint="What it said is above.")
        try:
            with urllib.request.urlopen(f"{url}/ready", timeout=2):  # noqa: S310 - our own address
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise SeatrialError(f"The server was not ready after {PATIENCE:.0f} s.")


def wait_for(server: Server) -> int:
    """Wait until the server ends, and give its exit code; whatever asks this process to stop, asks the server."""
    while True:
        try:
            return max(server.wait(), 0)
        except (KeyboardInterrupt, SystemExit):
            server.terminate()  # a terminal's Ctrl-C has reached it too, and twice does no harm


def _stop(server: Server) -> None:
    """End the server, in its own time at first."""
    if server.poll() is not None:
        return
    server.terminate()
    try:
        server.wait(STOPPING)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
