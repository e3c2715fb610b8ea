"""Files of the project that git ignores: on this machine all is well, and in a clone they are missing."""

from collections.abc import Iterator
from contextlib import suppress

from seatrial.ci.doctor import Advice
from seatrial.ci.doctor.tree import Tree
from seatrial.core.errors import SeatrialError
from seatrial.core.project import files_git_ignores, find_project


def check(tree: Tree) -> Iterator[Advice]:
    """The table, code, tests and lockfiles that git ignores; a project that cannot be read is reported elsewhere."""
    with suppress(SeatrialError):
        project = find_project(tree.root)
        for path in files_git_ignores(project) if project.root == tree.root else ():
            hint = f"`git check-ignore -v {path}` shows the rule; `git add --force {path}` adds the file anyway."
            yield Advice(path, 1, "ignored-file", "Git ignores this file, so a clone lacks it.", hint)
