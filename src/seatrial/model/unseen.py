"""Unseen values: outside the range of the training rows, or in none of them. Such a row is predicted, with a warning.

The schema says what a value may be; the training rows say what the model knows. `seen_in` notes the latter at training,
for release.json, and `UnseenValues` finds what differs from it: in rows and in tables, with the same words.
"""

import datetime as dt
import hashlib
import math
from calendar import monthrange
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from pydantic import BaseModel

from seatrial.model.categorical import codes_of, computed_once, occurring
from seatrial.model.features import Array, Columns
from seatrial.model.masked_text import FEWEST_ROWS
from seatrial.model.schema import Column
from seatrial.model.table_validation import from_array

WARNINGS = "warnings"  # the column of a table of predictions
MOST_VALUES = 10_000  # of a column of text; with more, nearly every new row has a new one
DIGITS = 3  # significant ones of the ends of a range
TINY = 1e-200
EXACT = 10_000  # whole numbers below are noted exactly
Seen = Mapping[str, Any]


@dataclass(frozen=True)
class UnseenValue:
    """One value that no training row has: `row` counts from 0; `type` and `msg` are like those of an invalid value."""

    row: int
    column: str
    type: str
    msg: str


def seen_in(columns: Sequence[Column], table: Columns, texts: Sequence[str]) -> dict[str, Any]:
    """Note what the training rows of each column are: a range, or all values, and whether some are missing.

    `texts` are the columns that the engine itself reads as strings. Other text is only read by feature functions, so
    that a new one is nothing unusual, and it may be personal. Of text that few rows have, only a digest is noted.
    """
    seen = {column.name: _seen(column, table[column.name], listed=column.name in texts) for column in columns}
    return {name: each for name, each in seen.items() if each}


def _seen(column: Column, values: Array, *, listed: bool) -> dict[str, Any]:
    if not column.numeric and column.kind in ("category", "text"):
        return _seen_texts(column, values, listed=listed)
    present = values[~np.isnan(values)] if column.numeric else np.array([v for v in values.tolist() if v is not None])
    if not present.size:
        return {}
    missing = {"missing": bool(len(present) < len(values))} if column.nullable else {}
    if column.kind in ("integer", "number"):
        ends = _outward(present.min(), math.floor), _outward(present.max(), math.ceil)
        return {"range": [from_array(column, end) for end in ends], **missing}
    if column.kind in ("category", "boolean"):
        distinct = np.unique(present)
        return (
            {}
            if len(distinct) > MOST_VALUES
            else {"values": [from_array(column, value) for value in distinct.tolist()], **missing}
        )
    if column.kind == "other" and all(isinstance(value, dt.date) for value in present):
        return {"range": [_month_start(min(present)).isoformat(), _month_end(max(present)).isoformat()], **missing}
    return {}


def _seen_texts(column: Column, values: Array, *, listed: bool) -> dict[str, Any]:
    """Note the texts of a column; those that few rows have and the schema does not list only as digests."""
    counts = occurring(values)
    missing = bool(counts.pop(None, 0))
    if not counts or len(counts) > MOST_VALUES or not (listed or column.kind == "category"):
        return {}
    shown = {v for v, n in counts.items() if n >= FEWEST_ROWS or v in column.categories}
    rare = sorted(_digest(value) for value in counts if value not in shown)
    noted = {"values": sorted(shown), **({"rare": rare} if rare else {})}
    return {**noted, **({"missing": missing} if column.nullable else {})}


@dataclass(frozen=True)
class _Known:
    """What the training rows of one column are: a range from `low` to `high`, or `values`."""

    column: Column
    low: Any = None
    high: Any = None
    values: frozenset[Any] | None = None
    rare: frozenset[str] = frozenset()  # digests of values that few rows have
    missing: bool = True

    def problem(self, value: Any) -> tuple[str, str]:
        """The type and the message for a value that is not among them."""
        if value is None:
            return "missing_unseen", "Missing, as in no training row"
        if self.values is not None:
            return "value_unseen", "Never seen in training"
        if value > self.high:
            return "above_range", f"Above {_shown(self.high)}, the largest value in training"
        return "below_range", f"Below {_shown(self.low)}, the smallest value in training"

    def has(self, value: Any) -> bool:
        """Whether a value is among them."""
        if value is None:
            return self.missing
        if self.values is None:
            return bool(self.low <= value <= self.high)
        return value in self.values or (bool(self.rare) and _digest(value) in self.rare)

    def unseen(self, values: Array) -> Array:
        """Return a mask of the values of a table (n,) that are not among them."""
        if self.column.numeric:
            absent = np.isnan(values)
            if self.values is None:
                return np.asarray((values < self.low) | (values > self.high) | (absent & (not self.missing)))
            return np.asarray(~np.isin(values, [float(v) for v in self.values]) & (~absent | (not self.missing)))
        encoded = codes_of(values)
        if encoded is None:
            return self._new(values)
        distinct, codes = encoded
        return computed_once(distinct, self._key, lambda: self._new(distinct))[codes]

    @cached_property
    def _key(self) -> object:
        return object()  # the values of another release's column have another

    def _new(self, values: Array) -> Array:
        return np.array([not self.has(value) for value in values.tolist()], dtype=bool)


class UnseenValues:
    """Finds unseen values. `seen` is what `seen_in` noted; columns that it does not name are not looked at."""

    def __init__(self, columns: Sequence[Column], seen: Seen) -> None:
        self._known = {column.name: _known(column, seen[column.name]) for column in columns if column.name in seen}
        self._all_seen = _compile(self._known)

    def in_rows(self, rows: Sequence[BaseModel], first: int = 0) -> Sequence[UnseenValue]:
        """Find those of validated rows; `first` is the number of the first one."""
        for row in rows:
            if not self._all_seen(row.__dict__):
                return self._find(rows, first)
        return ()

    def _find(self, rows: Sequence[BaseModel], first: int) -> list[UnseenValue]:
        return [
            UnseenValue(number, name, *known.problem(value))
            for number, row in enumerate(rows, first)
            for name, known in self._known.items()
            if not known.has(value := row.__dict__[name])
        ]

    def in_table(self, table: Columns) -> list[str | None]:
        """Find those of checked columns: a text for each row, `age: Above 80, ...; deck: ...`, None without any."""
        found = self.values_in_table(table)
        return texts_of(found, len(next(iter(table.values()))) if table else 0)

    def values_in_table(self, table: Columns, first: int = 0) -> list[UnseenValue]:
        """Find those of checked columns, one column after the other; `first` is the number of the first row."""
        return [
            UnseenValue(first + row, name, *known.problem(from_array(known.column, table[name][row])))
            for name, known in self._known.items()
            for row in np.flatnonzero(known.unseen(table[name])).tolist()
        ]


def texts_of(found: Sequence[UnseenValue], rows: int, first: int = 0) -> list[str | None]:
    """A text for each row, `age: Above 80, ...; deck: ...`, None for one without unseen values."""
    texts: list[str | None] = [None] * rows
    for each in found:
        text = f"{each.column}: {each.msg}"
        earlier = texts[each.row - first]
        texts[each.row - first] = f"{earlier}; {text}" if earlier else text
    return texts


def _compile(known: Mapping[str, _Known]) -> Callable[[Mapping[str, Any]], bool]:
    """Make one function that says whether all values of a row are known; it runs for every request.

    A loop over the columns takes three times as long. Only names that `repr` has quoted get into the code.
    """
    names: dict[str, Any] = {}
    conditions = []
    for position, (name, each) in enumerate(known.items()):
        low, high, values = f"low{position}", f"high{position}", f"values{position}"
        if each.values is not None:
            names[values] = each.values | {None} if each.missing else each.values
            conditions.append(f"v[{name!r}] in {values}")
            continue
        names |= {low: each.low, high: each.high}
        test = "is None or" if each.missing else "is not None and"
        conditions.append(f"((x := v[{name!r}]) {test} {low} <= x <= {high})")
    code = f"lambda v: {' and '.join(conditions) or 'True'}"
    compiled: Callable[[Mapping[str, Any]], bool] = eval(code, names)  # noqa: S307
    return compiled


def as_json(found: Sequence[UnseenValue]) -> list[dict[str, Any]]:
    """Unseen values as they are in an answer."""
    return [asdict(each) for each in found]


def _known(column: Column, seen: Seen) -> _Known:
    missing = bool(seen.get("missing", True))
    if "values" in seen:
        return _Known(column, values=frozenset(seen["values"]), rare=frozenset(seen.get("rare", ())), missing=missing)
    low, high = (_date(end) if isinstance(end, str) else end for end in seen["range"])
    return _Known(column, low, high, missing=missing)


def _month_start(value: dt.date) -> dt.date:
    """The start of a date's month: the first or the last date may be one person's birthday, and warnings show it."""
    midnight = {"hour": 0, "minute": 0, "second": 0, "microsecond": 0} if isinstance(value, dt.datetime) else {}
    return value.replace(day=1, **midnight)


def _month_end(value: dt.date) -> dt.date:
    last = value.replace(day=monthrange(value.year, value.month)[1])
    return dt.datetime.combine(last, dt.time.max, value.tzinfo) if isinstance(value, dt.datetime) else last


def _outward(end: float, to_whole: Callable[[float], int]) -> float:
    """An end of a range, rounded away from the values, since the exact one is some row's; years stay as they are."""
    if abs(end) < TINY or (end == int(end) and abs(end) < EXACT):
        return end
    scale = 10.0 ** (DIGITS - 1 - math.floor(math.log10(abs(end))))
    return (min if to_whole is math.floor else max)(float(to_whole(end * scale) / scale), end)


def _digest(value: Any) -> str:
    """A text that few rows have, in a form that nobody reads; whoever guesses it can check that."""
    return hashlib.blake2b(str(value).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _date(text: str) -> dt.date:
    return dt.date.fromisoformat(text) if len(text) == len("2024-01-31") else dt.datetime.fromisoformat(text)


def _shown(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else value.isoformat() if hasattr(value, "year") else str(value)
