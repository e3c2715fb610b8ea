"""The libraries of boosted trees that are extras of Seatrial, each with one name for its module and its extra."""

import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from seatrial.core.errors import SeatrialError

MODEL_LIBRARIES = ("lightgbm", "xgboost", "catboost")


# An import of one of them, at the start of a line of code.
IMPORT = re.compile(rf"^[ \t]*(?:import|from)[ \t]+({'|'.join(MODEL_LIBRARIES)})\b", re.MULTILINE)


def imported_libraries(code: str) -> tuple[str, ...]:
    """The libraries that a text of Python imports; it is not run."""
    found = set(IMPORT.findall(code))
    return tuple(name for name in MODEL_LIBRARIES if name in found)


def installed_libraries() -> tuple[str, ...]:
    """Return the libraries that are installed; none is imported, which takes a second each."""
    return tuple(name for name in MODEL_LIBRARIES if find_spec(name))


def require_library(name: str) -> None:
    """Import a library. Raises SeatrialError with what brings it, or with what the system lacks."""
    try:
        import_module(name)
    except ImportError as error:
        raise SeatrialError(f"{name} is not installed ({error}).", hint=install_hint(name)) from None
    except OSError as error:
        raise SeatrialError(f"{name} cannot be loaded: {error}.", hint=import_hint(error)) from None


def import_hint(error: Exception) -> str:
    """What helps where the import of a library failed; empty for any other error."""
    if isinstance(error, ModuleNotFoundError) and error.name in MODEL_LIBRARIES:
        return install_hint(error.name)
    if isinstance(error, OSError) and "libgomp" in str(error):  # which a wheel of LightGBM needs
        return "Install the system's package of it; on Debian and Ubuntu, libgomp.so.1 is in libgomp1."
    return ""


def library_of(part: object) -> str:
    """The library that an object's class is from, or a class that it extends; empty for all others."""
    modules = [each.__module__.partition(".")[0] for each in type(part).__mro__]
    return next((module for module in modules if module in MODEL_LIBRARIES), "")


def install_hint(name: str) -> str:
    """The command that installs a library."""
    return f'pip install "seatrial[{name}]"'


def declared_libraries(document: Mapping[str, Any]) -> tuple[str, ...]:
    """The libraries that a pyproject.toml asks for, in any of its groups: as an extra of Seatrial, or by name."""
    names = set[str]()
    for line in _requirements(document):
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue
        name = canonicalize_name(requirement.name)
        names |= requirement.extras if name == "seatrial" else {name.removesuffix("-cpu")}
    return tuple(name for name in MODEL_LIBRARIES if name in names)


def _requirements(document: Mapping[str, Any]) -> Iterator[str]:
    project = document.get("project", {})
    groups = (*project.get("optional-dependencies", {}).values(), *document.get("dependency-groups", {}).values())
    for group in (project.get("dependencies", []), *groups):
        yield from (line for line in group if isinstance(line, str))
