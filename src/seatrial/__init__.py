"""Seatrial: from a data scientist's table to a production service, with a sea trial before every release.

The public API is a few names, which are loaded on use, so that importing the package costs next to nothing.
"""

TYPE_CHECKING = False  # not from typing: `import seatrial` would take three times as long

if TYPE_CHECKING:
    from seatrial.core.errors import SeatrialError as SeatrialError
    from seatrial.model import Release as Release
    from seatrial.model import Schema as Schema
    from seatrial.steps.load import load as load
    from seatrial.steps.project import Project as Project

__all__ = ["Project", "Release", "Schema", "SeatrialError", "__version__", "load"]
__version__ = "0.1.0"

_HOMES = {
    "Project": "seatrial.steps.project",
    "Release": "seatrial.model",
    "Schema": "seatrial.model",
    "SeatrialError": "seatrial.core.errors",
    "load": "seatrial.steps.load",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'seatrial' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
