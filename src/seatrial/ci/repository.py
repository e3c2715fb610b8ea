"""The projects of one repository, found by their pyproject.toml; they share one pipeline file."""

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from seatrial.ci.pipeline_settings import CiPipeline, read_pipeline, repository_of, top_of
from seatrial.core.errors import SeatrialError
from seatrial.core.git import ask_git
from seatrial.core.project import ProjectSettings, find_project, in_project

JOBS = ("train", "trial", "publish", "deploy", "watch")  # that may need a token
SKIPPED = {"tests", "test", "node_modules", "build", "dist"}  # projects in these are test data


@dataclass(frozen=True)
class Repository:
    """A repository's projects in the order of their folders, each with a `key` if there are several."""

    top: Path
    projects: tuple[CiPipeline, ...]

    @property
    def names(self) -> str:
        """The projects' names, as a list in a sentence."""
        *most, last = (p.name for p in self.projects)
        return f"{', '.join(most)} and {last}" if most else last

    @property
    def several(self) -> bool:
        """Whether there is more than one."""
        return len(self.projects) > 1

    @property
    def contexts(self) -> dict[str, tuple[str, ...]]:
        """The groups of variables with the tokens of all projects."""
        return _merged(item for p in self.projects for item in p.contexts.items())

    @property
    def environments(self) -> dict[str, tuple[str, ...]]:
        """The same for GitHub, where a job is in one environment, which must have everything it needs."""
        jobs = [(p, job) for p in self.projects for job in JOBS if p.environment(job) and (p.watch or job != "watch")]
        return _merged((p.environment(job), p.tokens(job)) for p, job in jobs)

    @property
    def branches(self) -> list[str]:
        """The branches that are published and deployed, of all projects."""
        return list(dict.fromkeys(p.branch for p in self.projects))

    @property
    def watched(self) -> tuple[CiPipeline, ...]:
        """The projects whose prediction log a pipeline looks at."""
        return tuple(p for p in self.projects if p.watch)

    @property
    def schedules(self) -> list[str]:
        """When to train again, for all projects."""
        return list(dict.fromkeys(p.schedule for p in self.projects))


def _merged(groups: Iterable[tuple[str, Iterable[str]]]) -> dict[str, tuple[str, ...]]:
    merged: dict[str, dict[str, None]] = {}
    for name, tokens in groups:
        merged.setdefault(name, {}).update(dict.fromkeys(tokens))
    return {name: tuple(tokens) for name, tokens in merged.items()}


def repository_at(start: Path) -> Repository:
    """Find the repository that a folder is in, with all of its projects; the folder may be a project or above one.

    Raises SeatrialError if there is no project, or if one of them cannot be read.
    """
    if in_project(start):
        return repository_with(find_project(start))
    top = repository_of(start.resolve())
    projects = list(_projects(top))
    if not projects:
        find_project(start)  # which reports what is missing
    return _repository(top, projects)


def repository_with(project: ProjectSettings) -> Repository:
    """The repository of a project, with the other projects in it."""
    top = top_of(project)
    others = [each for each in _projects(top) if each.root != project.root] if top != project.root else []
    return _repository(top, [*others, project])


def _repository(top: Path, projects: list[ProjectSettings]) -> Repository:
    pipelines = sorted((read_pipeline(project) for project in projects), key=lambda p: p.folder)
    if len(pipelines) == 1:
        return Repository(top, tuple(pipelines))
    keys = [re.sub(r"[^A-Za-z0-9_-]+", "-", p.name).strip("-") for p in pipelines]
    key, count = Counter(keys).most_common(1)[0]
    if count > 1:
        where = ", ".join(p.folder for p, other in zip(pipelines, keys, strict=True) if other == key)
        raise SeatrialError(
            f"Several projects in {top} are named {key}: {where}.",
            hint='Give each its own [project] name. To leave one out, set repository = "." in its [tool.seatrial.ci].',
        )
    return Repository(top, tuple(replace(p, key=key) for p, key in zip(pipelines, keys, strict=True)))


def _projects(top: Path) -> Iterator[ProjectSettings]:
    """The projects whose repository this is, by their settings or by git."""
    for path in _settings_files(top):
        folder = path.parent
        if SKIPPED & set(folder.relative_to(top).parts):
            continue
        try:
            tools = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {})
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
            continue  # it cannot be determined whether this is a project
        if isinstance(tools, dict) and "seatrial" in tools:
            project = find_project(folder)
            if top_of(project) == top:
                yield project


def _settings_files(top: Path) -> list[Path]:
    """Every pyproject.toml that git tracks or would track; without git, those one and two folders below."""
    listed = ask_git(top, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "*pyproject.toml")
    below = [*top.glob("*/pyproject.toml"), *top.glob("*/*/pyproject.toml")]
    names = (path.relative_to(top).as_posix() for path in below) if listed is None else listed.split("\0")
    paths = [top / name for name in sorted(set(names)) if name.rpartition("/")[2] == "pyproject.toml"]
    return [path for path in paths if path.is_file()]
