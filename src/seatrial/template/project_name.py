"""A project's name: of its folder, its distribution and its package, which other things have names too."""

import keyword
import re
import sys
from dataclasses import dataclass

from seatrial.core.errors import SeatrialError

SUFFIX = "model"  # so that `churn` becomes churn-model, which is hardly ever a library's name
LONGEST = 64
# What a model's environment holds or a project's folder has: a package of that name would hide it.
_LIBRARIES = """
seatrial numpy onnxruntime pydantic pydantic_core sklearn pandas scipy skops pyarrow onnx skl2onnx fastapi starlette
uvicorn loguru jinja2 pytest typer rich build uv copier
"""
_FOLDERS = "tests data deploy docs dist runs artifacts"
TAKEN = frozenset(f"{_LIBRARIES} {_FOLDERS}".split())
# Windows has devices of these names.
DEVICES = frozenset(["con", "prn", "aux", "nul", *(f"{d}{n}" for d in ("com", "lpt") for n in range(1, 10))])


@dataclass(frozen=True)
class ProjectName:
    """`folder` holds the project, `name` is the distribution's (churn-model), `package` is imported (churn_model)."""

    folder: str
    name: str
    package: str


def project_name(folder: str, package: str = "") -> ProjectName:
    """Check a project's name and derive the others from it. Raises SeatrialError, which says what would do."""
    _check(folder, "project")
    if package:
        _check(package, "package")
        clean = package.replace("-", "_").lower()
    else:
        clean = folder.replace("-", "_").replace(".", "_").lower()
        clean = clean if clean.endswith(f"_{SUFFIX}") else f"{clean}_{SUFFIX}"
    return ProjectName(folder, clean.replace("_", "-"), clean)


def _check(name: str, what: str) -> None:
    plain = name.replace("-", "_").lower()
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9]*([-_][A-Za-z0-9]+)*", name) or len(name) > LONGEST:
        proposal = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-0123456789")[:LONGEST].strip("-")
        hint = f"Did you mean {proposal}? " if proposal and _free(proposal) else ""
        raise SeatrialError(
            f"{name!r} is no name for a {what}.",
            hint=f"{hint}It starts with a letter, and has letters, digits, and single hyphens or underscores.",
        )
    if keyword.iskeyword(name) or keyword.iskeyword(plain) or keyword.issoftkeyword(plain):
        raise SeatrialError(f"{name!r} is a word of Python's, and no name for a {what}.", hint=_instead(plain))
    if plain in sys.stdlib_module_names or plain in DEVICES:
        owner = "Windows" if plain in DEVICES else "Python's standard library"
        raise SeatrialError(f"{name!r} is a name of {owner}, and none for a {what}.", hint=_instead(plain))
    if plain in TAKEN:
        raise SeatrialError(f"{name!r} is taken: a project needs what has that name.", hint=_instead(plain))


def _free(name: str) -> bool:
    plain = name.replace("-", "_")
    return not (keyword.iskeyword(plain) or plain in sys.stdlib_module_names or plain in TAKEN or plain in DEVICES)


def _instead(name: str) -> str:
    return f"For example {name.replace('_', '-')}-{SUFFIX}."
