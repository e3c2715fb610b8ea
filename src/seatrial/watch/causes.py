"""What was done to a column, in words, from a sample of the newest rows beside the held-out ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seatrial.model.features import Array, Floats
from seatrial.pages.words import plain
from seatrial.watch.changed_numbers import changed_numbers
from seatrial.watch.changes import ShareChange
from seatrial.watch.number_causes import ColumnCause, converted, inverted, others_are_as_before, partly_one_value
from seatrial.watch.release_reference import ABOVE, BELOW, MISSING, ColumnBins
from seatrial.watch.rounded_numbers import rounded
from seatrial.watch.text_causes import regrouped, respelled
from seatrial.watch.watch_records import Level

LEAST_NEW_VALUE = 0.01  # of rows, that have one value which training never saw
KINDS = {"unit": ("unit", 1.0), "sign": ("sign", 1.0), "scaled": ("unit", 0.9), "shifted": ("moved", 0.7)}  # certain
LEAST_FILLED = 0.02  # of rows, that are no longer missing
ONE_VALUE = 0.25  # the share of rows by which one value must have become more frequent to be what happened
CONFINED = 0.9  # of the changed rows, that must have come with one key for it to be the cause
MOST_KEYS = 0.7  # of all rows, that a key may send at most: a service with one caller has one key anyway


@dataclass(frozen=True)
class ColumnChanged:
    """A column that changed, and why."""

    bins: ColumnBins
    change: ShareChange
    cause: ColumnCause
    key: str = ""

    @property
    def rank(self) -> tuple[bool, bool, float]:
        """The likeliest cause first."""
        return self.change.level != Level.alarm, self.cause.certain < 1, self.change.log_p


def cause_of(
    bins: ColumnBins, old: Array, new: Array, change: ShareChange, codes: Array, past: Array | None = None
) -> ColumnCause:
    """Name what was done to a column: held-out values (n,), sampled newest ones (m,), and their bins `codes` (m,).

    `past` has the counts of the bins before the change (size,), if there are any.
    """
    inside = change.bins[codes] if change.after > change.before else ~change.bins[codes]
    names = {bins.names[k] for k in np.flatnonzero(change.bins)}
    more = change.after > change.before
    if bins.form == "number" and (found := _filled_in(*_numbers(old, new))):
        return found
    known = np.array([value is not None and value == value for value in new.tolist()])  # noqa: PLR0124 - NaN
    if not known.any():
        return ColumnCause("missing", "is always missing", codes == 0)
    if names == {MISSING}:
        words = "is missing more often" if more else "is missing less often"
        return ColumnCause("missing", words, codes == 0)
    if bins.form == "number" and (found := rounded(*_numbers(old, new)) or inverted(*_numbers(old, new))):
        return found
    if bins.form == "number" and (found := partly_one_value(*_numbers(old, new), change.moved)):
        return found
    common, share = _most_common(new[known], int(known.sum()))
    before = _share_of(old, common)
    alone = bins.form != "number" or others_are_as_before(*_numbers(old, new), common)
    if alone and share - before >= ONE_VALUE and (bins.form == "number" or (bins.knows(common) and share > 0.95)):
        return _one_value(bins, old, new, common, share)
    if bins.form == "number":
        return _number_cause(old, new, names, inside, more=more)
    usual = np.array(bins.expected) if past is None else past
    return _text_cause(bins, new, codes, inside, change, usual)


def _numbers(old: Array, new: Array) -> tuple[Floats, Floats]:
    return old.astype(np.float64), new.astype(np.float64)


def _one_value(bins: ColumnBins, old: Array, new: Array, common: Any, share: float) -> ColumnCause:
    """One value that many rows have: stuck, a sentinel, or a limit."""
    rows = np.array([value == common for value in new.tolist()])
    shown = f"{common:.10g}" if bins.form == "number" else str(common)
    if bins.form == "number":
        present = old[~np.isnan(old)]
        if common < present.min() or common > present.max():
            return ColumnCause("sentinel", f"has the value {shown}, which training never saw", rows)
        others = new[~np.isnan(new) & ~rows]
        if share < 0.95 and len(others) and (common > others.max() or common < others.min()):
            end = "highest" if common > others.max() else "lowest"
            return ColumnCause("capped", f"is capped: its {end} value is now {shown}", rows)
    words = f"is stuck at one value, {shown}"
    if bins.form == "text":  # both look the same in a column of few values
        words = f"is always {shown!r}: it is stuck, or requests with another value no longer come"
    return ColumnCause("stuck", words, rows)


def _number_cause(old: Array, new: Array, names: set[str], inside: Array, *, more: bool) -> ColumnCause:
    if done := number_cause(*_numbers(old, new)):
        return done
    there = [each[~np.isnan(each)] for each in _numbers(old, new)]
    if names <= {BELOW, ABOVE} and more:
        side = "below" if BELOW in names else "above"
        ends = old[~np.isnan(old)]
        end = ends.min() if side == "below" else ends.max()
        words = f"moved {side} {plain(float(end))}, the end of what training saw ({_medians(*there)})"
        return ColumnCause("range", words, inside, certain=0.8)
    middles = [float(np.median(each)) for each in there]
    direction = "higher" if middles[1] > middles[0] else "lower" if middles[1] < middles[0] else "spread differently"
    words = f"moved: it is {direction} ({_medians(*there)})"
    return ColumnCause("moved", words, inside, certain=0.5)


def number_cause(old: Floats, new: Floats) -> ColumnCause | None:
    """What was done to numbers, held-out (n,) and new ones (m,): another unit or sign, a factor, or a constant more."""
    if unit := converted(old, new):
        return unit
    found = changed_numbers(old[~np.isnan(old)], new[~np.isnan(new)])
    if found is None:
        return None
    kind, certain = KINDS[found.kind]
    return ColumnCause(kind, found.words, np.zeros(0), certain, share=found.share, apply=found.apply)


def _medians(old: Floats, new: Floats) -> str:
    return f"median {plain(float(np.median(new)))}, it was {plain(float(np.median(old)))}"


def _filled_in(old: Floats, new: Floats) -> ColumnCause | None:
    """One value in place of missing ones: it has become more frequent by as much as these are fewer."""
    fewer = float(np.isnan(old).mean() - np.isnan(new).mean())
    if fewer < LEAST_FILLED:
        return None
    values, counts = np.unique(new[~np.isnan(new)], return_counts=True)
    k = int(counts.argmax())
    more = float(counts[k] / len(new) - (old == values[k]).mean())
    if abs(more - fewer) > 0.3 * fewer:
        return None
    return ColumnCause("filled_in", f"is {values[k]:.10g} where it was missing", new == values[k])


def _text_cause(
    bins: ColumnBins, new: Array, codes: Array, inside: Array, change: ShareChange, before: Array
) -> ColumnCause:
    if bins.form == "text":
        found = respelled(bins, new) or _new_value(bins, new, codes) or regrouped(bins, before, codes)
        if found:
            return found
    if bins.form == "moment":
        shift = _hours_moved(bins, codes)
        if shift:
            return ColumnCause("time_zone", f"is shifted by {shift} hours, as by another time zone", inside)
    changed = [bins.names[k].removeprefix("= ") for k in np.flatnonzero(change.bins)[:2]]
    direction = "more" if change.after > change.before else "less"
    return ColumnCause("moved", f"is {direction} often {' or '.join(map(repr, changed))}", inside, certain=0.5)


def _new_value(bins: ColumnBins, new: Array, codes: Array) -> ColumnCause | None:
    """One value that training did not have, in place of one that is gone, or of several."""
    unseen = np.array([value is not None and not bins.knows(value) for value in new.tolist()])
    if unseen.mean() <= LEAST_NEW_VALUE:
        return None
    value, share = _most_common(new[unseen], len(new))
    rows = unseen if not bins.open else np.array([each == value for each in new.tolist()])
    if share <= (2 * LEAST_NEW_VALUE if bins.open else 0):  # of open columns, many values are new
        return None
    expected = np.array(bins.expected, dtype=np.float64)
    usual, now = expected / max(expected.sum(), 1), np.bincount(codes, minlength=bins.size) / len(codes)
    lost = usual - now
    outside = [0, 1, *([bins.size - 1] if bins.open else [])]
    lost[outside] = 0
    gone = int(lost.argmax())
    part = float(rows.mean())
    others = np.ones(bins.size, dtype=bool)
    others[[*outside, gone]] = False  # a value that is new in all rows takes from all others, a renamed one from one
    alone = not usual[others].sum() or now[others].sum() > (1 - part / 2) * usual[others].sum()
    if alone and abs(lost[gone] - part) < 0.4 * part:
        was = bins.names[gone].removeprefix("= ")
        return ColumnCause("renamed", f"has the new value {value!r} where it had {was!r}: a category was renamed", rows)
    never = "which training hardly saw" if bins.open else "which training never saw"
    return ColumnCause("new_category", f"has a new value, {value!r}, {never}", rows)


def _hours_moved(bins: ColumnBins, codes: Array) -> int:
    """By how many whole hours a profile of hours of the day moved; 0 where that does not explain it."""
    if not bins.has_hours:
        return 0
    old = np.array(bins.expected[1:], dtype=np.float64)
    new = np.bincount(codes[codes > 0] - 1, minlength=24).astype(np.float64)
    if not old.sum() or not new.sum():
        return 0
    distances = [float(np.abs(new / new.sum() - np.roll(old, k) / old.sum()).sum()) for k in range(24)]
    best = int(np.argmin(distances))
    return (best if best <= 12 else best - 24) if distances[best] < 0.6 * distances[0] else 0


def confined_key(inside: Array, before: float, keys: Sequence[str | None]) -> str:
    """The one key with which nearly all came of what there is more in a mark: rows (n,) `inside` it, beyond `before`.

    Empty where several did, or where nearly all rows have one key.
    """
    named = np.array([key or "" for key in keys], dtype=object)
    known, codes = np.unique(named.astype(str), return_inverse=True)
    rows = np.bincount(codes).astype(np.float64)
    excess = np.bincount(codes, weights=inside) - before * rows
    top = int(np.abs(excess).argmax())
    others = float(excess.sum() - excess[top])
    own = rows[top] <= MOST_KEYS * len(named) and abs(excess[top]) >= 0.25 * rows[top]
    chance = 3 * np.sqrt(max(before * (1 - before), 0.01) * (len(named) - rows[top]))
    return str(known[top]) if own and abs(others) <= max((1 - CONFINED) * abs(excess[top]), chance) else ""


def _most_common(values: Array, rows: int) -> tuple[Any, float]:
    known, counts = np.unique(values.astype(str) if values.dtype.kind == "O" else values, return_counts=True)
    k = int(counts.argmax())
    return known[k].item() if hasattr(known[k], "item") else known[k], float(counts[k]) / max(rows, 1)


def _share_of(values: Array, value: Any) -> float:
    return float(np.mean([each == value for each in values.tolist()])) if len(values) else 0.0
