"""One command at a time changes a project."""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from seatrial.core.errors import SeatrialError

if TYPE_CHECKING:
    from seatrial.core.project import ProjectSettings

P = ParamSpec("P")
R = TypeVar("R")
WAIT_SECONDS = 1.0


@contextmanager
def changing(root: Path) -> Iterator[None]:
    """Keep other commands that change the project at `root` out. Raises SeatrialError where one is at work.

    What two of them read before either writes would be lost: the rows of a refresh, an acceptance.
    """
    from filelock import FileLock, Timeout

    folder = root / ".seatrial"
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "lock", timeout=WAIT_SECONDS)
    try:
        lock.acquire()
    except Timeout:
        raise SeatrialError(
            f"Another command is changing {root.name}.", hint="Wait until it has finished, and try again."
        ) from None
    try:
        yield
    finally:
        lock.release()


def alone(step: Callable[Concatenate["ProjectSettings", P], R]) -> Callable[Concatenate["ProjectSettings", P], R]:
    """Let no other such step of the same project run at the same time."""

    @functools.wraps(step)
    def locked(project: "ProjectSettings", /, *arguments: P.args, **options: P.kwargs) -> R:
        with changing(project.root):
            return step(project, *arguments, **options)

    return locked
