"""The training table: checked by the schema, with typed labels and a known task."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seatrial.core.errors import DataError, Problem, SeatrialError
from seatrial.core.files import sha256
from seatrial.core.memory_limits import free_memory
from seatrial.core.project import ProjectSettings
from seatrial.model import categorical
from seatrial.model.arrow_reader import stored_rows
from seatrial.model.features import Array, Columns, Floats
from seatrial.model.metadata import Task
from seatrial.model.table_files import raise_problems, read_chunks
from seatrial.model.table_validation import TableChecker
from seatrial.train.label_values import LabelValues
from seatrial.train.memory_needs import require_memory
from seatrial.train.side_columns import SideColumns

MOST_PROBLEMS = 1_000_000  # of a table whose bad rows are an error: reading on would only collect more


@dataclass(frozen=True)
class TrainingTable:
    """Checked columns and their labels, one per row; `dropped` lists the problems of the rows that were left out.

    `keys` (n,) are what the rows are split by (model/row_split.py), `weights` (n,) their weights; None without.
    """

    columns: Columns
    target: Array
    task: Task
    classes: tuple[Any, ...]
    dropped: tuple[Problem, ...]
    rows_read: int
    sha256: str
    keys: Floats | None = None
    weights: Floats | None = None

    @property
    def rows(self) -> int:
        """The number of rows that are left to train on."""
        return len(self.target)

    def take(self, positions: Array) -> "TrainingTable":
        """Select rows: of the columns, and of every other array with a value for each row."""
        arrays: dict[str, Any] = {each.name: getattr(self, each.name) for each in fields(self)}
        arrays = {name: values[positions] for name, values in arrays.items() if isinstance(values, np.ndarray)}
        columns = {name: categorical.taken(values, positions) for name, values in self.columns.items()}
        return replace(self, columns=columns, **arrays)


@dataclass(frozen=True)
class GoodRows:
    """The rows of a chunk that obey the schema and have a target: checked columns, labels, and where they are."""

    columns: Columns
    labels: list[Any]
    kept: npt.NDArray[np.bool_]


@dataclass
class TableReader:
    """Reads the rows of a project's table that can be trained on, in chunks; what is left out is counted.

    `problems` are those of all rows so far, `rows` their number. `sha256` is the file's when reading began.
    """

    project: ProjectSettings
    checker: TableChecker
    drop_bad_rows: bool
    progress: Callable[[str], None]
    problems: list[Problem] = field(default_factory=list)
    rows: int = 0
    sha256: str = ""

    def __post_init__(self) -> None:
        """Begin with the columns of the project's settings."""
        self.side = SideColumns(self.project)
        self.labels = LabelValues(self.project)

    def chunks(self) -> Iterator[GoodRows]:
        """Read the table once. Raises SeatrialError where it changes meanwhile, DataError for too many bad rows."""
        path, target = self.project.data, self.project.target
        self._require_no_input()
        before = file_state(path) if path.is_file() else None
        self.sha256 = sha256(path) if before else ""
        for chunk in read_chunks(path, self.checker, target=target, further=self.side.names):
            problems = chunk.problems + [
                Problem(self.rows + row, target, "", "the target is missing") for row in _missing(chunk.target)
            ]
            problems += self.side.read(chunk, {problem.row - self.rows for problem in problems})
            kept = np.ones(chunk.rows, dtype=bool)
            kept[[problem.row - self.rows for problem in problems]] = False
            columns, labels = chunk.columns, chunk.target
            if problems:
                columns = {name: categorical.taken(values, kept) for name, values in columns.items()}
                labels = [labels[row] for row in np.flatnonzero(kept)]
            self.labels.add(labels)
            self.problems += problems
            self.rows += chunk.rows
            if not self.drop_bad_rows and len(self.problems) > MOST_PROBLEMS:
                self.raise_problems()
            self.progress(f"read {self.rows:,} rows of {path.name}")
            yield GoodRows(columns, labels, kept)
        if file_state(path) != before:
            raise changed_meanwhile(path)

    def raise_problems(self) -> None:
        """Raise DataError where rows break the schema and must not be dropped."""
        if not self.drop_bad_rows:
            raise_problems(
                sorted(self.problems, key=lambda p: p.row),
                self.project.data,
                rows=self.rows,
                hint="Correct the rows or the schema, or leave such rows out with --on-bad-rows drop.",
            )

    def table(self, columns: Columns) -> TrainingTable:
        """The table of all rows that were read, with these columns of them."""
        path, target = self.project.data, self.project.target
        keys, weights = self.side.finish()
        self.raise_problems()
        if self.rows == len({problem.row for problem in self.problems}):
            raise DataError(f"{path.name}: no rows are left to train on.", problems=tuple(self.problems))
        values, task = self.labels.finish()
        classes = () if task == "regression" else tuple(np.unique(values).tolist())
        if task != "regression" and len(classes) < 2:
            raise SeatrialError(
                f"{path.name}: `{target}` is {classes[0]!r} in every row, so there is nothing to learn.",
                hint="Check that [tool.seatrial] target is the column to predict.",
            )
        if task == "binary" and len(classes) > 2:
            raise SeatrialError(
                f"{path.name}: `{target}` has {len(classes)} labels, but the task is binary.",
                hint='Set task = "multiclass", or remove the task to have it inferred.',
            )
        return TrainingTable(
            columns, values, task, classes, tuple(self.problems), self.rows, self.sha256, keys, weights
        )

    def _require_no_input(self) -> None:
        named = {column.name for column in self.checker.columns}
        for name, what, why in (
            (self.project.target, "target", "so the model would see the answer"),
            (self.project.weight, "weight", "so the model would use it as an input"),
        ):
            if name in named:
                raise SeatrialError(
                    f"The {what} `{name}` is also a column of the schema, {why}.",
                    hint=f"Remove it from the schema; the {what} is read separately.",
                )


def _missing(values: list[Any]) -> list[int]:
    """The places of missing values: None, empty text, NaN."""

    def absent(value: Any) -> bool:
        return bool(value is None or value == "" or value != value)  # noqa: PLR0124 - NaN

    try:
        if not any(map(absent, set(values))):
            return []
    except TypeError:  # lists and tables of JSON
        pass
    return [row for row, value in enumerate(values) if absent(value)]


def read_training_table(
    project: ProjectSettings, checker: TableChecker, *, drop_bad_rows: bool, progress: Callable[[str], None]
) -> TrainingTable:
    """Read the project's table. Raises DataError where rows break the schema and must not be dropped.

    Raises SeatrialError, with a sample that would fit, where there is not enough memory to train on all rows.
    """
    reader = TableReader(project, checker, drop_bad_rows, progress)
    free, expected, parts = free_memory(), stored_rows(project.data), []
    for good in reader.chunks():
        rows = max(expected, reader.rows)
        held_out = int(rows * project.test_share)
        require_memory(project.data.name, len(checker.columns), rows - held_out, held_out, free)
        parts.append(good.columns)
    table = reader.table({})
    return replace(table, columns=joined(parts))


def joined(parts: list[Columns]) -> Columns:
    """Put parts of a table together, which are used up."""
    return {name: categorical.joined([part.pop(name) for part in parts]) for name in list(parts[0])}


def file_state(path: Path) -> tuple[int, int, int]:
    """What changes when a file does: its size, its time, and the file that its name stands for.

    Raises SeatrialError for a file that was removed while it was being read.
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        raise changed_meanwhile(path) from None
    return found.st_size, found.st_mtime_ns, found.st_ino


def changed_meanwhile(path: Path) -> SeatrialError:
    """The error for a table that another program wrote while it was being read."""
    return SeatrialError(f"{path.name} changed while it was being read.", hint="Train again when it is complete.")
