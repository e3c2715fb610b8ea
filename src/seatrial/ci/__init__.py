"""Continuous integration: pipeline files rendered for a project, and the doctor that examines any project.

In: a project's folder. Out: files for CircleCI, GitHub or GitLab; findings. It never runs a stage itself.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seatrial.ci.pipeline_files import render as render
    from seatrial.ci.services import SERVICES as SERVICES

_MODULES = {
    "SERVICES": "seatrial.ci.services",
    "render": "seatrial.ci.pipeline_files",
}
__all__ = ["SERVICES", "render"]


def __getattr__(name: str) -> object:
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    raise AttributeError(name)
