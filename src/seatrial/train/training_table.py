"""The training table: checked by the schema, with typed labels and a known task."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from seatrial.core.errors import DataError, Problem, SeatrialError
from seatrial.core.files import sha256
from seatrial.core.project import ProjectSettings
from seatrial.model.features import Array, Columns, Floats
from seatrial.model.metadata import Task
from seatrial.model.table_files import raise_problems, read_chunks
from seatrial.model.table_validation import TableChecker
from seatrial.train.side_columns import SideColumns

# A target of integers with more distinct values than this is a quantity, not a set of classes.
MOST_CLASSES = 20


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
        columns = {name: values[positions] for name, values in self.columns.items()}
        return replace(self, columns=columns, **arrays)


def read_training_table(
    project: ProjectSettings, checker: TableChecker, *, drop_bad_rows: bool, progress: Callable[[str], None]
) -> TrainingTable:
    """Read the project's table. Raises DataError where rows break the schema and must not be dropped."""
    path = project.data
    if project.target in {column.name for column in checker.columns}:
        raise SeatrialError(
            f"The target `{project.target}` is also a column of the schema, so the model would see the answer.",
            hint="Remove it from the schema; the target is read separately.",
        )
    if project.weight in {column.name for column in checker.columns}:
        raise SeatrialError(
            f"The weight `{project.weight}` is also a column of the schema, so the model would use it as an input.",
            hint="Remove it from the schema; the weight is read separately.",
        )
    before = sha256(path) if path.is_file() else ""
    side = SideColumns(project)
    parts: list[Columns] = []
    labels: list[Any] = []
    problems: list[Problem] = []
    read = 0
    for chunk in read_chunks(path, checker, target=project.target, further=side.names):
        chunk_problems = chunk.problems + [
            Problem(read + row, project.target, "", "the target is missing")
            for row, value in enumerate(chunk.target)
            if value is None or value == "" or value != value  # noqa: PLR0124 - NaN
        ]
        chunk_problems += side.read(chunk, {problem.row - read for problem in chunk_problems})
        bad = {problem.row - read for problem in chunk_problems}
        keep = np.array([row not in bad for row in range(chunk.rows)], dtype=bool)
        parts.append({name: values[keep] for name, values in chunk.columns.items()})
        labels += [value for value, kept in zip(chunk.target, keep, strict=True) if kept]
        problems += chunk_problems
        read += chunk.rows
        progress(f"read {read:,} rows of {path.name}")
    if sha256(path) != before:
        raise SeatrialError(f"{path.name} changed while it was being read.", hint="Train again when it is complete.")
    keys, weights = side.finish()
    if not drop_bad_rows:
        raise_problems(
            sorted(problems, key=lambda p: p.row),
            path,
            rows=read,
            hint="Correct the rows or the schema, or leave such rows out with --on-bad-rows drop.",
        )
    if not labels:
        raise DataError(f"{path.name}: no rows are left to train on.", problems=tuple(problems))
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    target, task = _typed_target(labels, project)
    classes = () if task == "regression" else tuple(np.unique(target).tolist())
    if task != "regression" and len(classes) < 2:
        raise SeatrialError(
            f"{path.name}: `{project.target}` is {classes[0]!r} in every row, so there is nothing to learn.",
            hint="Check that [tool.seatrial] target is the column to predict.",
        )
    if task == "binary" and len(classes) > 2:
        raise SeatrialError(
            f"{path.name}: `{project.target}` has {len(classes)} labels, but the task is binary.",
            hint='Set task = "multiclass", or remove the task to have it inferred.',
        )
    return TrainingTable(columns, target, task, classes, tuple(problems), read, before, keys, weights)


def _typed_target(labels: list[Any], project: ProjectSettings) -> tuple[Array, Task]:
    """Convert labels to integers, numbers or text, whichever fits all of them."""
    numbers = _as_numbers(labels)
    if numbers is not None and not np.isfinite(numbers).all():
        raise SeatrialError(
            f"{project.data.name}: `{project.target}` has values that are not finite.",
            hint="Correct these rows, or remove them from the table.",
        )
    integers = numbers is not None and bool((numbers % 1 == 0).all())
    several = len(set(labels)) > MOST_CLASSES
    task: Any = project.task
    if task is None:
        if numbers is not None and (several or not integers):
            task = "regression"
        else:
            task = "binary" if len(set(labels)) <= 2 else "multiclass"
    if task == "regression":
        if numbers is None:
            raise SeatrialError(
                f"{project.data.name}: `{project.target}` is not a number in every row.",
                hint="A regression needs numbers: set another task, or choose another target.",
            )
        return numbers, task
    if several and len(set(labels)) > len(labels) / 2:
        raise SeatrialError(
            f"{project.data.name}: most rows have a different value of `{project.target}`.",
            hint="If it is an identifier, set [tool.seatrial] target to the column to predict.",
        )
    if numbers is not None and integers:
        return numbers.astype(np.int64), task
    return np.array([str(label) for label in labels], dtype=object), task


def _as_numbers(labels: list[Any]) -> Any:
    try:
        return np.array([float(label) for label in labels], dtype=np.float64)
    except (TypeError, ValueError):
        return None
