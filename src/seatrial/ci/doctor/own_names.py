"""Dependencies that look like the project's own packages, and that no setting says are.

Without `own` in [tool.seatrial.index], a name that the private index lacks for a moment is looked up on the public one,
where it may be somebody else's.
"""

import re
from collections.abc import Iterator

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from seatrial.ci.doctor import Advice
from seatrial.ci.doctor.seatrial_projects import projects_in
from seatrial.ci.doctor.tree import Tree
from seatrial.core.own_names import TOOLKIT
from seatrial.core.project import ProjectSettings
from seatrial.wheels.simple_api import PAGE, project_folder


def check(tree: Tree) -> Iterator[Advice]:
    """A dependency that came from the project's index, that is on it, or that has the project's prefix."""
    for path, project in projects_in(tree):
        for name, why in _undeclared(project):
            shown = re.compile(r"[-_.]+".join(map(re.escape, name.split("-"))), re.IGNORECASE)
            line = next((number for number, text in tree.lines(path) if shown.search(text)), 1)
            hint = f'If it is yours, write own = ["{name}"], or a prefix as in "acme-*", under [tool.seatrial.index].'
            yield Advice(path, line, "own-name", f"{name} {why}, but may be looked up on the public index.", hint)


def _undeclared(project: ProjectSettings) -> Iterator[tuple[str, str]]:
    """Names that may be the project's own, each with the reason."""
    names, index = project.index.names, project.index
    prefix = canonicalize_name(project.name).partition("-")[0] + "-"
    dependencies = [canonicalize_name(each.name) for each in _requirements(project)]
    for name in dict.fromkeys([*sorted(names.pinned_own), *dependencies]):
        if name == TOOLKIT or names.declared(name):
            continue
        if name in names.pinned_own:
            yield name, "came from the project's index"
        elif index.folder and (project_folder(index.folder, name) / PAGE).is_file():
            yield name, "is on the project's index"
        elif name.startswith(prefix):
            yield name, f"has the project's prefix `{prefix}`"


def _requirements(project: ProjectSettings) -> Iterator[Requirement]:
    for line in project.dependencies:
        try:
            yield Requirement(line)
        except InvalidRequirement:
            continue
