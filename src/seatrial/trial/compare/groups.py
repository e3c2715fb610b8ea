"""Groups of rows: each column cut into a few groups with integer codes, so that millions of rows are counted fast."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from seatrial.model.features import Array, Columns

BINS = 4  # of a numeric column, by its quantiles
MOST_VALUES = 12  # of a column with categories; rarer ones share a group
TEXT_VALUES = 50  # a text column with more values than this is not a category
SAMPLE = 100_000  # rows that determine the bins
MOST_PACKED = 127  # groups whose codes a byte has room for


@dataclass(frozen=True)
class Grouping:
    """One column as groups: `codes` (n,) point into `names`, such as "sex = female" or "age: 21 to 28"."""

    column: str
    names: tuple[str, ...]
    codes: Array

    @property
    def size(self) -> int:
        """The number of groups."""
        return len(self.names)

    @cached_property
    def counts(self) -> Array:
        """The number of rows in each group."""
        return np.bincount(self.codes, minlength=self.size)

    def sums(self, values: Array) -> Array:
        """The sum of `values` (n,) in each group."""
        return np.bincount(self.codes, values, self.size)

    def means(self, values: Array) -> Array:
        """The mean of `values` (n,) in each group; 0 for an empty one."""
        return np.asarray(self.sums(values) / np.maximum(self.counts, 1))

    def taken(self, rows: Array | slice) -> "Grouping":
        """The same groups over some of the rows, by mask, position or slice."""
        return Grouping(self.column, self.names, self.codes[rows])

    def packed(self) -> "Grouping":
        """The same groups with a byte for each code, where that is enough: of a large table, codes take gigabytes."""
        return self if self.size > MOST_PACKED else Grouping(self.column, self.names, self.codes.astype(np.int8))

    def crossed(self, other: "Grouping") -> Array:
        """The codes (n,) of the pairs of this group and another one's, whatever the type of both."""
        return np.asarray(self.codes.astype(np.int64) * other.size + other.codes)


def grouped(columns: Columns, only: Sequence[str] = ()) -> list[Grouping]:
    """Cut columns into groups; those with one group, and texts with too many values, are left out."""
    return list(each_grouped(columns, only))


def each_grouped(columns: Columns, only: Sequence[str] = ()) -> Iterator[Grouping]:
    """The same one after the other: of a large table, the codes of all columns take as much memory as half of it."""
    for name, values in columns.items():
        grouping = group_column(name, values) if not only or name in only else None
        if grouping is not None and grouping.size > 1:
            yield grouping


def group_column(name: str, values: Array) -> Grouping | None:
    """Cut one column into groups by its quantiles or its values, with a separate group for missing values."""
    return _numbers(name, values) if is_numeric(values) else _texts(name, values)


def _numbers(name: str, values: Array) -> Grouping | None:
    values = values.astype(np.float64, copy=False)
    gone = np.isnan(values)
    step = max(1, len(values) // SAMPLE)
    sample = values[::step][~gone[::step]]
    if not sample.size:
        return None
    distinct = np.unique(sample)
    names: list[str]
    if len(distinct) <= MOST_VALUES:
        edges = distinct[1:]
        names = [f"{name} = {value:g}" for value in distinct]
    else:
        edges = np.unique(np.quantile(sample, np.arange(1, BINS) / BINS))
        ends = [float(distinct[0]), *edges.tolist(), float(distinct[-1])]
        names = [f"{name}: {low:.4g} to {high:.4g}" for low, high in pairwise(ends)]
    codes = np.searchsorted(edges, values, side="right").astype(np.int32)
    if gone.any():
        codes[gone] = len(names)
        names.append(f"{name} is missing")
    return Grouping(name, tuple(names), codes)


def _texts(name: str, values: Array) -> Grouping | None:
    codes, known = factorized(values)
    if len(known) > TEXT_VALUES and len(known) > len(values) / 100:
        return None
    counts = np.bincount(codes + 1, minlength=len(known) + 1)
    order = np.argsort(-counts[1:], kind="stable")
    kept = order[:MOST_VALUES]
    target = np.full(len(known) + 1, len(kept), dtype=np.int32)
    target[1:][kept] = np.arange(len(kept), dtype=np.int32)
    names = [f"{name} = {known[position]}" for position in kept.tolist()]
    if len(order) > len(kept):
        names.append(f"{name} is another")
    if counts[0]:
        target[0] = len(names)
        names.append(f"{name} is missing")
    return Grouping(name, tuple(names), target[codes + 1])


def factorized(values: Array) -> tuple[Array, list[Any]]:
    """Number the distinct values in order of appearance: codes (n,), -1 for None, and the values."""
    try:
        from pandas import factorize
    except ImportError:
        place: dict[Any, int] = {}
        listed = [-1 if value is None else place.setdefault(value, len(place)) for value in values.tolist()]
        return np.array(listed, dtype=np.int64), list(place)
    codes, known = factorize(np.asarray(values, dtype=object), use_na_sentinel=True)
    return np.asarray(codes), list(known)


def is_numeric(values: Array) -> bool:
    """Whether a column holds numbers, with NaN for missing values; other columns hold objects, with None."""
    return values.dtype.kind in "fiub"


def missing(values: Array) -> Array:
    """Mark the missing values (n,)."""
    if is_numeric(values):
        return np.isnan(values.astype(np.float64, copy=False))
    return np.array([value is None or value == "" for value in values.tolist()], dtype=bool)


def ticked(group: str) -> str:
    """Mark the columns in a group's name as code: "`sex` = female and `age` is missing"."""
    return " and ".join(_ticked(part) for part in group.split(" and "))


def _ticked(group: str) -> str:
    for mark in (" = ", ": ", " is "):
        column, separator, rest = group.partition(mark)
        if separator:
            return f"`{column}`{mark}{rest}"
    return group
