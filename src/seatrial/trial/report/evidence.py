"""The data of the page's charts, as records. A trial writes them to `Verdict.pictures` with `dataclasses.asdict`.

A verdict may come from a file written by another version, so data that does not fit its record is left out and is never
an error.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from seatrial.trial.records import Check, Verdict
from seatrial.trial.report.reading import FAILED

Item = TypeVar("Item")
LABELS = {
    "log_loss": "log loss",
    "rmse": "RMSE",
    "mae": "mean abs. error",
    "roc_auc": "ROC AUC",
    "accuracy": "accuracy",
}
HIGHER_IS_BETTER = ("roc_auc", "accuracy")
UNITS = {"size": (2**-20, "MB")}  # how costs are shown; the others are times


class _Drawn:
    """Only what can be drawn: finite numbers; classes may be numbers."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(allow_inf_nan=False, coerce_numbers_to_str=True)


@dataclass(frozen=True)
class ChangeHistogram(_Drawn):
    """How far rows moved: a histogram of shares (n,) between edges (n + 1,).

    `noise` is how far 99 % of the rows move in a usual harmless retrain, from the lowest to the highest.
    """

    edges: tuple[float, ...]
    shares: tuple[float, ...]
    label: str = "change in probability"
    noise: tuple[float, float] | None = None


@dataclass(frozen=True)
class LabelFlips(_Drawn):
    """Labels predicted by the baseline (down) and by the candidate (across), as counts of rows.

    `worse` rows were right before and are wrong now, `better` ones the opposite.
    """

    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    worse: int | None = None
    better: int | None = None


@dataclass(frozen=True)
class MetricChange(_Drawn):
    """One metric of both releases; `worse` is how much worse it became, from `low` to `high` by a paired interval.

    These and `margin`, how much worse it may be, have the same unit: the metric's own, or shares of its old value.
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
    """Anything with an old and a new value: a group's error, a column's effect, a share of the data.

    `low` and `high` are where `new` may be (for a group: its interval); `rows` is the number of rows in the group.
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
    """Size or time of both releases, in `unit`; `limit` is how many times the old value is allowed."""

    name: str
    old: float
    new: float
    unit: str
    limit: float | None = None


def one_of(verdict: Verdict, key: str, record: type[Item]) -> Item | None:
    """The record under `key`, if there is one that fits."""
    return _read(record, verdict.pictures.get(key))


def all_of(verdict: Verdict, key: str, record: type[Item]) -> list[Item]:
    """All records under `key` that fit."""
    listed = verdict.pictures.get(key)
    items = [_read(record, each) for each in listed] if isinstance(listed, list | tuple) else []
    return [item for item in items if item is not None]


def metrics_of(verdict: Verdict) -> list[MetricChange]:
    """The metrics, from the checks `metrics.worse` and their intervals."""
    items = [_metric(check) for check in verdict.checks if check.name == "metrics.worse"]
    return [item for item in items if item is not None]


def costs_of(verdict: Verdict) -> list[CostChange]:
    """The costs, from the checks of that suite, in units that people read."""
    costs = []
    for check in verdict.checks:
        if check.suite == "cost" and check.old is not None and check.new is not None:
            name = check.name.removeprefix("cost.")
            factor, unit = UNITS.get(name, (1e3, "ms"))
            costs.append(CostChange(name, check.old * factor, check.new * factor, unit, check.limit))
    return costs


def _metric(check: Check) -> MetricChange | None:
    interval = check.evidence.get("interval")
    if check.old is None or check.new is None or not check.limit or not isinstance(interval, list | tuple):
        return None
    # The interval of an error is a share of the old value.
    loss = (check.new - check.old) / max(abs(check.old), 1e-12)
    values = {
        "name": LABELS.get(check.subject, check.subject),
        "old": check.old,
        "new": check.new,
        "worse": check.old - check.new if check.subject in HIGHER_IS_BETTER else loss,
        "margin": check.limit,
        **dict(zip(("low", "high"), interval, strict=False)),
    }
    return _read(MetricChange, values)


def failed_subjects(verdict: Verdict, *names: str) -> set[str]:
    """What the failed checks of these names blame."""
    return {c.subject for c in verdict.checks if c.subject and c.outcome in FAILED and c.name in names}


def _read(record: type[Item], value: Any) -> Item | None:
    try:
        item: Item = _ADAPTERS[record].validate_python(value)
        return item
    except ValidationError:
        return None


_ADAPTERS: dict[type, TypeAdapter[Any]] = {
    record: TypeAdapter(record) for record in (ChangeHistogram, LabelFlips, MetricChange, BeforeAfter)
}
