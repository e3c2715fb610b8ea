"""What a release was measured on: its held-out rows, in bins, which a log's rows are compared with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np

from seatrial.model.decision import DecisionRule, decision_rule
from seatrial.model.features import Array, Columns, Floats
from seatrial.model.metadata import Metadata
from seatrial.model.schema import Column
from seatrial.watch.number_causes import most_decimals

Form = Literal["number", "moment", "text"]
MOST_VALUES = 40  # of a column that have bins of their own
QUANTILES = 20
FAR = 13  # hours between a moment and its request, from which they are not told apart
FEW_VALUES = 12  # numbers with as few have a bin for each
MISSING, UNSEEN, BELOW, ABOVE = "missing", "unseen", "below", "above"
FAULTY = (MISSING, UNSEEN, BELOW, ABOVE)  # bins that training rows are rarely in


@dataclass(frozen=True, eq=False)
class ReleaseReference:
    """A release's held-out rows: checked `columns` (n,) each, their `labels` (n,), and its `scores` of them.

    `scores` are (n, classes), or (n,) for a regression; None where the release could not be loaded. `weights` (n,) say
    how many rows each counts for, None for one each.
    """

    version: str
    metadata: Metadata
    schema: tuple[Column, ...]
    columns: Columns
    labels: Array
    scores: Array | None = None
    weights: Array | None = None
    hashed: frozenset[str] = field(default_factory=frozenset)  # inputs of which the log has only a hash

    @property
    def rows(self) -> int:
        """The number of held-out rows."""
        return len(next(iter(self.columns.values()), ()))

    @property
    def rule(self) -> DecisionRule:
        """How its scores become labels."""
        return decision_rule(self.metadata)

    @cached_property
    def bins(self) -> tuple["ColumnBins", ...]:
        """The bins of each input that the log can be compared in."""
        seen = self.metadata.seen
        made = (
            column_bins(c, self.columns[c.name], seen.get(c.name, {})) for c in self.schema if c.name in self.columns
        )
        return tuple(each for each in made if each is not None and each.name not in self.hashed)


@dataclass(frozen=True)
class ColumnBins:
    """The bins of one input; bin 0 is "missing", and `names` say what each bin is, in words after the column's name.

    Of numbers, `edges` are the lower ends of bins 2, 3, ..., and bins 1 and the last are below and above what
    training saw. Of texts, `values` have the bins from 2 on, bin 1 is unseen, and the last one is for all other values.
    Moments have a bin for each hour of the day, or for each weekday.
    """

    name: str
    form: Form
    names: tuple[str, ...]
    edges: tuple[float, ...] = ()
    values: tuple[str, ...] = ()
    others: frozenset[str] = frozenset()  # values that training saw and that have no bin of their own
    open: bool = False  # of texts that are not listed, none is unseen
    expected: tuple[int, ...] = ()  # the counts of the held-out rows
    decimals: int | None = None  # the most that numbers have, if that is limited

    @property
    def size(self) -> int:
        """The number of bins."""
        return len(self.names)

    @property
    def has_hours(self) -> bool:
        """Whether it has moments with hours of the day."""
        return self.form == "moment" and self.size == 25

    def knows(self, value: Any) -> bool:
        """Whether training saw a text. Of a column of which only some values are known, it may have seen more."""
        return self.form != "text" or value in self._known

    @cached_property
    def _known(self) -> frozenset[str]:
        return self.others.union(self.values)

    def faulty(self, position: int) -> bool:
        """Whether training rows are rarely in a bin, by its kind."""
        return self.names[position] in FAULTY

    def takes(self, kind: Any) -> bool:
        """Whether a column of the log of this pyarrow type can be compared: texts are no numbers, and no moments."""
        import pyarrow as pa

        plain = pa.types.is_string(kind) or pa.types.is_large_string(kind)
        return self.form != "number" or not (plain or pa.types.is_temporal(kind))

    def codes(self, array: Any) -> Array:
        """The bins of a column of the log, a pyarrow array (rows,)."""
        import pyarrow as pa

        kind = array.type
        if pa.types.is_null(kind):
            return np.zeros(len(array), dtype=np.int64)
        if self.form == "number":
            return self.number_codes(number_values(array))
        if self.form == "moment":
            return self._moments(array)
        return self._texts(array if pa.types.is_string(kind) else array.cast(pa.string(), safe=False))

    def number_codes(self, values: Array) -> Array:
        """The bins of numbers (rows,), NaN for missing."""
        codes = np.searchsorted(np.array(self.edges), values, side="right") + 1
        codes[np.isnan(values)] = 0
        return np.asarray(codes, dtype=np.int64)

    def _texts(self, array: Any) -> Array:
        import pyarrow as pa
        import pyarrow.compute as pc

        known = pc.index_in(array, pa.array(self.values, pa.string()))
        codes = pc.fill_null(known, -1).to_numpy(zero_copy_only=False).astype(np.int64) + 2
        rest = codes == 1
        if rest.any():
            last = self.size - 1
            if self.open:
                codes[rest] = last
            elif self.others:
                listed = pc.is_in(array, pa.array(sorted(self.others), pa.string())).to_numpy(zero_copy_only=False)
                codes[rest & listed] = last
            codes[array.is_null().to_numpy(zero_copy_only=False)] = 0
        return np.asarray(codes)

    def _moments(self, array: Any) -> Array:
        seconds, missing = _seconds_of(array)
        return np.asarray(np.where(missing, 0, moment_codes(seconds, self.size)))

    def lags(self, array: Any, slots: Array) -> Array:
        """How many hours after that of the request (rows,) a moment is: 0 missing, from 1 on for -FAR to FAR hours."""
        seconds, missing = _seconds_of(array)
        return np.asarray(np.where(missing, 0, np.clip(seconds // 3600 - slots, -FAR, FAR) + FAR + 1))


def number_values(array: Any) -> Floats:
    """A column of numbers of the log, a pyarrow array, with NaN for missing (rows,)."""
    import pyarrow as pa

    return np.asarray(array.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), dtype=np.float64)


def _seconds_of(array: Any) -> tuple[Array, Array]:
    """The seconds since 1970 of a pyarrow array of moments, and which are missing (rows,)."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_string(array.type):
        array = pc.strptime(array, format="%Y-%m-%dT%H:%M:%S", unit="s", error_is_null=True)
    missing = array.is_null().to_numpy(zero_copy_only=False)
    seconds = pc.fill_null(array.cast(pa.timestamp("s")).cast(pa.int64()), 0).to_numpy(zero_copy_only=False)
    return seconds, missing


def moment_codes(seconds: Array, size: int) -> Array:
    """The bins of moments in seconds since 1970 (rows,): of 25 bins the hour of the day, of 8 the weekday; from 1."""
    if size == 25:
        return np.asarray(seconds // 3600 % 24 + 1)
    return np.asarray((seconds // 86_400 + 3) % 7 + 1)


def column_bins(column: Column, values: Array, seen: Mapping[str, Any]) -> ColumnBins | None:
    """Make the bins of a column from its held-out values (n,); None where nothing can be compared."""
    if column.numeric:
        return _number_bins(column.name, values, seen)
    if column.kind == "other":
        return _moment_bins(column.name, values)
    return _text_bins(column, values, seen)


def _number_bins(name: str, values: Array, seen: Mapping[str, Any]) -> ColumnBins | None:
    present = values[~np.isnan(values)].astype(np.float64)
    if not len(present):
        return None
    ends = [float(each) for each in seen.get("range", ()) if isinstance(each, (int, float))]
    low, high = (
        (min(ends[0], present.min()), max(ends[1], present.max())) if len(ends) == 2 else (present.min(), present.max())
    )
    distinct = np.unique(present)
    if len(distinct) <= FEW_VALUES:
        inner = distinct[1:]
    else:
        common, counts = np.unique(present, return_counts=True)
        heavy = common[counts > len(present) / QUANTILES]  # such as the zeros of a column: a bin of its own
        quantiles = np.quantile(present, np.linspace(0, 1, QUANTILES + 1)[1:-1])
        inner = np.unique(np.concatenate([quantiles, heavy, np.nextafter(heavy, np.inf)]))
    inner = inner[(inner > low) & (inner <= high)]
    edges = np.concatenate([[low], inner, [np.nextafter(high, np.inf)]])
    texts = [f"{each:.6g}" for each in edges[:-1]]
    between = [f"from {text}" for text in texts]
    names = (MISSING, BELOW, *between, ABOVE)
    bins = ColumnBins(name, "number", names, tuple(edges.tolist()), decimals=most_decimals(present))
    return _with_counts(bins, bins.number_codes(values.astype(np.float64)))


def _text_bins(column: Column, values: Array, seen: Mapping[str, Any]) -> ColumnBins | None:
    texts = ["" if value is None else str(value) for value in values.tolist()]
    present, counts = np.unique(
        np.array([text for text in texts if text], dtype=object).astype(str), return_counts=True
    )
    if not len(present):
        return None
    order = np.lexsort((present, -counts))
    open_ = column.kind == "text" and "values" not in seen
    if open_ and counts.max() < 3:  # every row has a text of its own
        return _with_counts(
            ColumnBins(column.name, "text", (MISSING, UNSEEN, "another value"), open=True), _given(texts)
        )
    listed = [*map(str, present[order][:MOST_VALUES])]
    known = {*map(str, present), *(str(value) for value in seen.get("values", ())), *map(str, column.categories)}
    rare = bool(seen.get("rare"))  # values of which only digests are known
    other = "another value" if open_ or rare else "another known value"
    names = (MISSING, UNSEEN, *(f"= {value}" for value in listed), other)
    bins = ColumnBins(
        column.name, "text", names, values=tuple(listed), others=frozenset(known - {*listed}), open=open_ or rare
    )
    import pyarrow as pa

    return _with_counts(bins, bins.codes(pa.array([text or None for text in texts], pa.string())))


def _given(texts: Sequence[str]) -> Array:
    return np.array([2 if text else 0 for text in texts], dtype=np.int64)


def _moment_bins(name: str, values: Array) -> ColumnBins | None:
    texts = [
        None if value is None else str(getattr(value, "isoformat", lambda v=value: v)()) for value in values.tolist()
    ]
    moments = np.array([_seconds(text) for text in texts], dtype=np.float64)
    present = moments[~np.isnan(moments)]
    if not len(present):
        return None
    hours = bool((present % 86_400 != 0).any())
    names = (MISSING, *(f"at {hour}:00" for hour in range(24))) if hours else (MISSING, *_WEEKDAYS)
    codes = np.where(np.isnan(moments), 0, moment_codes(np.nan_to_num(moments).astype(np.int64), len(names)))
    return _with_counts(ColumnBins(name, "moment", names), codes)


_WEEKDAYS = ("on Mondays", "on Tuesdays", "on Wednesdays", "on Thursdays", "on Fridays", "on Saturdays", "on Sundays")


def _seconds(text: str | None) -> float:
    """A moment in ISO format in seconds since 1970; NaN where it is none."""
    try:
        return (
            float(np.datetime64((text or "").removesuffix("Z").split("+")[0], "s").astype(np.int64)) if text else np.nan
        )
    except ValueError:
        return np.nan


def _with_counts(bins: ColumnBins, codes: Array) -> ColumnBins:
    counts = np.bincount(codes, minlength=bins.size)
    return replace(bins, expected=tuple(counts.tolist()))
