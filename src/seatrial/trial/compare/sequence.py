"""Whether the dates of appended rows go on where those of the old rows ended.

A table that grows has its rows in the order of a date. Exchanged days and months break that order, dates that slipped
overlap with the old rows or leave a gap, and a date of the load is the same in every row.
"""

import numpy as np

from seatrial.model.features import Array
from seatrial.trial.compare.new_rows import FEWEST
from seatrial.trial.compare.row_matching import Table
from seatrial.trial.compare.time_order import days_of, is_date
from seatrial.trial.records import Check, Outcome

IN_ORDER = 0.95  # of the old rows are not earlier than the row before: then the order of the table is that of the date
BROKEN = 0.05  # more of the new rows are
EARLIER = 0.05  # of the new rows are before the newest old one
GAP = 5.0  # times the largest gap between two old dates
SAME = 0.5  # of the new rows have one date, and twice as many as in any earlier window
HINT = "Compare the dates of these rows with their source."


def check_sequence(old: Table, new: Table, rows: Array) -> list[Check]:
    """Check each column of dates in whose order the old rows are; `rows` are the positions of the new ones."""
    if len(rows) < FEWEST or old.rows < 2 * FEWEST:
        return []
    checks = []
    for name, values in old.columns.items():
        if name in new.columns and is_date(values):
            before, after = days_of(values), days_of(new.columns[name][rows])
            before, lines = before[~np.isnan(before)], rows[~np.isnan(after)] + 2
            after = after[~np.isnan(after)]
            if min(len(before), len(after)) >= FEWEST and _falls(before) <= 1 - IN_ORDER:
                checks += _check(name, before, after, lines)
    return checks


def _falls(days: Array) -> float:
    """The share of rows that are earlier than the row before."""
    return float((np.diff(days) < 0).mean())


def _check(name: str, before: Array, after: Array, lines: Array) -> list[Check]:
    falls, usual = _falls(after), _falls(before)
    if falls > usual + BROKEN:
        examples = lines[1:][np.diff(after) < 0][:3].tolist()
        summary = (
            f"the dates of the new rows are out of sequence: `{name}` is earlier than in the row before in {falls:.0%} "
            f"of them, {usual:.0%} before, as if days and months were exchanged"
        )
        return [_failed(name, Outcome.blocked, summary, usual, falls, examples)]
    day, count = np.unique(after, return_counts=True)
    same, most = float(count.max() / len(after)), _most_of_one_day(before, len(after))
    if same > max(SAME, 2 * most):
        where = lines[after == day[count.argmax()]][:3].tolist()
        written = _written(day[count.argmax()])
        summary = f"`{name}` is {written} in {same:.0%} of the new rows; earlier, one date had {most:.0%}"
        return [_failed(name, Outcome.blocked, summary, most, same, where)]
    newest = float(before.max())
    early = float((after < newest).mean())
    if early > max(EARLIER, 2 * usual) and float(np.median(after)) < newest:
        summary = f"{early:.0%} of the new rows are dated before the newest old row ({_written(newest)}) by `{name}`"
        return [_failed(name, Outcome.waiting, summary, 0.0, early, lines[after < newest][:3].tolist())]
    largest = max(float(np.diff(np.unique(before)).max(initial=1.0)), 1.0)
    gap = float(after.min()) - newest
    if gap > GAP * largest:
        summary = (
            f"no row is dated in the {gap:.0f} days before the new ones by `{name}`; before, {largest:.0f} at most"
        )
        return [_failed(name, Outcome.waiting, summary, largest, gap, lines[:1].tolist())]
    return []


def _most_of_one_day(days: Array, size: int) -> float:
    """The largest share of one date in any earlier window as long as the new rows are."""
    windows = [days[start : start + size] for start in range(0, max(len(days) - size, 1), size)]
    return max(float(np.unique(window, return_counts=True)[1].max() / len(window)) for window in windows)


def _written(day: float) -> str:
    return str(np.datetime64(int(day), "D"))


def _failed(name: str, outcome: Outcome, summary: str, old: float, new: float, lines: list[int]) -> Check:
    return Check(
        "data.sequence", "data", outcome, summary, subject=name, old=old, new=new, severity=10.0, hint=HINT,
        evidence={"lines": lines},
    )  # fmt: skip
