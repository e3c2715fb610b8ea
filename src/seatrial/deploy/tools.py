"""Other people's command lines (docker, railway, kubectl): run quietly, ended in time, their last words in errors."""

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from seatrial.core.errors import SeatrialError
from seatrial.wheels.installer import last_lines

QUICK = 60.0  # seconds for what asks a running engine and loads nothing


class ToolError(SeatrialError):
    """A tool said no; `output` is all that it said, without secrets."""

    def __init__(self, message: str, *, hint: str = "", output: str = "") -> None:
        super().__init__(message, hint=hint)
        self.output = output


@dataclass(frozen=True)
class Tool:
    """An installed command. What is in `secrets` is struck from everything that it says."""

    path: str
    secrets: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The command, as people know it."""
        return Path(self.path).name

    def run(
        self,
        *arguments: str,
        doing: str,
        timeout: float = QUICK,
        folder: Path | None = None,
        given: str | None = None,
        hint: str = "",
        errors_too: bool = False,
    ) -> str:
        """Run it with `given` on standard input, and return its standard output, with `errors_too` the other as well.

        Raises ToolError where it fails or takes longer than `timeout` seconds; `doing` completes "cannot ...".
        """
        try:
            process = subprocess.Popen(
                [self.path, *arguments],
                cwd=folder,
                stdin=subprocess.DEVNULL if given is None else subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                start_new_session=True,  # so that whatever it has started ends with it
            )
        except OSError as error:
            raise ToolError(f"{self.path} cannot be run: {error.strerror}.", hint=hint) from None
        try:
            out, err = process.communicate(given, timeout)
        except subprocess.TimeoutExpired:
            _end(process)
            raise ToolError(
                f"{self.name} cannot {doing}: it did not end within {timeout:.0f} s.",
                hint=hint or "Is the network there, and does it wait for an answer?",
            ) from None
        except BaseException:
            _end(process)
            raise
        if process.returncode:
            told = self._clean(err.strip() or out)
            words = f"; it says:\n{last_lines(told)}" if told else f": exit code {process.returncode}."
            raise ToolError(f"{self.name} cannot {doing}{words}", hint=hint, output=self._clean(f"{out}\n{err}"))
        return self._clean(f"{out}{err}" if errors_too else out)

    def _clean(self, text: str) -> str:
        for secret in filter(None, self.secrets):
            text = text.replace(secret, "****")
        return text


def find_tool(names: Sequence[str], *, hint: str, secrets: tuple[str, ...] = ()) -> Tool:
    """Find the first of these commands on the path; SeatrialError with `hint` where there is none."""
    for name in names:
        if path := shutil.which(name):
            return Tool(path, secrets)
    raise SeatrialError(f"{' or '.join(names)} is not installed.", hint=hint)


def _end(process: "subprocess.Popen[str]") -> None:
    with suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
