"""The result of a training in two sentences that a person can act on."""

from dataclasses import dataclass

from seatrial.pages.words import between, percent, plural, rough
from seatrial.train.evaluation import Evaluation, Metric, Name


@dataclass(frozen=True)
class Summary:
    """The result, what it means, and whether it is clearly good."""

    result: str
    meaning: str
    good: bool


def summarize(evaluation: Evaluation, target: str, name: Name, row: str) -> Summary:
    """Compare the model with a baseline that ignores the columns, and say whether the difference may be chance."""
    metric = evaluation.metric("mae" if evaluation.regression else "accuracy")
    assert metric is not None
    assert metric.baseline is not None
    rows = f"{len(evaluation.labels):,} held-out {plural(row) if len(evaluation.labels) > 1 else row}"
    if evaluation.regression:
        interval = f" ({' to '.join(map(rough, metric.interval))})" if metric.interval else ""
        result = (
            f"The predicted {target} is off by {rough(metric.value)} on average over {rows}{interval}; always "
            f"predicting the mean, {rough(evaluation.trivial)}, would be off by {rough(metric.baseline)}."
        )
    else:
        interval = f" ({between(*metric.interval)})" if metric.interval else ""
        result = (
            f"Correct for {percent(metric.value)} of {rows}{interval}; always predicting "
            f"“{name(evaluation.trivial)}” would be correct for {percent(metric.baseline)}."
        )
    meaning, good = _meaning(metric, metric.baseline)
    if good and evaluation.never_predicted:
        meaning, good = "Over all rows that is better than the baseline, but not for every class.", False
    return Summary(result, f"{meaning} {_ranking(evaluation, name)}".strip(), good)


def _meaning(metric: Metric, baseline: float) -> tuple[str, bool]:
    sign = 1 if metric.higher_is_better else -1
    perfect = metric.value == (1.0 if metric.higher_is_better else 0.0)
    if perfect and metric.value != baseline:
        return "That is too good to be true: does one of the columns contain the answer?", False
    if sign * metric.value <= sign * baseline:
        return "That is no better than ignoring the columns; do not release this model.", False
    if metric.interval is None:
        return "There are too few held-out rows to say how reliable that is.", False
    low, high = metric.interval
    if sign * (low if metric.higher_is_better else high) > sign * baseline:
        return "That is clearly better: the whole interval is better than the baseline.", True
    return "The interval includes the baseline, so the difference may be chance; evaluate on more rows.", False


def _ranking(evaluation: Evaluation, name: Name) -> str:
    """What the area under the ROC curve means: which of two rows is ranked higher (Hanley and McNeil 1982)."""
    metric = evaluation.metric("roc_auc")
    if metric is None:
        return ""
    return (
        f"Given one “{name(evaluation.positive)}” row and one “{name(evaluation.negative)}” row, it gives the first "
        f"the higher probability {percent(metric.value)} of the time."
    )
