"""The columns of the table that the model does not see: what the rows are split by, and their weights."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import numpy as np

from seatrial.core.errors import Problem, SeatrialError
from seatrial.core.project import ProjectSettings
from seatrial.model.features import Array, Floats
from seatrial.model.row_split import group_key
from seatrial.model.table_files import Chunk

NO_TIME = "it is neither a number nor a date in ISO format, such as 2024-01-31"
MOST_SHOWN = 3
MISSING = math.nan
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class SideColumns:
    """Reads these columns chunk by chunk; `keys` and `weights` collect the values of the rows that are kept."""

    project: ProjectSettings
    _keys: list[Floats] = field(default_factory=list)
    _weights: list[Floats] = field(default_factory=list)
    _unreadable: list[str] = field(default_factory=list)
    _kinds: set[str] = field(default_factory=set)

    @property
    def names(self) -> dict[str, str]:
        """The columns to read, and the setting that names each."""
        split, weight = self.project.split.column, self.project.weight
        named = {weight: "[tool.seatrial] weight", split: "[tool.seatrial.split] column"}
        return {name: setting for name, setting in named.items() if name}

    def read(self, chunk: Chunk, bad: Iterable[int]) -> list[Problem]:
        """Read the next chunk; `bad` are rows of it that are left out anyway. Returns the problems of the others."""
        problems: list[Problem] = []
        left_out = set(bad)
        found: list[tuple[list[Floats], Floats]] = []
        if self.project.split.column:
            by_group = self.project.split.by == "group"
            read, what = (self._group, "the key is missing") if by_group else (self._time, "the time is missing")
            values = self._values(chunk, self.project.split.column, read, what, problems)
            found.append((self._keys, values))
        if self.project.weight:
            found.append(
                (self._weights, self._values(chunk, self.project.weight, _weight, "the weight is missing", problems))
            )
        problems = [problem for problem in problems if problem.row - chunk.before not in left_out]
        left_out |= {problem.row - chunk.before for problem in problems}
        keep = np.array([row not in left_out for row in range(chunk.rows)], dtype=bool)
        for collected, values in found:
            collected.append(values[keep])
        return problems

    def finish(self) -> tuple[Floats | None, Floats | None]:
        """The keys and the weights of all rows that were kept. Raises SeatrialError where they are of no use."""
        name, split = self.project.data.name, self.project.split
        keys = np.concatenate(self._keys) if self._keys else None
        weights = np.concatenate(self._weights) if self._weights else None
        if keys is not None and split.by == "time":
            if not len(keys) and self._unreadable:
                shown = ", ".join(map(repr, self._unreadable))
                raise SeatrialError(
                    f"{name}: `{split.column}` has no time in it: {shown}.",
                    hint="Name a column of numbers, or of dates in ISO format, in [tool.seatrial.split].",
                )
            if len(self._kinds) > 1:
                raise SeatrialError(
                    f"{name}: `{split.column}` has both numbers and dates, so its rows have no order.",
                    hint="Write all of its values in the same way.",
                )
        if weights is not None and len(weights) and not weights.any():
            raise SeatrialError(
                f"{name}: the weight `{self.project.weight}` is 0 in every row.",
                hint="Name another column, or remove `weight` from [tool.seatrial].",
            )
        return keys, weights

    def _values(
        self, chunk: Chunk, name: str, read: Callable[[Any], float | str], missing: str, problems: list[Problem]
    ) -> Floats:
        """The numbers of one column; a text that `read` returns is a problem."""
        raw = _plain(chunk.further[name])
        known: dict[Any, float | str] = {}
        values = np.zeros(chunk.rows)
        for row, value in enumerate(raw):
            if isinstance(value, list | dict):  # of JSON
                result: float | str = "it is a list or an object"
            else:
                result = MISSING if _is_missing(value) else known[value] if value in known else read(value)
                known[value] = result
            rule = missing if result != result else result  # noqa: PLR0124 - NaN
            if isinstance(rule, str):
                line = chunk.lines[row] if chunk.lines is not None else None
                shown = "" if rule == missing else str(value)[:60]
                problems.append(Problem(chunk.before + row, name, shown, rule, line))
            else:
                values[row] = rule
        return values

    def _group(self, value: Any) -> float:
        return group_key(key_text(value))

    def _time(self, value: Any) -> float | str:
        number = _number(value)
        if number is not None and math.isfinite(number):
            self._kinds.add("number")
            return number
        moment = _moment(value)
        if moment is None:
            if len(self._unreadable) < MOST_SHOWN:
                self._unreadable.append(str(value))
            return NO_TIME
        self._kinds.add("date")
        return moment


def key_text(value: Any) -> str:
    """A key as text, the same for a number in every format of a table's file."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _plain(values: Sequence[Any] | Array) -> Sequence[Any]:
    listed: Sequence[Any] = values.tolist() if isinstance(values, np.ndarray) else values
    return listed


def _is_missing(value: Any) -> bool:
    return bool(value is None or value != value or (isinstance(value, str) and not value.strip()))  # noqa: PLR0124


def _number(value: Any) -> float | None:
    if isinstance(value, bool | date):
        return None
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _moment(value: Any) -> float | None:
    """Seconds since 1970; a time without a zone is taken as UTC."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            return None
    if not isinstance(value, date):
        return None
    moment = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day)
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - EPOCH).total_seconds()


def _weight(value: Any) -> float | str:
    number = _number(value)
    if number is None or not math.isfinite(number):
        return "the weight is not a number"
    return "the weight is negative" if number < 0 else number
