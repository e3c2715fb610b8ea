"""The server as a child process: started with its environment's interpreter, waited for, stopped with its parent."""

import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

from seatrial.cli.served import served_folder
from seatrial.core.errors import SeatrialError

PATIENCE = 60.0  # seconds until a server that does not answer is given up
Server = subprocess.Popen[bytes]


def start_server(python: Path, package: str, arguments: list[str], extra: dict[str, str] | None = None) -> Server:
    """Start the server of `package` with the interpreter of its environment; `extra` are environment variables."""
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")}
    environment |= {"SEATRIAL_SERVED_DIR": str(served_folder()), **(extra or {})}
    return subprocess.Popen([str(python), "-m", "seatrial.serve", package, *arguments], env=environment)


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
    before = signal.signal(signal.SIGTERM, lambda *_: server.terminate())
    try:
        while True:
            try:
                return max(server.wait(), 0)
            except KeyboardInterrupt:
                server.terminate()  # a terminal's Ctrl-C has reached it too, and twice does no harm
    finally:
        signal.signal(signal.SIGTERM, before)


def stop(server: Server) -> None:
    """End the server, in its own time at first."""
    server.terminate()
    try:
        server.wait(10)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
