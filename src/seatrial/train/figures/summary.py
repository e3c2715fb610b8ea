"""What the figures come to, in words that a person can act on."""

from collections.abc import Callable
from dataclasses import dataclass

from seatrial.pages.words import between, percent, rough
from seatrial.train.evaluation import Evaluation, Metric

Name = Callable[[object], str]


@dataclass(frozen=True)
class Summary:
    """What was found, what it means, and whether that is good news without a doubt."""

    found: str
    meaning: str
    good: bool


def verdict(evaluation: Evaluation, target: str, name: Name, row: str) -> Summary:
    """Say how good the model is beside knowing nothing of the rows, and whether that may be chance."""
    regression = evaluation.task == "regression"
    metric = evaluation.metric("mae" if regression else "accuracy")
    assert metric is not None
    assert metric.baseline is not None
    rows = f"{len(evaluation.labels):,} held-out {row}{'s' if len(evaluation.labels) > 1 else ''}"
    write, span = (rough, _from_to) if regression else (percent, between)
    interval = f" ({span(*metric.interval)})" if metric.interval else ""
    value, trivial = write(metric.value), write(metric.baseline)
    if regression:
        found = (
            f"Its {target} is off by {value} on average over {rows}{interval}; always answering the mean, "
            f"{rough(evaluation.trivial)}, would be off by {trivial}."
        )
    else:
        found = (
            f"Right for {value} of {rows}{interval}; always answering “{name(evaluation.trivial)}” would be right "
            f"for {trivial}."
        )
    meaning, good = _meaning(metric, metric.baseline)
    return Summary(found, " ".join(part for part in (meaning, _ranking(evaluation, name)) if part), good)


def _from_to(low: float, high: float) -> str:
    return f"{rough(low)} to {rough(high)}"


def _meaning(metric: Metric, baseline: float) -> tuple[str, bool]:
    sign = 1 if metric.higher_is_better else -1
    perfect = metric.value == (1.0 if metric.higher_is_better else 0.0)
    if perfect and metric.value != baseline:
        return "Nothing is that good: does one of the columns know the answer?", False
    if sign * metric.value <= sign * baseline:
        return "That is no better than knowing nothing of the rows; it should not be released.", False
    if metric.interval is None:
        return "The held-out rows are too few to say how far that can be trusted.", False
    low, high = metric.interval
    if sign * (low if metric.higher_is_better else high) > sign * baseline:
        return "That is clearly better: the whole interval is.", True
    return "The interval reaches down to that, so it may be chance; more rows would tell.", False


def _ranking(evaluation: Evaluation, name: Name) -> str:
    """What the area under the ROC curve means: which of two rows gets more (Hanley and McNeil 1982)."""
    metric = evaluation.metric("roc_auc")
    if metric is None:
        return ""
    other = next(label for label in evaluation.classes if label != evaluation.positive)
    return (
        f"Of two rows, one “{name(evaluation.positive)}” and one “{name(other)}”, it gives the first the higher "
        f"probability {percent(metric.value)} of the time."
    )
