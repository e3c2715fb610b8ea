"""What was done to a column, in words, from a sample of the newest rows beside the held-out ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seatrial.model.features import Array
from seatrial.pages.words import plain
from seatrial.trial.traits.explanations import explain
from seatrial.trial.traits.pool import Pool, PooledColumn, pool_column
from seatrial.watch.changes import Change
from seatrial.watch.release_reference import ABOVE, BELOW, MISSING, ColumnBins

MOST_ROWS = 2_500  # of a pool
ONE_VALUE = 0.25  # the share of rows by which one value must have become more frequent to be what happened
CONFINED = 0.9  # of the changed rows, that one key must have sent for it to be the cause
MOST_KEYS = 0.7  # of all rows, that a key may send at most: a service with one caller has one key anyway


@dataclass(frozen=True)
class Cause:
    """What was done, as the end of a finding's name and as words after the column's name; where, as `rows` (n,)."""

    kind: str
    words: str
    rows: Array
    certain: float = 1.0  # how well it names a fault; findings with more come first


def cause_of(bins: ColumnBins, old: Array, new: Array, change: Change, codes: Array) -> Cause:
    """Name what was done to a column: held-out values (n,) and sampled newest ones (m,), with their bins `codes` (m,)."""
    inside = change.bins[codes] if change.after > change.before else ~change.bins[codes]
    names = {bins.names[k] for k in np.flatnonzero(change.bins)}
    more = change.after > change.before
    if names == {MISSING}:
        words = "is missing more often" if more else "is missing less often"
        return Cause("missing", words, codes == 0)
    known = np.array([value is not None and value == value for value in new.tolist()])  # noqa: PLR0124 - NaN
    if not known.any():
        return Cause("missing", "is always missing", codes == 0)
    common, share = _most_common(new[known], int(known.sum()))
    before = _share_of(old, common)
    if share - before >= ONE_VALUE and bins.form != "moment" and (bins.form == "number" or share > 0.95):
        return _one_value(bins, old, new, common, share)
    if bins.form == "number":
        return _number_cause(bins, old, new, known, names, inside, more=more)
    return _text_cause(bins, new, codes, inside, change)


def _one_value(bins: ColumnBins, old: Array, new: Array, common: Any, share: float) -> Cause:
    """One value that many rows have: stuck, a sentinel, or a limit."""
    rows = np.array([value == common for value in new.tolist()])
    shown = f"{common:.10g}" if bins.form == "number" else str(common)
    if bins.form == "number":
        present = old[~np.isnan(old)]
        if common < present.min() or common > present.max():
            return Cause("sentinel", f"has the value {shown}, which training never saw", rows)
        others = new[~np.isnan(new) & ~rows]
        if share < 0.95 and len(others) and (common > others.max() or common < others.min()):
            end = "highest" if common > others.max() else "lowest"
            return Cause("capped", f"is capped: its {end} value is now {shown}", rows)
    return Cause("stuck", f"is stuck at one value, {shown}", rows)


def _number_cause(
    bins: ColumnBins, old: Array, new: Array, known: Array, names: set[str], inside: Array, *, more: bool
) -> Cause:
    column = pool_column(bins.name, old.astype(np.float64)[:MOST_ROWS], new.astype(np.float64)[:MOST_ROWS])
    found = explain(_pool([column], min(len(old), MOST_ROWS)), column, {}) if len(new) >= 20 else None
    if found is not None and "one more" not in found.words and "one less" not in found.words:
        rows = np.zeros(len(new), dtype=bool)
        rows[: len(found.rows)] = found.rows
        kind = "unit" if "sign" not in found.words else "sign"
        words = f"{found.words} (another unit?)" if kind == "unit" else found.words
        return Cause(kind, words, rows)
    if names <= {BELOW, ABOVE} and more:
        side = "below" if BELOW in names else "above"
        ends = old[~np.isnan(old)]
        end = ends.min() if side == "below" else ends.max()
        return Cause("range", f"is {side} {plain(float(end))}, the end of what training saw", inside)
    middles = [float(np.nanmedian(each.astype(np.float64))) for each in (old, new[known])]
    direction = "higher" if middles[1] > middles[0] else "lower" if middles[1] < middles[0] else "spread differently"
    words = f"moved: it is {direction} (median {plain(middles[1])}, it was {plain(middles[0])})"
    return Cause("moved", words, inside, certain=0.5)


def _text_cause(bins: ColumnBins, new: Array, codes: Array, inside: Array, change: Change) -> Cause:
    unseen = codes == 1
    if bins.form == "text" and unseen.mean() > 0.01:
        value, _ = _most_common(new[unseen], int(unseen.sum()))
        expected = np.array(bins.expected, dtype=np.float64)
        usual, now = expected / max(expected.sum(), 1), np.bincount(codes, minlength=bins.size) / len(codes)
        lost = usual - now
        lost[[0, 1]] = 0
        gone = int(lost.argmax())
        if now[gone] < 0.5 * usual[gone] and abs(lost[gone] - unseen.mean()) < 0.4 * unseen.mean():
            was = bins.names[gone].removeprefix("= ")
            return Cause("renamed", f"has the new value {value!r} where it had {was!r}: a category was renamed", unseen)
        return Cause("new_category", f"has a new value, {value!r}, which training never saw", unseen)
    if bins.form == "moment":
        shift = _hours_moved(bins, codes)
        if shift:
            return Cause("time_zone", f"is shifted by {shift} hours, as by another time zone", inside)
    changed = [bins.names[k].removeprefix("= ") for k in np.flatnonzero(change.bins)[:2]]
    direction = "more" if change.after > change.before else "less"
    return Cause("moved", f"is {direction} often {' or '.join(map(repr, changed))}", inside, certain=0.5)


def _hours_moved(bins: ColumnBins, codes: Array) -> int:
    """By how many whole hours a profile of hours of the day moved; 0 where that does not explain it."""
    if bins.size != 25:
        return 0
    old = np.array(bins.expected[1:], dtype=np.float64)
    new = np.bincount(codes[codes > 0] - 1, minlength=24).astype(np.float64)
    if not old.sum() or not new.sum():
        return 0
    distances = [float(np.abs(new / new.sum() - np.roll(old, k) / old.sum()).sum()) for k in range(24)]
    best = int(np.argmin(distances))
    return (best if best <= 12 else best - 24) if distances[best] < 0.6 * distances[0] else 0


def exchanged(first: tuple[Array, Array], second: tuple[Array, Array]) -> bool:
    """Whether two columns of numbers have each other's values: held-out ones and newest ones of each."""

    def apart(old: Array, new: Array) -> float:
        both = np.concatenate([old[~np.isnan(old)], new[~np.isnan(new)]])
        places = np.quantile(both, np.linspace(0.1, 0.9, 9)) if len(both) else both
        shares = [np.searchsorted(np.sort(each[~np.isnan(each)]), places) / max(len(each), 1) for each in (old, new)]
        return float(np.abs(shares[0] - shares[1]).mean())

    straight = apart(*first) + apart(*second)
    crossed = apart(first[0], second[1]) + apart(second[0], first[1])
    return crossed < 0.3 * straight


def confined_key(rows: Array, keys: Sequence[str | None]) -> str:
    """The one key that nearly all of the marked rows (n,) came with; empty where several did."""
    named = np.array([key or "" for key in keys], dtype=object)
    if not rows.any():
        return ""
    key, share = _most_common(named[rows], int(rows.sum()))
    return str(key) if key and share >= CONFINED and (named == key).mean() <= MOST_KEYS else ""


def _pool(columns: Sequence[PooledColumn], old_rows: int) -> Pool:
    return Pool(tuple(columns), old_rows, np.arange(len(columns[0].values)))


def _most_common(values: Array, rows: int) -> tuple[Any, float]:
    known, counts = np.unique(values.astype(str) if values.dtype.kind == "O" else values, return_counts=True)
    k = int(counts.argmax())
    return known[k].item() if hasattr(known[k], "item") else known[k], float(counts[k]) / max(rows, 1)


def _share_of(values: Array, value: Any) -> float:
    return float(np.mean([each == value for each in values.tolist()])) if len(values) else 0.0
