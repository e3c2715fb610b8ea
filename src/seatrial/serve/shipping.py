"""Runs the shipper of the prediction log beside a server: one process, started again where it dies.

It is a process of its own, since it needs pyarrow, and since it may not take time from requests. It ends with the
server, after it has delivered what the server wrote last.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from loguru import logger

from seatrial.core.errors import SeatrialError
from seatrial.prediction_log.destinations import open_destination
from seatrial.prediction_log.log_settings import (
    PYTHON_VARIABLE,
    VARIABLE,
    LogSettings,
    parse_log_settings,
    spool_folder,
)
from seatrial.serve.server_settings import KEYS, WORKER_SETTINGS, Settings

MODULE = "seatrial.prediction_log"
CHECK_SECONDS = 60.0
LONGEST_WAIT = 30.0  # seconds before a shipper that keeps dying is started again
STEADY_SECONDS = 60.0  # after which it is not one that keeps dying
DONE = (0, 3)  # exit codes of a shipper that was told to stop: the spool is empty, or not
MARGIN = 2.0  # seconds that the shipper is given beyond the time to drain


@contextmanager
def shipping(settings: Settings, release: str) -> Iterator[None]:
    """Deliver the prediction log while the block runs, if there is one, and what is left when it ends.

    Raises SeatrialError where the settings are wrong, or a library is missing.
    """
    if not settings.prediction_log:
        yield
        return
    log = parse_log_settings(settings.prediction_log)
    shipper = _Shipper(log, spool_folder(log, release), max(settings.drain, settings.stop_timeout))
    shipper.check()
    shipper.start()
    try:
        yield
    finally:
        shipper.stop()


class _Shipper:
    """The process, and the thread that starts it and logs what it says."""

    def __init__(self, settings: LogSettings, spool: Path, drain: float) -> None:
        self._spool = spool
        self._drain = drain
        self._to = settings.to
        self._python = os.environ.get(PYTHON_VARIABLE, "")
        if not Path(self._python).is_file():
            self._python = ""
        # Not on the command line, which others can read. Access keys are not for this process.
        kept = {name: value for name, value in os.environ.items() if name not in (KEYS, WORKER_SETTINGS)}
        self._environment = {**kept, VARIABLE: settings.text()}
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="shipper", daemon=True)

    def check(self) -> None:
        """Raise SeatrialError where the shipper could not work."""
        if not self._python:
            open_destination(self._to)
            return
        done = subprocess.run(
            self._command("--check"), env=self._environment, capture_output=True, timeout=CHECK_SECONDS, check=False
        )
        if done.returncode:
            lines = (done.stdout or done.stderr).decode(errors="replace").strip().splitlines() or ["it cannot start"]
            raise SeatrialError(lines[-1].removeprefix("error ").strip())

    def start(self) -> None:
        """Start the process and keep it running."""
        self._thread.start()

    def stop(self) -> None:
        """Let the process deliver what is left, and end it after the time for that."""
        with self._lock:
            self._stopping.set()
            if self._process is not None:
                _tell_to_stop(self._process)
        self._thread.join(self._drain + MARGIN)
        if self._thread.is_alive() and self._process is not None:
            self._process.kill()
            self._thread.join(MARGIN)
        if self._process is None or self._process.returncode != 0:
            logger.warning("The prediction log has more to deliver: the next server with this spool does that.")

    def _command(self, *options: str) -> list[str]:
        return [self._python or sys.executable, "-m", MODULE, *options, str(self._spool)]

    def _run(self) -> None:
        # The process inherits this, so that a signal to all processes does not end it before it ignores signals.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
        wait = 0.5
        while True:
            began = time.monotonic()
            process, last = self._begin()
            _log_lines(process)
            code = process.wait()
            if last or (self._stopping.is_set() and code in DONE):
                return
            if self._stopping.is_set():
                continue  # it was killed, so that another one delivers the rest
            wait = 0.5 if time.monotonic() - began > STEADY_SECONDS else min(2 * wait, LONGEST_WAIT)
            logger.warning("the shipper of the prediction log ended with {}; it starts again in {:.0f} s", code, wait)
            self._stopping.wait(wait)

    def _begin(self) -> tuple[subprocess.Popen[bytes], bool]:
        """Start the process; returns it, and whether it was told to stop already."""
        with self._lock:
            self._process = subprocess.Popen(
                self._command("--child", "--drain", str(self._drain)),
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
            if self._stopping.is_set():
                _tell_to_stop(self._process)
            return self._process, self._stopping.is_set()


def _tell_to_stop(process: subprocess.Popen[bytes]) -> None:
    """End its standard input, as the end of this process would."""
    assert process.stdin
    with suppress(OSError):
        process.stdin.close()


def _log_lines(process: subprocess.Popen[bytes]) -> None:
    """Log what the shipper says, until it ends. Its lines are a level and a message; others come from a crash."""
    assert process.stdout
    for line in process.stdout:
        level, _, message = line.decode(errors="replace").rstrip().partition(" ")
        if level in ("info", "warning", "error"):
            logger.log(level.upper(), "{}", message)
        elif line.strip():
            logger.error("the shipper of the prediction log: {}", line.decode(errors="replace").rstrip())
