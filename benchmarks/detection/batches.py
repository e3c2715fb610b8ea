"""A table with new rows, as the faults of new rows see it: which columns are numbers, texts or dates, and which rows.

Faults change columns through `Batch.write`, so that an old row is never touched.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from seatrial.model.features import Array, Columns

Generator = np.random.Generator
LABEL = ""  # stands for the target among the columns that a fault's cause should name
FEW = 30  # a text column with more distinct values is free text, not categories


@dataclass(frozen=True)
class Faulty:
    """What a fault made: the table, which of its rows are new (n,), and what the cause should name.

    Naming one of `columns` (LABEL is the target) or using one of `words` is enough.
    """

    columns: Columns
    target: Array
    new: Array
    names: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Batch:
    """Typed columns, labels (n,), a mask of the new rows (n,), and columns by importance, the most important first."""

    columns: Columns
    target: Array
    new: Array
    g: Generator
    order: tuple[str, ...] = ()
    cells: dict[str, Array] = field(default_factory=dict)

    @property
    def ranked(self) -> list[str]:
        """All columns; those that the model uses come first."""
        used = [name for name in self.order if name in self.columns]
        return used + [name for name in self.columns if name not in used]

    @property
    def old(self) -> Array:
        """The mask of the old rows."""
        return ~self.new

    @property
    def places(self) -> Array:
        """The positions of the new rows."""
        return np.flatnonzero(self.new)

    def numbers(self, test: Callable[[Array], bool] = lambda _: True, least: int = 5) -> list[str]:
        """Numeric columns with several values, of which the present old values pass a test."""
        found = []
        for name in self.ranked:
            values = self.columns[name]
            if values.dtype.kind == "f":
                present = values[self.old & ~np.isnan(values)]
                if len(present) and len(np.unique(present)) >= least and test(present):
                    found.append(name)
        return found

    def flags(self) -> list[str]:
        """Numeric columns of two values."""
        return [n for n in self.numbers(least=2) if len(np.unique(self.columns[n][~np.isnan(self.columns[n])])) == 2]

    def texts(self, few: bool = True, test: Callable[[list[str]], bool] = lambda _: True) -> list[str]:
        """Text columns, with few distinct values or with any number of them, of which the values pass a test."""
        found = []
        for name in self.ranked:
            values = self.columns[name]
            if values.dtype.kind != "O":
                continue
            known = self.known(name)
            if len(known) >= 2 and all(isinstance(v, str) for v in known) and (len(known) <= FEW or not few):
                found += [name] if test(known) else []
        return found

    def dates(self, timed: bool = False) -> list[str]:
        """Columns of dates; with times if `timed`."""
        kind = dt.datetime if timed else dt.date
        return [
            name for name in self.ranked
            if self.columns[name].dtype.kind == "O" and (known := self.known(name)) and isinstance(known[0], kind)
        ]  # fmt: skip

    def known(self, name: str) -> list:  # type: ignore[type-arg]
        """The distinct values of a column of objects, the most frequent first."""
        counts: dict[object, int] = {}
        for value in self.columns[name].tolist():
            if value is not None:
                counts[value] = counts.get(value, 0) + 1
        return sorted(counts, key=lambda value: (-counts[value], str(value)))

    def pick(self, names: list[str]) -> str | None:
        """One of the more important half of the columns; None if there is none."""
        return names[int(self.g.integers(0, max(1, (len(names) + 1) // 2)))] if names else None

    def some(self, share: float) -> Array:
        """A mask (n,) of a random share of the new rows."""
        rows = self.places
        mask = np.zeros(len(self.new), dtype=bool)
        mask[self.g.permutation(rows)[: max(1, round(share * len(rows)))]] = True
        return mask

    def run(self, share: float) -> Array:
        """A mask (n,) of a share of the new rows that are next to each other: one file, one day, one load."""
        rows = self.places
        count = max(1, round(share * len(rows)))
        start = int(self.g.integers(0, len(rows) - count + 1))
        mask = np.zeros(len(self.new), dtype=bool)
        mask[rows[start : start + count]] = True
        return mask

    def group(self) -> tuple[str, Array] | None:
        """A column and the mask (n,) of the new rows of one of its groups: about a quarter of them."""
        best: tuple[float, str, Array] | None = None
        names = self.texts() + [n for n in self.numbers(least=2) if len(np.unique(self.columns[n])) <= 12]
        for name in names:
            values = self.columns[name]
            for value in {v for v in values.tolist() if v is not None and v == v}:  # noqa: PLR0124 - NaN
                mask = (values == value) & self.new
                distance = abs(float(mask[self.new].mean()) - 0.25)
                if mask.sum() >= 3 and (best is None or distance < best[0]):
                    best = (distance, name, mask)
        if best is None and (number := self.pick(self.numbers())):
            values = self.columns[number]
            return number, self.new & (values > np.nanquantile(values, 0.75))
        return best and best[1:]

    def write(self, name: str, rows: Array, values: Array) -> Faulty:
        """Write values (n,) into some new rows of a column."""
        return self.wrote({name: values}, rows, (name,))

    def wrote(self, values: Columns, rows: Array, names: tuple[str, ...] = (), words: tuple[str, ...] = ()) -> Faulty:
        """Write several columns' values (n,) into some new rows."""
        columns, rows = dict(self.columns), rows & self.new
        for name, after in values.items():
            column = plain(self.columns[name])
            column[rows] = after[rows]
            columns[name] = column
        return Faulty(columns, self.target, self.new, names or tuple(values), words)

    def labelled(self, rows: Array, target: Array, names: tuple[str, ...] = ()) -> Faulty:
        """Write labels (n,) into some new rows."""
        after = np.where(rows & self.new, target, self.target).astype(self.target.dtype)
        return Faulty(self.columns, after, self.new, (LABEL, *names), ("label",))

    def keep(self, rows: Array, names: tuple[str, ...], words: tuple[str, ...] = ()) -> Faulty | None:
        """Leave out the new rows that are not in a mask (n,); None if fewer than a handful would be left."""
        kept = self.old | rows
        if (kept & self.new).sum() < 5:
            return None
        return Faulty(
            {n: plain(v)[kept] for n, v in self.columns.items()}, self.target[kept], self.new[kept], names, words
        )

    def append(
        self, rows: Array, changes: Columns | None = None, words: tuple[str, ...] = (), names: tuple[str, ...] = ()
    ) -> Faulty:
        """Append copies of rows (positions) as new rows; `changes` has other values (n_rows,) for some columns."""
        columns = {
            name: np.concatenate([plain(values), (changes or {}).get(name, plain(values)[rows])])
            for name, values in self.columns.items()
        }
        new = np.concatenate([self.new, np.ones(len(rows), dtype=bool)])
        return Faulty(columns, np.concatenate([self.target, self.target[rows]]), new, names, words)


def plain(values: Array) -> Array:
    """A copy as an ordinary array, without the codes that a column of categories carries."""
    return np.array(values, dtype=values.dtype, copy=True, subok=False)


def mapped(values: Array, change: Callable[[object], object]) -> Array:
    """Change each present value of a column of objects."""
    results: list[object] = [None if value is None else change(value) for value in values.tolist()]
    return np.fromiter(results, dtype=object, count=len(results))


def cells_changed(batch: Batch, faulty: Faulty) -> float:
    """The share of the new rows' cells and labels that differ; of the rows, if some were added or left out."""
    before, after = int(batch.new.sum()), int(faulty.new.sum())
    if len(faulty.target) != len(batch.target):
        return abs(after - before) / max(before, after)
    cells = [differ(batch.columns[name], values) for name, values in faulty.columns.items()]
    cells.append(differ(batch.target, faulty.target))
    return float(np.mean([cell[batch.new] for cell in cells]))


def differ(before: Array, after: Array) -> Array:
    """A mask (n,) of the values that differ; two missing values are equal."""
    same_missing = np.zeros(len(before), dtype=bool)
    if before.dtype.kind == "f" and after.dtype.kind == "f":
        same_missing = np.isnan(before) & np.isnan(after)
    return np.asarray((plain(before) != plain(after)) & ~same_missing, dtype=bool)
