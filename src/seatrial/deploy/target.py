"""What a target is: the place where a release is to run. Write a class like this one to have your own."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from seatrial.core.project import ProjectSettings

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Pinned:
    """What is to run: one release, and the requirements file that says so to the last hash.

    `wheels` holds the wheels of the private index that `requirements` names (the model's, and the toolkit's if it lies
    there), fetched and checked. Everything else in `requirements` comes from the public index, by hash.
    """

    id: str  # of the deployment, sortable by time: 20261125T101500-3f2a
    name: str
    version: str
    sha256: str
    package: str
    requirements: Path
    wheels: Path

    @property
    def wheel(self) -> Path:
        """The model's own wheel."""
        return min(self.wheels.glob(f"{self.package}-*.whl"))


class Target(Protocol):
    """A place where a release can run.

    `seatrial deploy NAME` calls `check`, then `switch`. The pin in `deploy/<target>/` is the truth: it is changed by
    `commit`, in one step, and whatever happens before or after it, the next call of `switch` or `settle` brings the
    service to what the pin says.

    A target may also have `prepare(pinned, progress)`, called before `switch`: what is slow or may well fail and
    changes nothing that serves (an environment, an image). A failure there leaves no line in the history. And
    `stop() -> bool`, for `seatrial deploy NAME --stop`, says whether there was anything to stop.
    """

    name: str

    def __init__(self, project: ProjectSettings, settings: dict[str, Any]) -> None:
        """Take the settings of `[tool.seatrial.deploy.NAME]`; SeatrialError names a wrong or unknown one."""

    def check(self) -> None:
        """Raise SeatrialError, with what to do, where the target cannot be used: no tool, no token, no network."""
        ...

    def switch(self, pinned: Pinned, commit: Callable[[], None], progress: Progress) -> str:
        """Bring `pinned` into service and give its address.

        Calls `commit` exactly once: when the new release has proven that it answers, and before the old one goes. Where
        that does not come about, the old release serves on, and SeatrialError says why, with the new one's last words.
        """
        ...

    def settle(self, pinned: Pinned | None, progress: Progress) -> None:
        """Make the service agree with the pin after an interruption; None where nothing was ever deployed."""
        ...

    def serving(self) -> str | None:
        """Give the version that answers at this moment; None where nothing does or nobody can tell."""
        ...
