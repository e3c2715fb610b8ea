"""What the doctor says: what is wrong, where, and how to mend it."""

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Finding:
    """One fault. `path` is relative to the project, `line` counts from 1, `check` is the fault's short name."""

    path: str
    line: int
    check: str
    message: str
    hint: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message} [{self.check}]"
