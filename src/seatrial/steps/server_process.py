"""The server as a child process: started with its environment's interpreter, and stopped with its parent."""

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seatrial.steps.running_servers import servers_folder

STOP_SECONDS = 10.0  # until a server that does not end is killed
ServerProcess = subprocess.Popen[bytes]


@contextmanager
def server_process(
    python: Path, package: str, arguments: list[str], variables: dict[str, str] | None = None
) -> Iterator[ServerProcess]:
    """Run the server of `package` with the interpreter of its environment, and more environment `variables`.

    The server ends with the block, and whatever stops this process ends the block, so no server is left behind.
    """
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")}
    environment |= {"SEATRIAL_SERVED_DIR": str(servers_folder()), **(variables or {})}
    with _exit_on_sigterm():
        server = subprocess.Popen([str(python), "-m", "seatrial.serve", package, *arguments], env=environment)
        try:
            yield server
        finally:
            _stop(server)


@contextmanager
def _exit_on_sigterm() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():  # signals are the main thread's
        yield
        return
    before = signal.signal(signal.SIGTERM, _exit)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _exit(*_: object) -> None:
    raise SystemExit(128 + signal.SIGTERM)


def wait_for(server: ServerProcess) -> int:
    """Wait until the server ends, and return its exit code; a request to stop this process is passed on to it."""
    while True:
        try:
            return max(server.wait(), 0)
        except (KeyboardInterrupt, SystemExit):
            server.terminate()  # Ctrl-C in a terminal has reached it too, and a second signal does no harm


def _stop(server: ServerProcess) -> None:
    """Ask the server to end, and kill it if it does not."""
    if server.poll() is not None:
        return
    server.terminate()
    try:
        server.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
