"""New: a project around a table."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seatrial.core.choices import TARGETS
from seatrial.core.errors import SeatrialError
from seatrial.core.files import write_atomic
from seatrial.core.git import git_user
from seatrial.core.model_libraries import MODEL_LIBRARIES, require_library
from seatrial.core.progress import Progress, silent
from seatrial.core.project import files_git_ignores, find_project
from seatrial.steps.project_files import PipelineUpdate, project_files, update_pipeline
from seatrial.template import repository
from seatrial.template.creation import Options, make_project
from seatrial.template.reading.arrow_types import plain_table
from seatrial.template.reading.csv_file import CsvOptions
from seatrial.template.reading.source import read_source
from seatrial.template.records import Examination, TableSource
from seatrial.template.render import unfinished


@dataclass(frozen=True)
class NewProject:
    """The project that was created.

    `uncommitted` is the reason why its repository has no commit, if it has none; `ignored` are files of the project
    that git ignores.
    """

    root: Path
    uncommitted: str
    pipeline: PipelineUpdate
    ignored: list[str]


def read_table(
    data: Any,
    *,
    query: str = "",
    sheet: str = "",
    options: CsvOptions | None = None,
    progress: Progress = silent,
) -> TableSource:
    """Read a table: a path (and `sheet`), a URL, a database and `query`, sklearn:NAME, openml:NAME, or a data frame."""
    progress("reading the table")
    if not isinstance(data, str | Path):
        return frame_source(data)

    return read_source(str(data), query=query, sheet=sheet, options=options or CsvOptions(), progress=progress)


def choose_targets(names: list[str] | tuple[str, ...]) -> tuple[str, ...]:
    """Check names of deployment targets; local is always among them."""
    for name in names:
        if name not in TARGETS:
            raise SeatrialError(f"{name!r} is not a deployment target.", hint=f"Use {', '.join(TARGETS)}.")
    return tuple(dict.fromkeys(["local", *names]))


def licence_holder() -> str:
    """Return the name for the licence: git's user."""
    return git_user(Path()) or "the authors"


def create_project(
    root: Path, examination: Examination, options: Options, *, git: bool = True, progress: Progress = silent
) -> NewProject:
    """Create the project's folder, completely or not at all; with `git` a repository with a first commit.

    Raises SeatrialError where the model's library is not installed.
    """
    if options.model in MODEL_LIBRARIES:
        require_library(options.model)
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
    ignored = files_git_ignores(find_project(root)) if git else []
    return NewProject(root, uncommitted, pipeline, ignored)


def frame_source(frame: Any) -> TableSource:
    """Read a data frame as a table file is read; a pandas index is ignored."""
    library = type(frame).__module__.partition(".")[0]
    name = type(frame).__name__
    table = plain_table(_arrow_table(frame, library))
    if table.num_columns < 2 or not table.num_rows:
        raise SeatrialError(
            f"The {name} has {table.num_rows} rows and {table.num_columns} columns.",
            hint="A table needs rows, a target, and at least one more column.",
        )
    return TableSource(name, table, {"format": f"{library} {name}"})


def _arrow_table(frame: Any, library: str) -> Any:
    import pyarrow as pa

    if library == "pandas" and hasattr(frame, "columns"):
        names = [str(name) for name in frame.columns]
        return pa.table([_pandas_column(frame.iloc[:, position]) for position in range(len(names))], names=names)
    if library == "polars" and hasattr(frame, "to_arrow") and hasattr(frame, "columns"):
        return frame.to_arrow()
    if hasattr(frame, "__arrow_c_stream__") and library not in ("pandas", "polars"):
        return pa.table(frame)
    name = type(frame).__name__ if library == "builtins" else f"{library}.{type(frame).__name__}"
    raise SeatrialError(f"A {name} is not a table.", hint="Pass a DataFrame, an Arrow table, or a path.")


def _pandas_column(series: Any) -> Any:
    """A column as an Arrow array; values of several types become text, as they would in a CSV file."""
    import pyarrow as pa

    try:
        array = pa.array(series, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        values = series.astype(object).where(series.notna(), None).tolist()
        return pa.array([None if value is None else str(value) for value in values], pa.string())
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
