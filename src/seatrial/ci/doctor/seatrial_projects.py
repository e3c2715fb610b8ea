"""The projects of a repository whose settings can be read."""

import re
from collections.abc import Iterator

from seatrial.ci.doctor.tree import Tree
from seatrial.core.errors import SeatrialError
from seatrial.core.project import ProjectSettings, find_project

FILE = "pyproject.toml"


def projects_in(tree: Tree) -> Iterator[tuple[str, ProjectSettings]]:
    """The path of each project's pyproject.toml, and its settings; other commands report one that cannot be read."""
    for path in [each for each in tree.files if each == FILE or each.endswith(f"/{FILE}")]:
        if re.search(r"(?m)^\[tool\.seatrial\b", tree.text(path)):
            try:
                project = find_project(tree.root / path.removesuffix(FILE))
            except SeatrialError:
                continue
            yield path, project
