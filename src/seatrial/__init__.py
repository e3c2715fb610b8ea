"""Seatrial: from a data scientist's table to a production service, with a sea trial before every release.

The face is a few names, loaded on use so that importing the package costs next to nothing.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seatrial.core.errors import SeatrialError as SeatrialError
    from seatrial.model import Release as Release
    from seatrial.model import Schema as Schema

__all__ = ["Release", "Schema", "SeatrialError", "__version__"]
__version__ = "0.1.0"

_HOMES = {"Release": "seatrial.model", "Schema": "seatrial.model", "SeatrialError": "seatrial.core.errors"}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'seatrial' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
