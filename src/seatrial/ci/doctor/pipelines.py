"""The pipelines that a project has, of all three services."""

from collections.abc import Callable

from seatrial.ci.doctor.circle import read_circle
from seatrial.ci.doctor.github import read_github
from seatrial.ci.doctor.gitlab import read_gitlab
from seatrial.ci.doctor.jobs import Pipeline
from seatrial.ci.doctor.lined import Mapping, read_yaml
from seatrial.ci.doctor.tree import Tree
from seatrial.ci.settings import repository_of
from seatrial.core.errors import SeatrialError


def pipelines(tree: Tree) -> list[Pipeline]:
    """Read every pipeline; a file that is no YAML raises SeatrialError."""
    found: list[Pipeline] = []
    for path in tree.files:
        reader = _reader(path)
        if reader:
            document = read_yaml(tree.text(path), str(tree.root / path))
            if not isinstance(document, Mapping):
                raise SeatrialError(f"{tree.root / path} is no pipeline.", hint="`seatrial ci` writes one that fits.")
            found += reader(path, document)
    return found + _of_the_repository(tree)


def _of_the_repository(tree: Tree) -> list[Pipeline]:
    """The pipelines at the top of the repository, where the project is a folder of it."""
    top = repository_of(tree.root)
    if top == tree.root or not tree.root.is_relative_to(top):
        return []
    up = "../" * len(tree.root.relative_to(top).parts)
    workflows = [path.relative_to(top).as_posix() for path in (top / ".github" / "workflows").glob("*.y*ml")]
    found = []
    for name in (".circleci/config.yml", ".circleci/config.yaml", ".gitlab-ci.yml", *sorted(workflows)):
        reader, text = _reader(name), tree.text(up + name)
        document = read_yaml(text, str(top / name)) if text else None
        if reader and isinstance(document, Mapping):
            found += reader(up + name, document)
    for pipeline in found:
        for job in pipeline.jobs.values():
            job.elsewhere = True
    return found


def _reader(path: str) -> Callable[[str, Mapping], list[Pipeline]] | None:
    # A pipeline in a folder below is not run, but a project is looked at as the repository that it is to become.
    if path.endswith((".circleci/config.yml", ".circleci/config.yaml")):
        return read_circle
    folder, _, name = path.rpartition("/")
    if folder.endswith(".github/workflows") and name.endswith((".yml", ".yaml")):
        return read_github
    return read_gitlab if name == ".gitlab-ci.yml" else None
