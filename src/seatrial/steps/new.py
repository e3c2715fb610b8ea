"""New: a project around a table."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seatrial.core.choices import TARGETS
from seatrial.core.errors import SeatrialError
from seatrial.core.git import git_user
from seatrial.core.progress import Progress, silent
from seatrial.steps.project_files import PipelineUpdate

if TYPE_CHECKING:
    from seatrial.template.creation import Options
    from seatrial.template.reading.csv_file import CsvOptions
    from seatrial.template.records import Examination, Overrides, TableSource


@dataclass(frozen=True)
class NewProject:
    """The project that was created; `uncommitted` is the reason why its repository has no commit, if it has none."""

    root: Path
    uncommitted: str
    pipeline: PipelineUpdate


def read_table(
    data: Any,
    *,
    query: str = "",
    sheet: str = "",
    options: "CsvOptions | None" = None,
    progress: Progress = silent,
) -> "TableSource":
    """Read a table: a path (and `sheet`), a database URL and `query`, sklearn:NAME, openml:NAME, or a data frame."""
    progress("reading the table")
    if not isinstance(data, str | Path):
        from seatrial.steps.frame_source import frame_source

        return frame_source(data)
    from seatrial.template.reading.csv_file import CsvOptions
    from seatrial.template.reading.source import read_source

    return read_source(str(data), query=query, sheet=sheet, options=options or CsvOptions())


def examine_table(
    source: "TableSource", target: str, overrides: "Overrides | None" = None, progress: Progress = silent
) -> "Examination":
    """Infer a table's schema and the kind of its target; `overrides` take precedence over what is inferred."""
    from seatrial.template.inference.examination import examine
    from seatrial.template.records import Overrides

    return examine(source, target, overrides or Overrides(), progress=progress)


def choose_targets(names: "list[str] | tuple[str, ...]") -> tuple[str, ...]:
    """Check names of deployment targets; local is always among them."""
    for name in names:
        if name not in TARGETS:
            raise SeatrialError(f"{name!r} is not a deployment target.", hint=f"Use {', '.join(TARGETS)}.")
    return tuple(dict.fromkeys(["local", *names]))


def licence_holder() -> str:
    """Return the name for the licence: git's user."""
    return git_user(Path()) or "the authors"


def create_project(
    root: Path, examination: "Examination", options: "Options", *, git: bool = True, progress: Progress = silent
) -> NewProject:
    """Create the project's folder, completely or not at all; with `git` a repository with a first commit."""
    from seatrial.core.files import write_atomic
    from seatrial.core.project import find_project
    from seatrial.steps.project_files import project_files, update_pipeline
    from seatrial.template import repository
    from seatrial.template.creation import make_project
    from seatrial.template.render import unfinished

    above = repository.repository_above(root)
    uncommitted = ""
    progress("creating the project")
    with unfinished(root) as folder:
        make_project(folder, examination, options)
        started = git and above is None and repository.start_repository(folder)
        own_ci = options.ci if above is None else "none"  # within a repository, the CI file is at its top
        for path, text in project_files(find_project(folder), own_ci, options.deploy).items():
            write_atomic(path, text)
        if started:
            progress("committing it")
            uncommitted = repository.first_commit(folder, f"Start {options.names.name}")
    pipeline = PipelineUpdate() if above is None else update_pipeline(find_project(root), options.ci)
    return NewProject(root, uncommitted, pipeline)
