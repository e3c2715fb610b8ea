"""The target's values, collected chunk by chunk and typed at the end: integers, numbers or text."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from seatrial.core.errors import SeatrialError
from seatrial.core.project import ProjectSettings
from seatrial.model.features import Array, Floats
from seatrial.model.metadata import Task

# A target of integers with more distinct values than this is a quantity, not a set of classes.
MOST_CLASSES = 20
MOST_LISTED = 100_000  # distinct values that are kept as they are; of more, only the numbers


@dataclass
class LabelValues:
    """The target of the rows that are kept: a code for each row while there are few values, and numbers from then on.

    So that tens of millions of rows take four or eight bytes each.
    """

    project: ProjectSettings
    _codes: dict[Any, int] = field(default_factory=dict)
    _parts: list[Array] = field(default_factory=list)
    _numbers: bool = False

    def add(self, values: Sequence[Any]) -> None:
        """Add the next rows. Raises SeatrialError where there are too many different texts to be classes."""
        if self._numbers:
            self._parts.append(self._as_numbers(values))
            return
        known = self._codes
        try:
            for value in dict.fromkeys(values):
                known.setdefault(value, len(known))
        except TypeError:  # of JSON
            raise SeatrialError(
                f"{self.project.data.name}: `{self.project.target}` is a list or an object in some rows.",
                hint="A target is a number or a text.",
            ) from None
        self._parts.append(np.fromiter(map(known.__getitem__, values), dtype=np.int32, count=len(values)))
        if len(known) > MOST_LISTED:
            numbers = self._as_numbers(list(known))
            self._parts = [numbers[part] for part in self._parts]
            self._numbers, self._codes = True, {}

    def finish(self) -> tuple[Array, Task]:
        """The typed target (n,) and its task. Raises SeatrialError for values that do not fit the task."""
        rows = np.concatenate(self._parts) if self._parts else np.zeros(0, dtype=np.int32)
        self._parts = []
        distinct, codes = np.unique(rows, return_inverse=True) if self._numbers else (None, rows)
        listed = list(self._codes) if distinct is None else distinct.tolist()
        typed, task = _typed(listed, len(rows), self.project)
        return typed[codes], task

    def _as_numbers(self, values: Sequence[Any]) -> Floats:
        numbers: Floats | None = as_numbers(values)
        if numbers is None:
            raise _identifier(self.project)
        return numbers


def _typed(distinct: list[Any], rows: int, project: ProjectSettings) -> tuple[Array, Task]:
    """Convert labels to integers, numbers or text, whichever fits all of them."""
    numbers = as_numbers(distinct)
    if numbers is not None and not np.isfinite(numbers).all():
        raise SeatrialError(
            f"{project.data.name}: `{project.target}` has values that are not finite.",
            hint="Correct these rows, or remove them from the table.",
        )
    integers = numbers is not None and bool((numbers % 1 == 0).all())
    several = len(distinct) > MOST_CLASSES
    task: Any = project.task
    if task is None:
        if numbers is not None and (several or not integers):
            task = "regression"
        else:
            task = "binary" if len(distinct) <= 2 else "multiclass"
    if task == "regression":
        if numbers is None:
            raise SeatrialError(
                f"{project.data.name}: `{project.target}` is not a number in every row.",
                hint="A regression needs numbers: set another task, or choose another target.",
            )
        return numbers, task
    if several and len(distinct) > rows / 2:
        raise _identifier(project)
    if numbers is not None and integers:
        return numbers.astype(np.int64), task
    return np.array([str(label) for label in distinct], dtype=object), task


def _identifier(project: ProjectSettings) -> SeatrialError:
    return SeatrialError(
        f"{project.data.name}: most rows have a different value of `{project.target}`.",
        hint="If it is an identifier, set [tool.seatrial] target to the column to predict.",
    )


def as_numbers(values: Sequence[Any]) -> Any:
    """The values as numbers (n,); None where one of them is not a number."""
    try:
        return np.array([float(value) for value in values], dtype=np.float64)
    except (TypeError, ValueError):
        return None
