"""Runs external command lines (docker, railway, kubectl): quietly, with a timeout, with their last output in errors."""

import os
import shutil
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from seatrial.core.errors import SeatrialError
from seatrial.wheels.installer import last_lines

QUICK = 60.0  # seconds, for queries that download nothing


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
    ) -> str:
        """Run it and return its standard output, followed by its standard error if `with_stderr`.

        Raises ToolError where it fails or takes longer than `timeout` seconds; `doing` completes "cannot ...".
        """
        try:
            process = subprocess.Popen(
                [self.path, *arguments],
                cwd=folder,
                stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                start_new_session=True,  # so that its children can be killed with it
            )
        except OSError as error:
            raise ToolError(f"Cannot run {self.path}: {error.strerror}.", hint=hint) from None
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
