"""Which targets there are; each is loaded only when it is asked for."""

import difflib
from collections.abc import Mapping
from importlib import import_module

from seatrial.core.errors import SeatrialError
from seatrial.core.project import ProjectSettings
from seatrial.deploy.target import Target

TARGETS = {
    "local": "seatrial.deploy.local:Local",
    "docker": "seatrial.deploy.docker:Docker",
    "railway": "seatrial.deploy.railway:Railway",
    "kubernetes": "seatrial.deploy.kubernetes:Kubernetes",
}


def target_names(project: ProjectSettings) -> list[str]:
    """The targets that this project can deploy to: ours, and its own."""
    own = [name for name, settings in project.deploy.items() if isinstance(settings, Mapping) and "class" in settings]
    return list(dict.fromkeys([*TARGETS, *own]))


def open_target(project: ProjectSettings, name: str) -> Target:
    """Make the target `name` from `[tool.seatrial.deploy.NAME]`; a `class = "module:Class"` there is a team's own."""
    where = f"{project.root / 'pyproject.toml'}: [tool.seatrial.deploy.{name}]"
    settings = project.deploy.get(name, {})
    if not isinstance(settings, dict):
        raise SeatrialError(f"{where} is no table.")
    settings = dict(settings)
    told = settings.pop("class", TARGETS.get(name))
    if told is None:
        known = target_names(project)
        near = difflib.get_close_matches(name, known, 1)
        hint = (
            f"Did you mean {near[0]}?" if near else f'Known: {", ".join(known)}; {where} class = "..." adds your own.'
        )
        raise SeatrialError(f"There is no target {name!r}.", hint=hint)
    module, _, attribute = str(told).partition(":")
    try:
        made: type[Target] = getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise  # it is there, and imports something that is not
        raise SeatrialError(f"{where} class = {told!r}: there is no module {error.name}.") from None
    except (AttributeError, ValueError):
        raise SeatrialError(f"{where} class = {told!r}: {module} has no {attribute or 'class'}.") from None
    return made(project, settings)
