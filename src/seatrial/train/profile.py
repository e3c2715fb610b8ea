"""A fingerprint of the training table: its hash and a profile of each column, for the report and for drift."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from seatrial.model.categorical import occurring
from seatrial.model.features import Array, Columns
from seatrial.model.masked_text import FEWEST_ROWS
from seatrial.model.metadata import Task
from seatrial.model.schema import Column
from seatrial.model.table_validation import from_array

MOST_VALUES = 20  # values whose shares are kept; the others are summed
ROWS_PER_VALUE = 10  # text with fewer rows per distinct value than this is free text
BINS = 16


@dataclass(frozen=True)
class Share:
    """One value's share of the present values."""

    value: Any
    share: float


@dataclass(frozen=True)
class ColumnProfile:
    """The values of one column. `missing` is a share of all rows, every other share is of the present values.

    Numbers have `deciles`, eleven from the minimum to the maximum, and a `histogram` of equal bins between these two.
    `shares` are those of the most frequent values, where there are few enough; `other` is the rest. Free text has
    `lengths` (shortest, mean, longest), and shares only of values that occur in many rows.
    """

    name: str
    kind: str
    missing: float
    distinct: int
    mean: float | None = None
    deviation: float | None = None
    deciles: tuple[float, ...] = ()
    histogram: tuple[float, ...] = ()
    lengths: tuple[float, ...] = ()
    shares: tuple[Share, ...] = ()
    other: float = 0.0


@dataclass(frozen=True)
class Fingerprint:
    """The training table: the hash of its file, its rows, its columns and its target."""

    sha256: str
    rows: int
    columns: tuple[ColumnProfile, ...]
    target: ColumnProfile


def fingerprint(
    sha256: str, table: Columns, columns: Sequence[Column], target: Array, target_name: str, task: Task
) -> Fingerprint:
    """Summarize checked columns and their target. Free text is not stored unless it occurs in many rows."""
    if task == "regression":
        about_target = _numbers(target_name, "number", target, listed=False)
    else:
        counts = _counted(target) if target.dtype.kind in "biuf" else Counter(target.tolist())
        about_target = _values(target_name, "category", counts, len(target), most=len(target))
    return Fingerprint(sha256, len(target), tuple(_profile(c, table[c.name]) for c in columns), about_target)


def _profile(column: Column, values: Array) -> ColumnProfile:
    if column.kind in ("integer", "number"):
        return _numbers(column.name, column.kind, values, listed=column.kind == "integer")
    if column.kind == "other":
        present = [value for value in values.tolist() if value is not None]
        return ColumnProfile(column.name, "other", _missing(len(present), len(values)), len(set(map(str, present))))
    counts = present_values(column, values)
    if column.kind == "text":
        return _text(column.name, counts, len(values))
    few = column.kind == "category"
    rare = {value for value, n in counts.items() if few and n < FEWEST_ROWS and value not in column.categories}
    kept = Counter({value: count for value, count in counts.items() if value not in rare})
    profile = _values(column.name, column.kind, kept, len(values), most=MOST_VALUES)
    if not rare:
        return profile
    return _with_others(profile, counts.total() - kept.total(), counts.total(), len(rare), len(values))


def present_values(column: Column, values: Array) -> Counter[Any]:
    """The values of a checked column as a row has them, and how many rows have each; missing ones are left out.

    Raises TypeError for lists and tables.
    """
    if column.numeric:
        return Counter({from_array(column, value): n for value, n in _counted(values[~np.isnan(values)]).items()})
    counts = occurring(values)
    del counts[None]
    return counts


def _counted(numbers: Array) -> Counter[Any]:
    values, counts = np.unique(numbers, return_counts=True)
    return Counter(dict(zip(values.tolist(), counts.tolist(), strict=True)))


def _with_others(profile: ColumnProfile, more: int, present: int, distinct: int, rows: int) -> ColumnProfile:
    """Add values that few rows have and the schema does not list to `other`, without naming them."""
    share = (present - more) / present
    shares = tuple(Share(each.value, each.share * share) for each in profile.shares)
    return replace(
        profile,
        missing=1 - present / rows,
        distinct=profile.distinct + distinct,
        shares=shares,
        other=profile.other * share + more / present,
    )


def _missing(present: int, rows: int) -> float:
    return 1 - present / rows


def _values(name: str, kind: str, counts: Counter[Any], rows: int, *, most: int, fewest: int = 1) -> ColumnProfile:
    """Describe values. Equally frequent values are sorted by their text, so that two runs write the same."""
    present = counts.total()
    ordered = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))
    shares = tuple(Share(value, count / present) for value, count in ordered[:most] if count >= fewest)
    rest = sum(count for _, count in ordered) - sum(counts[share.value] for share in shares)
    other = rest / present if present else 0.0
    return ColumnProfile(name, kind, _missing(present, rows), len(counts), shares=shares, other=other)


def _text(name: str, counts: Counter[str], rows: int) -> ColumnProfile:
    distinct, present = len(counts), counts.total()
    lengths = [len(value) for value in counts]
    total = sum(len(value) * count for value, count in counts.items())
    extent = (float(min(lengths)), total / present, float(max(lengths))) if lengths else ()
    if distinct > MOST_VALUES or distinct * ROWS_PER_VALUE > present:
        return ColumnProfile(name, "text", _missing(present, rows), distinct, lengths=extent)
    counted = _values(name, "text", counts, rows, most=MOST_VALUES, fewest=FEWEST_ROWS)
    return ColumnProfile(
        name, "text", counted.missing, distinct, lengths=extent, shares=counted.shares, other=counted.other
    )


def _numbers(name: str, kind: str, values: Array, *, listed: bool) -> ColumnProfile:
    present = values[~np.isnan(values)]
    missing = _missing(len(present), len(values))
    if not present.size:
        return ColumnProfile(name, kind, missing, 0)
    ordered = np.sort(present)
    distinct = 1 + int((ordered[1:] != ordered[:-1]).sum())
    low = ordered[0]
    width = (ordered[-1] - low) or 1.0
    # Computed here, since np.histogram rejects values that are very close together relative to their size.
    place = np.minimum((present - low) / width * BINS, BINS - 1).astype(int)
    few = listed and distinct <= MOST_VALUES
    shares = _values(name, kind, _counted(present.astype(int)), len(values), most=MOST_VALUES).shares if few else ()
    return ColumnProfile(
        name,
        kind,
        missing,
        distinct,
        mean=float(present.mean()),
        deviation=float(present.std()),
        deciles=tuple(np.quantile(ordered, np.arange(11) / 10).tolist()),
        histogram=tuple((np.bincount(place, minlength=BINS) / len(present)).tolist()),
        shares=shares,
    )
