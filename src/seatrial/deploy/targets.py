"""The table of deployment targets. Each is imported only when it is used."""

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
    """The targets that this project can deploy to: the built-in ones and its own."""
    own = [name for name, table in project.deploy.items() if isinstance(table, Mapping) and "class" in table]
    return list(dict.fromkeys([*TARGETS, *own]))


def open_target(project: ProjectSettings, name: str) -> Target:
    """Create the target `name` from `[tool.seatrial.deploy.NAME]`; `class = "module:Class"` there adds your own."""
    where = f"{project.root / 'pyproject.toml'}: [tool.seatrial.deploy.{name}]"
    table = project.deploy.get(name, {})
    if not isinstance(table, dict):
        raise SeatrialError(f"{where} is not a table.", hint="Write its settings as keys below this heading.")
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
