"""Old and new rows in one pool: a bounded sample of each, with every column as numbers, moments or codes of texts."""

import datetime
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from seatrial.model.features import Array
from seatrial.trial.compare.groups import factorized, is_numeric
from seatrial.trial.compare.row_matching import Table

MOST_NEW, MOST_OLD = 2_500, 5_000  # rows of a sample
DAY = 86_400.0
_ISO = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?")
_WRITTEN = re.compile(r"(\d{1,2})[./-](\d{1,2})[./-](\d{4})")
Form = Literal["number", "moment", "text"]


@dataclass(frozen=True)
class PooledColumn:
    """One column over all pooled rows.

    `values` (n,) are float64 with NaN for missing: numbers, or seconds since 1970 of moments, or codes of texts into
    `texts`.
    """

    name: str
    form: Form
    values: Array
    texts: tuple[str, ...] = ()
    label: bool = False

    @cached_property
    def missing(self) -> Array:
        """Mark the missing values (n,)."""
        return np.isnan(self.values)

    @cached_property
    def codes(self) -> Array:
        """Distinct values as integers (n,), -1 where missing."""
        codes = np.unique(self.values, return_inverse=True)[1].astype(np.int64)
        codes[self.missing] = -1
        return codes

    @cached_property
    def counts(self) -> Array:
        """How often each row's value occurs in the pool (n,), 0 where it is missing."""
        known = np.bincount(self.codes + 1)
        known[0] = 0
        return np.asarray(known[self.codes + 1])

    @cached_property
    def score(self) -> Array:
        """The values' ranks on the scale of a normal distribution (n,), 0 where missing."""
        return normal_scores(self.values)

    @cached_property
    def is_category(self) -> bool:
        """Whether most values occur often: texts with few values, and numbers with as few as a dozen."""
        distinct = int(self.codes.max(initial=-1)) + 1
        most = 12 if self.form == "number" else 60
        return distinct <= most and self.form != "moment" and distinct < len(self.values) / 5

    @cached_property
    def is_key(self) -> bool:
        """Whether nearly every row has a value of its own, a whole number or a text."""
        there = self.values[~self.missing]
        return bool(len(there) and (self.counts[~self.missing] == 1).mean() > 0.9 and (there % 1 == 0).all())

    def written(self, row: int) -> str:
        """One row's value, for people."""
        value = float(self.values[row])
        if np.isnan(value):
            return "missing"
        if self.form == "moment":
            moment = str(np.int64(value).astype("datetime64[s]"))
            return moment.removesuffix("T00:00:00")
        return self.texts[int(value)] if self.form == "text" else f"{value:.10g}"


@dataclass(frozen=True)
class Pool:
    """The rows that are compared: the first `old_rows` are old, the others new.

    `places` (n,) are the rows' positions in their own table; `all_new` says whether all new rows
    are here. `columns` includes the label, as the last one.
    """

    columns: tuple[PooledColumn, ...]
    old_rows: int
    places: Array
    all_new: bool = True

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(self.places)

    @property
    def new_rows(self) -> int:
        """The number of new rows."""
        return self.rows - self.old_rows

    @property
    def label(self) -> PooledColumn:
        """The label's column."""
        return self.columns[-1]


def make_pool(old: Table, new: Table, rows: Array) -> Pool:
    """Pool the old rows with these rows of the new table; of many, take a random part (with a fixed seed)."""
    draw = np.random.default_rng(5)
    first = np.sort(draw.permutation(old.rows)[: max(MOST_OLD, 2 * min(len(rows), MOST_NEW))])
    later = np.sort(draw.permutation(rows)[:MOST_NEW])
    columns = [
        pool_column(name, values[first], new.columns[name][later])
        for name, values in old.columns.items()
        if name in new.columns
    ]
    columns.append(pool_column(new.name, old.target[first], new.target[later], label=True))
    return Pool(tuple(columns), len(first), np.concatenate([first, later]), len(later) == len(rows))


def pool_column(name: str, old: Array, new: Array, *, label: bool = False) -> PooledColumn:
    """Pool one column, as numbers, moments, or codes of texts."""
    if is_numeric(old) and is_numeric(new):
        return PooledColumn(name, "number", np.concatenate([old, new]).astype(np.float64), label=label)
    if old.dtype.kind == "M" and new.dtype.kind == "M":
        return PooledColumn(name, "moment", _seconds(np.concatenate([old, new])), label=label)
    codes, known = factorized(np.concatenate([old.astype(object), new.astype(object)]))
    moments = _moments(known)
    if moments is not None:
        return PooledColumn(name, "moment", np.append(moments, np.nan)[codes], label=label)
    texts = tuple(map(str, known))
    order = np.argsort(np.argsort(np.array(texts))) if texts else np.zeros(0, dtype=int)
    values = np.append(order.astype(np.float64), np.nan)[codes]
    empty = [k for k, text in enumerate(texts) if not text]
    values[np.isin(codes, empty)] = np.nan
    return PooledColumn(name, "text", values, tuple(sorted(texts)), label=label)


def _seconds(values: Array) -> Array:
    seconds = values.astype("datetime64[s]").astype(np.int64).astype(np.float64)
    seconds[np.isnat(values)] = np.nan
    return seconds


def _moments(known: Sequence[Any]) -> Array | None:
    """Distinct values as seconds since 1970, if nearly all of them are dates; None if they are not."""
    if len(known) < 3:
        return None
    first = "month" if any(_month_first(value) for value in known[:2_000]) else "day"
    moments = np.array([_moment(value, first) for value in known])
    return moments if np.isfinite(moments).mean() > 0.9 else None


def _month_first(value: Any) -> bool:
    written = _WRITTEN.match(value) if isinstance(value, str) else None
    return bool(written and int(written[2]) > 12)


def _moment(value: Any, first: str) -> float:
    if isinstance(value, str):
        if _ISO.fullmatch(value):
            value = re.sub(r"(Z|[+-]\d\d:?\d\d)$", "", value) if len(value) > 10 else value
        elif written := _WRITTEN.match(value):
            day, month = written[1], written[2]
            day, month = (month, day) if first == "month" else (day, month)
            value = f"{written[3]}-{int(month):02}-{int(day):02}" + value[written.end() :]
        try:
            value = datetime.datetime.fromisoformat(value)
        except ValueError:
            return float("nan")
    if isinstance(value, datetime.datetime):
        return value.replace(tzinfo=datetime.UTC).timestamp()
    if isinstance(value, datetime.date):
        return float((value - datetime.date(1970, 1, 1)).days) * DAY
    return float("nan")


def moved_on(column: PooledColumn, old_rows: int) -> bool:
    """Whether most of the new rows' dates, or running numbers, follow the old ones', as those of later rows do."""
    if column.form == "text" or (column.form == "number" and not column.is_key):
        return False
    old, new = column.values[:old_rows], column.values[old_rows:]
    if np.isnan(old).all() or np.isnan(new).all():
        return False
    return bool(np.nanmedian(new) >= np.nanquantile(old, 0.9))


def normal_scores(values: Array) -> Array:
    """Ranks on the scale of a normal distribution (n,): mean 0, spread about 1; missing values are 0."""
    from scipy.special import ndtri
    from scipy.stats import rankdata

    present = np.isfinite(values)
    scores = np.zeros(len(values))
    if present.any():
        scores[present] = ndtri((rankdata(values[present]) - 0.5) / present.sum())
    return scores
