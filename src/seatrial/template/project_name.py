"""Checks a project's name, and derives the names of its folder, distribution and package."""

import keyword
import re
import sys
from dataclasses import dataclass

from seatrial.core.errors import SeatrialError
from seatrial.wheels.libraries import OTHERS
from seatrial.wheels.resolution import TOOLKIT

SUFFIX = "model"  # so that `churn` becomes churn-model, which is hardly ever the name of a library
LONGEST = 64
# Folders of a project: a package with such a name would hide them, and one of OTHERS what every environment needs.
_FOLDERS = "tests data deploy docs dist runs artifacts"
TAKEN = frozenset({TOOLKIT, *OTHERS, *_FOLDERS.split()})
# Windows has devices with these names.
DEVICES = frozenset(["con", "prn", "aux", "nul", *(f"{d}{n}" for d in ("com", "lpt") for n in range(1, 10))])


@dataclass(frozen=True)
class ProjectName:
    """`folder` contains the project, `name` is the distribution (churn-model), `package` is imported (churn_model)."""

    folder: str
    name: str
    package: str


def project_name(folder: str, package: str = "") -> ProjectName:
    """Check a project's name and derive the others from it. Raises SeatrialError, which suggests a valid name."""
    _check(folder, "project")
    if package:
        _check(package, "package")
        clean = package.replace("-", "_").lower()
    else:
        clean = folder.replace("-", "_").replace(".", "_").lower()
        clean = clean if clean.endswith(f"_{SUFFIX}") else f"{clean}_{SUFFIX}"
    return ProjectName(folder, clean.replace("_", "-"), clean)


def _check(name: str, what: str) -> None:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9]*([-_][A-Za-z0-9]+)*", name) or len(name) > LONGEST:
        suggestion = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-0123456789")[:LONGEST].strip("-")
        hint = f"Did you mean {suggestion}? " if suggestion and not _conflict(suggestion, what) else ""
        raise SeatrialError(
            f"{name!r} is not a valid {what} name.",
            hint=f"{hint}A name starts with a letter and has letters, digits, and single hyphens or underscores.",
        )
    if conflict := _conflict(name, what):
        other = name.replace("_", "-").lower()
        raise SeatrialError(f"{name!r} is {conflict}.", hint=f"For example {other}-{SUFFIX}.")


def _conflict(name: str, what: str) -> str:
    """What has this name already; empty if it is free."""
    plain = name.replace("-", "_").lower()
    if keyword.iskeyword(name) or keyword.iskeyword(plain) or keyword.issoftkeyword(plain):
        return f"a Python keyword and cannot be a {what} name"
    if plain in sys.stdlib_module_names or plain in DEVICES:
        owner = "Windows" if plain in DEVICES else "Python's standard library"
        return f"used by {owner} and cannot be a {what} name"
    return "taken by something that every project needs" if plain in TAKEN else ""
