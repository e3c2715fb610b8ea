"""A prediction log in a folder, where the disk is forgotten with each container."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from seatrial.ci.doctor import Advice
from seatrial.ci.doctor.seatrial_projects import FILE, projects_in
from seatrial.ci.doctor.tree import Tree
from seatrial.core.project import ProjectSettings

SCHEMES = ("s3", "gs", "postgresql")
TARGETS = ("docker", "railway", "kubernetes")


def check(tree: Tree) -> Iterator[Advice]:
    """Targets that the project is deployed to, whose predictions are not logged or will be lost."""
    for path, project in projects_in(tree):
        below = path.removesuffix(FILE)
        for target in TARGETS:
            table = project.deploy.get(target, {})
            deployed = bool(table) or any(each.startswith(f"{below}deploy/{target}/") for each in tree.files)
            if deployed and isinstance(table, dict) and (message := _fault(project, table, target)):
                hint = (
                    f'Set `log` in [tool.seatrial.deploy.{target}] to s3://..., gs://... or postgresql://..., or to "".'
                )
                yield Advice(path, _line(tree, path, target, table), "lost-log", message, hint)


def _fault(project: ProjectSettings, table: dict[str, Any], target: str) -> str:
    to = str(table.get("log", project.log.get("to", "")))
    if not to or urlsplit(to).scheme in SCHEMES:
        return ""
    if not Path(to).is_absolute():
        return f"The service on {target} does not log its predictions: {to} is a folder of the project."
    volumes = [str(each) for each in table.get("run_args", [])] if target == "docker" else []
    if any(_mounts(volume, to) for volume in volumes):
        return ""
    return f"The predictions that the service on {target} logs to {to} are lost with its container."


def _mounts(option: str, folder: str) -> bool:
    """Whether an option of `docker run` mounts something at a folder or above it."""
    places = re.findall(r"(?:^|[:=,])(/[^:,=]*)", option)
    return any(Path(folder).is_relative_to(place) for place in places)


def _line(tree: Tree, path: str, target: str, table: dict[str, Any]) -> int:
    heading = f"tool.seatrial.deploy.{target}" if "log" in table else "tool.seatrial.log"
    return next((number for number, text in tree.lines(path) if text.strip() == f"[{heading}]"), 1)
