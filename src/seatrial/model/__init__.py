"""A release at run time: rows or tables in, predictions out; it never reads a project's settings and never trains.

This is all that an installed model wheel needs, together with numpy, onnxruntime and pydantic. `Schema` is the base of
a project's schema class, and `Release` is a trained model.
"""

from typing import TYPE_CHECKING

from seatrial.model.schema import Schema

if TYPE_CHECKING:
    from seatrial.model.release import Release

__all__ = ["Release", "Schema"]


def __getattr__(name: str) -> object:
    if name == "Release":
        from seatrial.model.release import Release

        return Release
    raise AttributeError(name)
