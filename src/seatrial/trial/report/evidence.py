"""What pages draw, as records; `page.py` tells under which keys they lie. Whoever compares can fill them with `asdict`.

A verdict may come from a file that another version wrote, so what does not fit its record is left out, never an error.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from seatrial.trial.records import Check, Verdict
from seatrial.trial.report.reading import FAILED, worst_first

Item = TypeVar("Item")
ERRORS = {"log_loss": "log loss", "rmse": "RMSE", "mae": "mean abs. error"}  # metrics of which less is better
SCORES = {"roc_auc": "ROC AUC", "accuracy": "accuracy"}


class _Drawn:
    """Only what can be drawn: finite figures; classes may be numbers."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(allow_inf_nan=False, coerce_numbers_to_str=True)


@dataclass(frozen=True)
class ChangeHistogram(_Drawn):
    """How far rows moved: a histogram of shares (n,) between edges (n + 1,).

    `noise` is what harmless retraining does to rows like these, from the lowest to the highest.
    """

    edges: tuple[float, ...]
    shares: tuple[float, ...]
    label: str = "change in probability"
    noise: tuple[float, float] | None = None


@dataclass(frozen=True)
class LabelFlips(_Drawn):
    """Labels decided by the baseline (down) and by the candidate (across), as counts of rows.

    `worse` of those that changed were right before and are wrong now, `better` the other way round.
    """

    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    worse: int | None = None
    better: int | None = None


@dataclass(frozen=True)
class MetricChange(_Drawn):
    """One metric on both sides; `worse` is how much worse it became, from `low` to `high` by a paired interval.

    These and `margin`, how much worse it may be, are in one unit: the metric's own, or shares of its old value.
    """

    name: str
    old: float
    new: float
    worse: float
    low: float
    high: float
    margin: float


@dataclass(frozen=True)
class BeforeAfter(_Drawn):
    """Anything with an old and a new value: a group's error, a column's weight, a share of the data.

    `low` and `high` are where `new` may lie (for a group: its interval); `rows` is how many rows it was measured on.
    """

    name: str
    old: float
    new: float
    low: float | None = None
    high: float | None = None
    rows: int | None = None
    failed: bool = False


@dataclass(frozen=True)
class CostChange(_Drawn):
    """Size or time on both sides, in `unit`; `limit` is how many times the old one it may be."""

    name: str
    old: float
    new: float
    unit: str = ""
    limit: float | None = None


@dataclass(frozen=True)
class Member(_Drawn):
    """One of the figures that a statistical check looked at, beside its own limit."""

    name: str
    value: float
    limit: float
    old: float | None = None
    new: float | None = None


def one_of(verdict: Verdict, key: str, record: type[Item]) -> Item | None:
    """The picture under `key`: the verdict's own, or else that of the worst check that has one."""
    for value in _under(verdict, key):
        found = _read(record, value)
        if found is not None:
            return found
    return None


def all_of(verdict: Verdict, key: str, record: type[Item]) -> list[Item]:
    """All records under `key`, of the verdict and of its checks; a name that comes twice counts once."""
    found: dict[str, Item] = {}
    for value in _under(verdict, key):
        for each in value if isinstance(value, list | tuple) else [value]:
            item = _read(record, each)
            if item is not None:
                found.setdefault(getattr(item, "name", ""), item)
    return list(found.values())


def members_of(verdict: Verdict, name: str) -> list[Member]:
    """The figures that the check of that name looked at."""
    for check in verdict.checks:
        given = check.evidence.get("members")
        if check.name == name and isinstance(given, Sequence):
            read = [_read(Member, each) for each in given]
            return [member for member in read if member is not None and member.limit > 0]
    return []


def measures_of(verdict: Verdict) -> list[MetricChange]:
    """The metrics as given, or read off the checks `metrics.worse`, whose interval tells how much worse it may be."""
    given = all_of(verdict, "metrics", MetricChange)
    return given or [measure for check in verdict.checks for measure in _measure(check)]


def costs_of(verdict: Verdict) -> list[CostChange]:
    """The costs as given, or read off the checks of that suite, in units that people read."""
    given = all_of(verdict, "costs", CostChange)
    if given:
        return given
    found = []
    for check in verdict.checks:
        if check.suite == "cost" and check.old is not None and check.new is not None:
            name = check.name.removeprefix("cost.")
            by, unit = (2**-20, "MB") if name == "size" else (1e3, "ms")
            found.append(CostChange(name, check.old * by, check.new * by, unit, check.limit))
    return found


def _measure(check: Check) -> list[MetricChange]:
    interval = check.evidence.get("interval")
    if check.name != "metrics.worse" or check.old is None or check.new is None or not check.limit:
        return []
    if not isinstance(interval, list | tuple) or len(interval) != 2:
        return []
    higher = check.subject not in ERRORS
    # Of errors, the interval is a share of the old value.
    loss = check.old - check.new if higher else (check.new - check.old) / max(abs(check.old), 1e-12)
    name = {**ERRORS, **SCORES}.get(check.subject, check.subject)
    value = {"name": name, "old": check.old, "new": check.new, "worse": loss, "margin": check.limit}
    found = _read(MetricChange, {**value, "low": interval[0], "high": interval[1]})
    return [found] if found else []


def failed_subjects(verdict: Verdict, *names: str) -> set[str]:
    """What is to blame in the failed checks of these names."""
    return {c.subject for c in verdict.checks if c.subject and c.outcome in FAILED and c.name in names}


def _under(verdict: Verdict, key: str) -> list[Any]:
    given = [verdict.pictures.get(key)] + [check.evidence.get(key) for check in worst_first(verdict.checks)]
    return [value for value in given if value is not None]


def _read(record: type[Item], value: Any) -> Item | None:
    try:
        found: Item = _ADAPTERS[record].validate_python(value)
        return found
    except ValidationError:
        return None


_ADAPTERS: dict[type, TypeAdapter[Any]] = {
    record: TypeAdapter(record)
    for record in (ChangeHistogram, LabelFlips, MetricChange, BeforeAfter, CostChange, Member)
}
