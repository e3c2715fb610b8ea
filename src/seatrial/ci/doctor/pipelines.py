"""The pipelines that a project has, of all services; and the findings about files that cannot be read as such."""

import posixpath
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import import_module

from seatrial.ci.doctor.findings import Finding
from seatrial.ci.doctor.jobs import Pipeline
from seatrial.ci.doctor.lined import Mapping, UnreadableError, read_yaml
from seatrial.ci.doctor.tree import Tree
from seatrial.ci.pipeline_settings import repository_of
from seatrial.ci.services import SERVICES, Service

MOST = 500  # jobs of a workflow
Reader = Callable[[str, Mapping, str | None], list[Pipeline]]


@dataclass(frozen=True)
class _Read:
    pipelines: list[Pipeline] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def pipelines(tree: Tree) -> list[Pipeline]:
    """Every pipeline of a tree, each file read once."""
    return _all(tree).pipelines


def files_that_no_service_reads(tree: Tree) -> Iterator[Finding]:
    """A pipeline file that is no YAML, or no pipeline, or says a thing twice."""
    yield from _all(tree).findings


@lru_cache(maxsize=1)
def _all(tree: Tree) -> _Read:
    found = _Read()
    for path, service, top in _places(tree):
        _read(tree, path, service, top, found)
    return found


def _places(tree: Tree) -> Iterator[tuple[str, Service, str | None]]:
    """Each pipeline file, with the folder that its jobs begin in, relative to the tree."""
    # A pipeline in a folder below is not run, but a project is looked at as the repository that it is to become.
    for path in (*tree.files, *tree.links):
        for service in SERVICES.values():
            there = service.finds.search(path)
            if there and there.end() == len(path) and path[: there.start()][-1:] in ("", "/"):
                yield path, service, path[: there.start()].rstrip("/")
    top = repository_of(tree.root)
    if top != tree.root and tree.root.is_relative_to(top):
        up = posixpath.join(*[".."] * len(tree.root.relative_to(top).parts))
        for service in SERVICES.values():
            folder = (top / service.path).parent
            for file in sorted(folder.iterdir()) if folder.is_dir() else ():
                name = file.relative_to(top).as_posix()
                if service.finds.fullmatch(name) and file.is_file():
                    yield f"{up}/{name}", service, up


def _read(tree: Tree, path: str, service: Service, top: str | None, found: _Read) -> None:
    def wrong(message: str, line: int = 1, check: str = "unreadable", hint: str = "") -> None:
        hint = hint or "`seatrial ci` writes one that fits."
        found.findings.append(Finding(path, line, check, message, hint))

    why_not = tree.why_unread(path)
    if why_not:
        wrong(f"This is no pipeline: it {why_not}.")
        return
    try:
        document, twice = read_yaml(tree.text(path))
    except UnreadableError as error:
        wrong(error.message, error.line)
        return
    for line, key in twice:
        wrong(f"`{key}` is there twice, and only the last one counts, if any.", line, "twice", "Make one of the two.")
    if not isinstance(document, Mapping):
        what = "is empty" if document is None else "is a list" if isinstance(document, list) else "is one text"
        wrong(f"This is no pipeline: it {what}.")
        return
    module, _, name = service.reader.partition(":")
    reader: Reader = getattr(import_module(module), name)
    for pipeline in reader(path, document, top):
        if len(pipeline.jobs) > MOST:
            wrong(f"This has {len(pipeline.jobs)} jobs in one workflow, too many to look at.")
        else:
            found.pipelines.append(pipeline)


CHECKS = (files_that_no_service_reads,)
