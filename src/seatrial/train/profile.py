"""A fingerprint of the training table: its hash and a profile of each column, for the report and for drift."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

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
        about_target = _values(target_name, "category", target.tolist(), len(target), most=len(target))
    return Fingerprint(sha256, len(target), tuple(_profile(c, table[c.name]) for c in columns), about_target)


def _profile(column: Column, values: Array) -> ColumnProfile:
    if column.kind in ("integer", "number"):
        return _numbers(column.name, column.kind, values, listed=column.kind == "integer")
    if column.kind == "text":
        return _text(column.name, [value for value in values.tolist() if value is not None], len(values))
    present = [from_array(column, value) for value in values.tolist() if value is not None]
    present = [value for value in present if value is not None]
    if column.kind == "other":
        return ColumnProfile(column.name, column.kind, _missing(present, len(values)), len(set(map(str, present))))
    counts = Counter(present) if column.kind == "category" else Counter()
    rare = {value for value, count in counts.items() if count < FEWEST_ROWS and value not in column.categories}
    kept = [value for value in present if value not in rare]
    profile = _values(column.name, column.kind, kept, len(values), most=MOST_VALUES)
    return _with_others(profile, len(present) - len(kept), len(present), len(rare), len(values)) if rare else profile


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


def _missing(present: Sequence[Any] | Array, rows: int) -> float:
    return 1 - len(present) / rows


def _values(name: str, kind: str, present: list[Any], rows: int, *, most: int, fewest: int = 1) -> ColumnProfile:
    """Count values. Equally frequent values are sorted by their text, so that two runs write the same."""
    counts = Counter(present)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))
    shares = tuple(Share(value, count / len(present)) for value, count in ordered[:most] if count >= fewest)
    rest = sum(count for _, count in ordered) - sum(counts[share.value] for share in shares)
    other = rest / len(present) if present else 0.0
    return ColumnProfile(name, kind, _missing(present, rows), len(counts), shares=shares, other=other)


def _text(name: str, present: list[str], rows: int) -> ColumnProfile:
    distinct = len(set(present))
    lengths = [len(value) for value in present]
    extent = (float(min(lengths)), float(np.mean(lengths)), float(max(lengths))) if lengths else ()
    if distinct > MOST_VALUES or distinct * ROWS_PER_VALUE > len(present):
        return ColumnProfile(name, "text", _missing(present, rows), distinct, lengths=extent)
    counted = _values(name, "text", present, rows, most=MOST_VALUES, fewest=FEWEST_ROWS)
    return ColumnProfile(
        name, "text", counted.missing, distinct, lengths=extent, shares=counted.shares, other=counted.other
    )


def _numbers(name: str, kind: str, values: Array, *, listed: bool) -> ColumnProfile:
    present = values[~np.isnan(values)]
    missing = _missing(present, len(values))
    if not present.size:
        return ColumnProfile(name, kind, missing, 0)
    distinct = np.unique(present)
    width = (present.max() - present.min()) or 1.0
    # Computed here, since np.histogram rejects values that are very close together relative to their size.
    place = np.minimum((present - present.min()) / width * BINS, BINS - 1).astype(int)
    few = listed and len(distinct) <= MOST_VALUES
    shares = _values(name, kind, present.astype(int).tolist(), len(values), most=MOST_VALUES).shares if few else ()
    return ColumnProfile(
        name,
        kind,
        missing,
        len(distinct),
        mean=float(present.mean()),
        deviation=float(present.std()),
        deciles=tuple(np.quantile(present, np.arange(11) / 10).tolist()),
        histogram=tuple((np.bincount(place, minlength=BINS) / len(present)).tolist()),
        shares=shares,
    )
