"""The interface of a deployment target, the environment in which a release runs, and the table of all targets.

Implement the interface to add your own. Each target is imported only when it is used.
"""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict

from seatrial.core.errors import SeatrialError
from seatrial.core.progress import Progress
from seatrial.core.project import ProjectSettings
from seatrial.core.settings import read_table


@dataclass(frozen=True)
class PinnedRelease:
    """One release to run, and the lockfile that names its wheel and every dependency by hash.

    `wheels` is a folder with the wheels of the private index that the lockfile names: the model's, and the toolkit's if
    it is published there. They are downloaded and checked. All other requirements come from the public index, by hash.
    """

    id: str  # of the deployment; sorts by time: 20261125T101500-3f2a
    name: str
    version: str
    sha256: str
    package: str
    requirements: Path  # the lockfile
    wheels: Path

    def beside(self, name: str) -> str:
        """A file that is stored with the lockfile, such as the statement about the trial; "" if there is none."""
        path = self.requirements.with_name(name)
        return path.read_text("utf-8") if path.is_file() else ""

    @property
    def wheel(self) -> Path:
        """The model's own wheel."""
        return min(self.wheels.glob(f"{self.package}-*.whl"))


class Target(Protocol):
    """An environment in which a release can run.

    `seatrial deploy NAME` calls `check`, then `switch`. The lockfile in `deploy/<target>/` is the single source of
    truth. `commit` replaces it in one step. If anything is interrupted before or after that step, the next call of
    `switch` or `settle` brings the service in line with the lockfile.

    A target may have more methods. `prepare(pinned, progress)` runs before `switch`. It does what is slow or may
    fail and does not affect the running service, such as making an environment or an image; a failure there is not
    recorded in the history. `stop() -> bool` is for `seatrial deploy NAME --stop` and returns whether anything ran.

    A target that runs canaries has three: `canary(pinned, share, commit, progress) -> str`, `running_canary()` and
    `take_back() -> bool`, as Local and Docker describe them.
    """

    name: str

    def __init__(self, project: ProjectSettings, settings: dict[str, Any]) -> None:
        """Read the settings of `[tool.seatrial.deploy.NAME]`; raise SeatrialError for a wrong or unknown one."""

    def check(self) -> None:
        """Raise SeatrialError, with a hint, where the target cannot be used: no tool, no token, no network."""

    def switch(self, pinned: PinnedRelease, commit: Callable[[], None], progress: Progress) -> str:
        """Put `pinned` into service and return its URL.

        Call `commit` exactly once: after the new release has been verified and before the old one stops. If the new
        release fails, keep the old one running and raise SeatrialError with the cause and the new one's last output.
        """

    def settle(self, pinned: PinnedRelease | None, progress: Progress) -> None:
        """Bring the service in line with the lockfile after an interruption; None if nothing was ever deployed."""

    def serving(self) -> str | None:
        """Return the version that is running now; None if there is none or it cannot be determined."""


class TargetSettings(BaseModel):
    """Settings of a target. The description of each key is its documentation."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


Settings = TypeVar("Settings", bound=TargetSettings)

TARGETS = {
    "local": "seatrial.deploy.local:Local",
    "docker": "seatrial.deploy.docker:Docker",
    "railway": "seatrial.deploy.railway:Railway",
    "kubernetes": "seatrial.deploy.kubernetes:Kubernetes",
}


def read_settings(model: type[Settings], table: dict[str, Any], project: ProjectSettings, target: str) -> Settings:
    """Validate the settings of a target. SeatrialError names the file, the key, the problem, and the key's meaning."""
    return read_table(model, table, f"{project.root / 'pyproject.toml'}: [tool.seatrial.deploy.{target}]")


def target_names(project: ProjectSettings) -> list[str]:
    """The targets that this project can deploy to: the built-in ones and its own."""
    own = [name for name, table in project.deploy.items() if isinstance(table, Mapping) and "class" in table]
    return list(dict.fromkeys([*TARGETS, *own]))


def open_target(project: ProjectSettings, name: str) -> Target:
    """Create the target `name` from `[tool.seatrial.deploy.NAME]`; `class = "module:Class"` there adds your own."""
    where = f"{project.root / 'pyproject.toml'}: [tool.seatrial.deploy.{name}]"
    table = project.deploy.get(name, {})
    if not isinstance(table, dict):
        raise SeatrialError(f"{where} is not a table.", hint="Write its settings as keys below this heading.")
    for other in project.deploy:
        if other not in target_names(project):
            near = difflib.get_close_matches(other, TARGETS, 1)
            hint = f"Did you mean {near[0]}?" if near else 'A target of your own needs class = "module:Class".'
            raise SeatrialError(f"{where.removesuffix(f'{name}]')}{other}] belongs to no target.", hint=hint)
    settings = dict(table)
    path = settings.pop("class", TARGETS.get(name))
    if path is None:
        known = target_names(project)
        near = difflib.get_close_matches(name, known, 1)
        hint = f"Did you mean {near[0]}?" if near else f'Known: {", ".join(known)}. To add one: {where} class = "...".'
        raise SeatrialError(f"Unknown target {name!r}.", hint=hint)
    module, _, attribute = str(path).partition(":")
    try:
        target: type[Target] = getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise  # the module exists, and one that it imports does not
        raise SeatrialError(
            f"{where} class = {path!r}: no module {error.name} found.",
            hint="Check its name, and that it can be imported in this environment.",
        ) from None
    except (AttributeError, ValueError):
        raise SeatrialError(
            f"{where} class = {path!r}: {module} has no {attribute or 'class'}.", hint='Write it as "module:Class".'
        ) from None
    return target(project, settings)
