"""The errors that a user can fix; any other exception is a bug in Seatrial.

SeatrialError        what is wrong and where, and a hint: what to do next
├── UsageError       the call is wrong: what was asked for does not apply
├── DataError        rows or cells that violate the schema, each with its place
└── CompileError     a pipeline cannot become an exact graph; training falls back to the native engine
"""

import errno
import os
from dataclasses import dataclass

QUOTA = getattr(errno, "EDQUOT", errno.ENOSPC)  # which Windows does not have
# What the machine refuses; any other OSError is a bug.
REFUSALS = {
    *(errno.ENOSPC, errno.EACCES, errno.EPERM, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.EIO, errno.ENAMETOOLONG),
    *(
        errno.EFBIG,
        errno.ENOMEM,
        errno.ELOOP,
        errno.EISDIR,
        errno.ENOTDIR,
        errno.ENOTEMPTY,
        QUOTA,
    ),
}


class SeatrialError(Exception):
    """Something the user can fix: the message says what is wrong and where, `hint` says what to do next."""

    exit_code = 1  # of the command that fails with it

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def _render_traceback_(self) -> list[str]:
        """Lines that IPython prints in place of a traceback."""
        lines = [f"{type(self).__name__}: {self.message}"]
        return [*lines, f"hint: {self.hint}"] if self.hint else lines


@dataclass(frozen=True)
class Problem:
    """One value that violates one rule. `line` counts as an editor does (the header is 1); `row` counts from 0.

    `kind` is the rule's short name, as in an HTTP 422. `key` names the row where its place says nothing: `id 17`.
    """

    row: int
    column: str
    value: str
    rule: str
    line: int | None = None
    kind: str = "value_error"
    key: str = ""

    @property
    def place(self) -> str:
        """Where it is: `line 5` of a CSV, `row 4` of another table, or its key."""
        if self.key:
            return self.key
        return f"row {self.row + 1}" if self.line is None else f"line {self.line}"

    def __str__(self) -> str:
        column = f", column {self.column}" if self.column else ""
        value = f": {self.value!r}" if self.value else ""
        return f"{self.place}{column}{value}: {self.rule}"


class UsageError(SeatrialError):
    """The call itself is wrong: an option or an argument that does not apply."""

    exit_code = 2


class DataError(SeatrialError):
    """Rows that violate the schema; `problems` has the place, the value and the rule of each."""

    def __init__(self, message: str, *, hint: str = "", problems: tuple[Problem, ...] = ()) -> None:
        super().__init__(message, hint=hint)
        self.problems = problems


def describe_os_error(error: OSError) -> str:
    """What the machine refuses, with the path, in one line: a full disk, missing rights; empty for any other error."""
    if str(error.strerror).startswith("No usable temporary directory"):  # tempfile could write to none of them
        return "No temporary folder can be written: free some space, or set TMPDIR to a folder that can."
    if error.errno is None or error.errno not in REFUSALS:
        return ""
    path = error.filename2 or error.filename or "standard output or a temporary file"
    return f"{os.fsdecode(path) if isinstance(path, str | bytes) else path}: {os.strerror(error.errno)}."


DISK = "Free some space on that disk, or make it writable, and try again."


def refusal_in(log: str) -> str:
    """The last line of a tool's output that says that a disk is full or read-only; empty where none does."""
    words = [os.strerror(number) for number in (errno.ENOSPC, QUOTA, errno.EROFS)]
    return next((line.strip(" |") for line in reversed(log.splitlines()) if any(word in line for word in words)), "")


class CompileError(SeatrialError):
    """The pipeline cannot become an exact graph; the message is the reason."""
