"""Which rows came when: the order in which new rows can be compared with the newest old ones.

The time is the column that the policy names, else a column of dates that the new rows continue, else the order of the
rows in the table, unless that is the order of a column that the new rows do not continue.
"""

import re
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property

import numpy as np

from seatrial.model.features import Array
from seatrial.trial.compare.groups import factorized, is_numeric, missing
from seatrial.trial.compare.row_matching import Table
from seatrial.trial.policy import Policy
from seatrial.trial.records import PolicyError

CONTINUED = 0.9  # the middle of the new rows is later than this part of the old ones
SORTED = 0.9  # rank correlation with the position from which a column counts as what the table is sorted by
IN_ORDER = 0.999
FEWEST_CHANGES = 20  # in a random order, of a column that can sort a table
MOST_SORTED = 200_000  # rows, evenly spread, that show whether a column sorts the table
ISO = re.compile(r"\d{4}-\d\d-\d\d([T ]|$)")
YEARS = (1_000, 2_500)
ROWS, NONE = "rows", "none"


@dataclass(frozen=True)
class TimeOrder:
    """Positions of the old rows and of the new rows in the order of their time; `column` is "" for the table's order.

    `others` are further columns that go on with time, such as a year beside a date.
    """

    column: str
    old: Array
    new: Array
    others: tuple[str, ...] = ()

    @cached_property
    def places(self) -> Array:
        """The place of each old row in the order of time (n_old,), in the table's own order; the oldest row has 0."""
        places = np.empty(len(self.old), dtype=np.int64)
        places[self.old] = np.arange(len(self.old))
        return places

    def told_by(self, column: str) -> bool:
        """Whether a column tells the time; a statistic of whole rows has no column."""
        return bool(column) and column in (self.column, *self.others)

    @property
    def words(self) -> str:
        """The time, for people."""
        return f"`{self.column}`" if self.column else "the order of the rows"


def find_order(old: Table, new: Table, rows: Array, policy: Policy) -> TimeOrder | None:
    """Find the order of the old rows and of those of `new` at `rows`; None where the table shows no time.

    Raises PolicyError if the policy's `time` is not a column of both tables.
    """
    if policy.time == NONE:
        return None
    if policy.time and policy.time != ROWS:
        if not {policy.time} <= old.columns.keys() & new.columns.keys():
            listed = ", ".join(old.columns)
            raise PolicyError(
                f"[tool.seatrial.trial] time names {policy.time!r}, which is not a column of both tables.",
                hint=f"Name a column of the schema ({listed}), {ROWS!r} or {NONE!r}.",
            )
        values = old.columns[policy.time]
        if not (is_numeric(values) or is_date(values)) or missing(values).all():
            raise PolicyError(
                f"[tool.seatrial.trial] time names {policy.time!r}, which holds neither numbers nor dates.",
                hint=f"Name a column that says when a row came, {ROWS!r} or {NONE!r}.",
            )
        return _by_column(policy.time, old, new, rows)
    if not policy.time:
        for name, values in old.columns.items():
            shared = name in new.columns and is_date(values)
            if shared and _later(days_of(values), days_of(new.columns[name][rows])):
                order = _by_column(name, old, new, rows)
                return replace(order, others=tuple(_in_order(old, new, rows)[1]))
    if policy.time == ROWS:
        return TimeOrder("", np.arange(old.rows), np.arange(len(rows)))
    return _order_of_rows(old, new, rows)


def _later(before: Array, after: Array) -> bool:
    """Whether the middle of the new rows' dates is later than nearly all old ones."""
    if np.isnan(before).all() or np.isnan(after).all():
        return False
    return bool(np.nanmedian(after) >= np.nanquantile(before, CONTINUED))


def date_column(old: Table, new: Table, policy: Policy) -> str:
    """The column that says how old a row is: the policy's time, else the first one with dates; "" without one."""
    if policy.time in old.columns and is_date(old.columns[policy.time]):
        return policy.time
    return next((n for n, v in old.columns.items() if n in new.columns and is_date(v) and not missing(v).all()), "")


def is_date(values: Array) -> bool:
    """Whether a column holds dates or moments, or texts in ISO format."""
    if is_numeric(values):
        return False
    first = next((value for value in values.tolist() if value is not None), None)
    return isinstance(first, date) or (isinstance(first, str) and bool(ISO.match(first)))


def days_of(values: Array) -> Array:
    """Dates and moments in days since 1970 (n,), NaN where missing; numbers as they are."""
    if is_numeric(values):
        return values.astype(np.float64)
    return np.array([_day(value) for value in values.tolist()], dtype=np.float64)


def _day(value: object) -> float:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return np.nan
    if isinstance(value, datetime):
        seconds = value.hour * 3600 + value.minute * 60 + value.second
        return value.toordinal() - date(1970, 1, 1).toordinal() + seconds / 86_400
    return float(value.toordinal() - date(1970, 1, 1).toordinal()) if isinstance(value, date) else np.nan


def _by_column(name: str, old: Table, new: Table, rows: Array) -> TimeOrder:
    before, after = days_of(old.columns[name]), days_of(new.columns[name][rows])
    return TimeOrder(name, np.argsort(before, kind="stable"), np.argsort(after, kind="stable"))


def _order_of_rows(old: Table, new: Table, rows: Array) -> TimeOrder | None:
    """The order of the table, if new rows were appended to it.

    If a column sorts the table, its order is the time only if the new rows continue it, as they do a year.
    """
    known = np.setdiff1d(np.arange(new.rows), rows, assume_unique=True)
    if len(known) and len(rows) and np.mean(rows > known[-1]) < IN_ORDER:
        return None
    every = TimeOrder("", np.arange(old.rows), np.arange(len(rows)))
    in_order, goes_on = _in_order(old, new, rows)
    if len(goes_on) == len(in_order) or any(is_date(in_order[n]) or _never_falls(in_order[n]) for n in goes_on):
        names = tuple(name for name in goes_on if name != old.name)
        return replace(every, column=names[0] if names else "", others=names[1:])
    return None


def _in_order(old: Table, new: Table, rows: Array) -> tuple[dict[str, Array], list[str]]:
    """The columns that sort the old rows, and the names of those that the new rows continue."""
    found = {name: values for name, values in {**old.columns, old.name: old.target}.items() if _sorted(values)}
    return found, [n for n, values in found.items() if n in new.columns and _continued(values, new.columns[n][rows])]


def _tells_time(values: Array) -> bool:
    """Whether numbers can be a time: years, or running numbers; not a few classes by which a table is sorted."""
    if not is_numeric(values):
        return False
    known = values[~np.isnan(values)]
    years = bool(((known >= YEARS[0]) & (known <= YEARS[1]) & (known % 1 == 0)).all())
    return years or len(np.unique(known)) > len(known) / 10


def _continued(old: Array, new: Array) -> bool:
    """Whether dates, or numbers that rise in the old rows, go on rising in the new ones."""
    if not (is_date(old) or _tells_time(old)) or not len(new):
        return False
    old, new = days_of(old), days_of(new)
    first, last = (float(np.nanmedian(part)) for part in (old[: len(old) // 4], old[-(len(old) // 4) :]))
    return bool(last > first and np.nanquantile(new, 0.05) >= np.nanquantile(old, CONTINUED))


def _never_falls(values: Array) -> bool:
    """Whether numbers never fall, as years do not in a table in the order of time; one that only rises is no reason."""
    return is_numeric(values) and bool((np.diff(values[~np.isnan(values)]) >= 0).all())


def _sorted(values: Array) -> bool:
    """Whether the table is sorted by a column: few changes of a category, or numbers that rise or fall throughout."""
    values = values[:: max(len(values) // MOST_SORTED, 1)]
    there = ~missing(values)
    values = values[there]
    if len(values) < 3:
        return False
    if is_date(values):
        values = days_of(values)
    if is_numeric(values) and len(np.unique(values)) > len(values) / 10:
        ranks = np.argsort(np.argsort(values, kind="stable"), kind="stable")
        return bool(abs(np.corrcoef(ranks, np.arange(len(values)))[0, 1]) > SORTED)
    codes = np.unique(values, return_inverse=True)[1] if is_numeric(values) else factorized(values)[0]
    distinct = len(np.unique(codes))
    shares = np.bincount(codes) / len(codes)
    by_chance = len(codes) * (1 - float((shares**2).sum()))  # changes from row to row in a random order
    changes = int((np.diff(codes) != 0).sum())
    return distinct > 1 and changes < 2 * distinct and changes < by_chance / 4 and by_chance > FEWEST_CHANGES
