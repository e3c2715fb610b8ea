"""Runs external command lines (docker, railway, kubectl): quietly, with a timeout, with their last output in errors."""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from seatrial.core.errors import SeatrialError
from seatrial.wheels.installer import last_lines

QUICK = 60.0  # seconds, for queries that download nothing
POLL_SECONDS = 0.05
# A shell that keeps its standard input, a lock, open as long as the command runs, which does not get it: podman would
# pass it on to the process that watches a container for good.
KEEPER = ("/bin/sh", "-c", '"$@" </dev/null; exit $?', "sh")


class ToolError(SeatrialError):
    """A tool failed; `output` is everything that it printed, without secrets."""

    def __init__(self, message: str, *, hint: str = "", output: str = "") -> None:
        super().__init__(message, hint=hint)
        self.output = output


@dataclass(frozen=True)
class Tool:
    """An installed command. Its `secrets` are masked in everything that it prints."""

    path: str
    secrets: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The command's name, without its folder."""
        return Path(self.path).name

    def run(
        self,
        *arguments: str,
        doing: str,
        timeout: float = QUICK,
        folder: Path | None = None,
        stdin: str | None = None,
        hint: str = "",
        with_stderr: bool = False,
        lock: Path | None = None,
    ) -> str:
        """Run it and return its standard output, followed by its standard error if `with_stderr`.

        With `lock`, `wait_until_free` can wait for its end, although this process is killed before.

        Raises ToolError where it fails or takes longer than `timeout` seconds; `doing` completes "cannot ...".
        """
        keeper, held = _held(lock)
        try:
            process = subprocess.Popen(
                [*keeper, self.path, *arguments],
                cwd=folder,
                stdin=subprocess.PIPE if stdin is not None else held,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                start_new_session=True,  # so that its children can be killed with it
            )
        except OSError as error:
            raise ToolError(f"Cannot run {self.path}: {error.strerror}.", hint=hint) from None
        finally:
            if held >= 0:
                os.close(held)
        try:
            out, err = process.communicate(stdin, timeout)
        except subprocess.TimeoutExpired:
            _kill(process)
            raise ToolError(
                f"{self.name} cannot {doing}: it did not finish within {timeout:.0f} s.",
                hint=hint or "Check the network connection, and whether the command waits for input.",
            ) from None
        except BaseException:
            _kill(process)
            raise
        if process.returncode:
            output = self._mask(err.strip() or out)
            cause = f". Its output:\n{last_lines(output)}" if output else f": exit code {process.returncode}."
            raise ToolError(f"{self.name} cannot {doing}{cause}", hint=hint, output=self._mask(f"{out}\n{err}"))
        return self._mask(f"{out}{err}" if with_stderr else out)

    def _mask(self, text: str) -> str:
        for secret in filter(None, self.secrets):
            text = text.replace(secret, "****")
        return text


def _held(lock: Path | None) -> tuple[tuple[str, ...], int]:
    """What starts a command that holds a lock, and its standard input; without a lock, none and the null device."""
    if lock is None or sys.platform == "win32":
        return (), subprocess.DEVNULL
    import fcntl

    lock.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
    fcntl.flock(handle, fcntl.LOCK_SH)
    return KEEPER, handle


def wait_until_free(lock: Path, seconds: float = QUICK) -> None:
    """Wait until no command holds the lock: one that a killed process had started goes on without it."""
    if sys.platform == "win32" or not lock.exists():
        return
    import fcntl

    deadline, handle = time.monotonic() + seconds, os.open(lock, os.O_RDWR)
    try:
        while time.monotonic() < deadline:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(POLL_SECONDS)
            else:
                return
    finally:
        os.close(handle)


def find_tool(name: str, *, hint: str, secrets: tuple[str, ...] = ()) -> Tool:
    """Find a command on the PATH. Raises SeatrialError with `hint` where it is not installed."""
    path = shutil.which(name)
    if path is None:
        raise SeatrialError(f"{name} is not installed.", hint=hint)
    return Tool(path, secrets)


def _kill(process: "subprocess.Popen[str]") -> None:
    with suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
