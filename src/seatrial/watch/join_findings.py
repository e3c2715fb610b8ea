"""Columns that no longer go together with the others, although each of them is as before."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from seatrial.model.features import Array
from seatrial.pages.words import percent
from seatrial.watch.causes import confined_key
from seatrial.watch.changes import LookAt, ShareChange, find_change, joined_counts
from seatrial.watch.input_tally import InputTally, SampleTally, logged
from seatrial.watch.row_fit import RowFit
from seatrial.watch.tallies import time_of
from seatrial.watch.watch_records import Finding

LEAST_FIT = 0.02  # of rows, that must be in lower levels
LEAST_MIXED = 0.05  # of rows, by what mixing up does to the levels: other changes are not towards that
OF_OTHERS = 0.05  # of a fit, that columns may have in it which changed by themselves
SHOWN = 4
LASTING = 0.7  # of a change, that the newest window must still show


@dataclass(frozen=True)
class BrokenJoin:
    """A column that no longer goes together with the others, in a `share` of rows.

    If nearly all of these came with one `key`, it is named; `columns` is how many columns' fits are broken.
    """

    fit: RowFit
    change: ShareChange
    share: float
    columns: int
    key: str = ""

    @property
    def name(self) -> str:
        """The column."""
        return self.fit.name


def broken_join(
    tally: InputTally, sample: SampleTally, changed: Collection[str], look: LookAt, alpha: float, tests: int
) -> BrokenJoin | None:
    """Find the column whose rows are mixed up; `changed` are those that changed by themselves."""
    broken: list[tuple[RowFit, ShareChange]] = []
    tested = []
    for fit in tally.fits:
        if fit.name in changed or sum(map(fit.part_of, changed)) > OF_OTHERS:
            continue
        tested.append(fit)
        counts = joined_counts(tally.fit_counts[fit.name], "", look.last)
        change = find_change(counts, look, alpha, tests, ordered=True, least=LEAST_FIT)
        if change is not None and _touched(fit, change) >= LEAST_MIXED and not _back(change, look, *counts):
            broken.append((fit, change))
    if not broken:
        return None
    moved = _mixed_up(broken, tested)
    fit, change = next(each for each in broken if each[0].name == moved)
    return BrokenJoin(fit, change, _touched(fit, change), len(broken), _key(fit, change, tally, sample, look))


def _key(fit: RowFit, change: ShareChange, tally: InputTally, sample: SampleTally, look: LookAt) -> str:
    """The one key that nearly all rows came with which are mixed up; empty if there is none."""
    table = sample.table(max(change.since or 0, look.last - look.hours + 1), look.last)
    if table is None or "key" not in table.column_names:
        return ""
    known = {bins.name: bins.codes(array) for bins in tally.bins if (array := logged(table, bins)) is not None}
    if not {fit.name, *fit.partners} <= {*known}:
        return ""
    levels = fit.codes(known[fit.name], [known[name] for name in fit.partners])
    return confined_key(change.bins[levels], change.before, table["key"].to_pylist())


def _back(change: ShareChange, look: LookAt, slots: Array, by_hour: Array) -> bool:
    """Whether the newest window is like most windows before: something else was there for a while, and is gone."""
    windows = look.of(slots, by_hour)[:-1]
    ends = look.last - np.arange(len(windows), 0, -1) * look.hours
    before = windows[(ends < (change.since or 0)) & (windows.sum(axis=1) > 0)]
    newest = by_hour[(slots > look.last - look.hours) & (slots >= (change.since or 0))]
    if not len(before) or not newest.sum():
        return False
    usual = float(np.median(before[:, change.bins].sum(axis=1) / before.sum(axis=1)))
    now = float(newest[:, change.bins].sum() / newest.sum())
    return abs(now - usual) < LASTING * change.moved


def _mixed_up(broken: list[tuple[RowFit, ShareChange]], tested: list[RowFit]) -> str:
    """The column that explains best which fits are broken, and how much: its own most, others' by its part in them."""
    touched, apart = np.zeros(len(tested)), np.array([fit.apart for fit in tested])  # small ones are inexact
    for fit, change in broken:
        touched[tested.index(fit)] = _touched(fit, change) * fit.apart
    left = {}
    for fit, _ in broken:
        pattern = np.array([1.0 if each is fit else each.part_of(fit.name) for each in tested]) * apart
        share = float((touched * pattern).sum() / (pattern**2).sum())
        left[fit.name] = float(((touched - share * pattern) ** 2).sum())
    return min(left, key=left.__getitem__)


def _touched(fit: RowFit, change: ShareChange) -> float:
    return fit.touched(change.before, change.after, change.bins)


def join_finding(join: BrokenJoin, version: str) -> Finding:
    """Say that a join is broken."""
    moved, fit, change = join.name, join.fit, join.change
    others = ", ".join(f"`{name}`" for name in fit.partners[:SHOWN])
    since = None if change.since is None else time_of(change.since)
    when = f" since {since:%A, %d %B, %H:%M} UTC" if since else ""
    where = f", all with the key `{join.key}`" if join.key else ""
    summary = (
        f"`{moved}` no longer goes together with {others}{when}, although each column is as before: a broken join, or "
        f"mixed-up rows; about {percent(join.share)} of requests{where}."
    )
    return Finding(
        "drift.join", "drift", change.level, summary, version, moved, since, join.share, change.before, change.after,
        change.log_p, severity=100 + min(-change.log_p, 700) / 10,
        hint=f"Check how `{moved}` is joined to the other columns.",
        evidence={"columns": [moved, *fit.partners], **({"key": join.key} if join.key else {})},
    )  # fmt: skip
