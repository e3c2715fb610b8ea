"""Continuous integration: pipeline files rendered for a project, and the doctor that examines any project.

In: a project's folder. Out: files for CircleCI, GitHub or GitLab; findings. It never runs a stage itself.
"""

from seatrial.ci.pipeline_files import render
from seatrial.ci.services import SERVICES

__all__ = ["SERVICES", "render"]
