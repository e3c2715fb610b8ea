"""ROC and precision-recall curves; with several classes, each class against the rest."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from seatrial.model.features import Array
from seatrial.pages.charts import Axis, Chart, Figure, draw
from seatrial.pages.words import percent
from seatrial.train.evaluation import Evaluation, Name

MOST_CURVES = 4  # as many as can be distinguished


@dataclass(frozen=True)
class _ClassScores:
    """One class against the rest: whether each row is of it, and the probability it was given."""

    name: str
    truth: Array
    scores: Array
    series: int


def curves(evaluation: Evaluation, name: Name) -> Iterator[Figure]:
    """Draw both curves, unless the held-out rows have only one class."""
    classes = _classes(evaluation, name)
    if classes:
        yield _roc(evaluation, classes)
        yield _precision_recall(evaluation, classes)


def _classes(evaluation: Evaluation, name: Name) -> list[_ClassScores]:
    """The classes to draw: the positive one, or the most frequent of several."""
    labels, classes = evaluation.labels, evaluation.rule.classes
    rows = {label: int((labels == label).sum()) for label in classes}
    wanted = [evaluation.positive] if evaluation.rule.task == "binary" else sorted(classes, key=lambda c: -rows[c])
    drawn = [label for label in wanted if 0 < rows[label] < len(labels)][:MOST_CURVES]
    return [
        _ClassScores(name(label), labels == label, evaluation.scores[:, classes.index(label)], series)
        for series, label in enumerate(drawn, 1)
    ]


def _roc(evaluation: Evaluation, classes: list[_ClassScores]) -> Figure:
    from sklearn.metrics import auc, roc_curve

    chart = Chart(Axis.of_shares("False positive rate"), Axis.of_shares("True positive rate (recall)"), height=320)
    chart.line([(0, 0), (1, 1)], 0, dashed=True)
    areas = []
    for one in classes:
        false_positives, true_positives, _ = roc_curve(one.truth, one.scores)
        chart.line(np.column_stack([false_positives, true_positives]), one.series)
        areas.append((one, float(auc(false_positives, true_positives))))
    first, threshold = classes[0], f"{evaluation.rule.threshold:g}"
    if evaluation.rule.task == "binary":
        predicted = evaluation.predicted == evaluation.positive
        hits, alarms = float(predicted[first.truth].mean()), float(predicted[~first.truth].mean())
        _mark(chart, (alarms, hits), f"threshold {threshold}")
        caption = (
            f"Each point of the curve is a threshold: the share of the “{first.name}” rows that are predicted as such "
            "(true positive rate), against the share of the other rows that are (false positive rate). Random guessing "
            f"gives the dashed diagonal. At a threshold of {threshold}, the true positive rate is {percent(hits)} and "
            f"the false positive rate {percent(alarms)}."
        )
        _legend(chart, [(first, f"area {areas[0][1]:.3f}")])
    else:
        caption = (
            "Each class against all others: the true positive rate against the false positive rate, as the threshold "
            "falls. Random guessing gives the dashed diagonal. The numbers are the areas under the curves. "
            + _extremes(areas)
        )
        _legend(chart, [(one, f"{one.name} {area:.3f}") for one, area in areas])
    return Figure("ROC curve", draw(f"ROC curve. Area under it: {_listed(areas)}.", chart), caption)


def _precision_recall(evaluation: Evaluation, classes: list[_ClassScores]) -> Figure:
    from sklearn.metrics import precision_recall_curve

    chart = Chart(Axis.of_shares("Recall"), Axis.of_shares("Precision"), height=320)
    averages = []
    for one in classes:
        precision, recall, _ = precision_recall_curve(one.truth, one.scores)
        chart.line(np.column_stack([recall, precision])[::-1], one.series)
        averages.append((one, max(0.0, float(-np.sum(np.diff(recall) * precision[:-1])))))
    if evaluation.rule.task == "binary":
        caption = (
            f"The same thresholds: the share of the “{classes[0].name}” rows that are predicted as such (recall), "
            f"against the share of the rows predicted as “{classes[0].name}” that are correct (precision). "
        ) + _at_the_threshold(chart, evaluation, classes[0])
        _legend(chart, [(classes[0], f"average {averages[0][1]:.3f}")], left=True)
    else:
        caption = (
            "The same thresholds: the share of a class's rows that are predicted as such (recall), against the "
            "share of the rows predicted as this class that are correct (precision). A curve that stays high to the "
            "right has high recall with few false positives. The numbers are average precisions. " + _extremes(averages)
        )
        _legend(chart, [(one, f"{one.name} {average:.3f}") for one, average in averages], left=True)
    description = f"Precision-recall curve. Average precision: {_listed(averages)}."
    return Figure("Precision and recall", draw(description, chart), caption)


def _at_the_threshold(chart: Chart, evaluation: Evaluation, positive: _ClassScores) -> str:
    """Mark the threshold and the precision of random guessing, and describe them."""
    threshold, share = f"{evaluation.rule.threshold:g}", float(np.mean(positive.truth))
    chart.line([(0, share), (1, share)], 0, dashed=True)
    chart.text(0.02, share, f"random guessing: {percent(share)}", dy=-6)
    predicted = evaluation.predicted == evaluation.positive
    if not predicted.any():
        return f"At a threshold of {threshold}, no row is predicted as “{positive.name}”."
    precision, recall = float(positive.truth[predicted].mean()), float(predicted[positive.truth].mean())
    _mark(chart, (recall, precision), f"threshold {threshold}", anchor="end", dx=-9)
    return f"At a threshold of {threshold}, {percent(precision)} of the “{positive.name}” predictions are correct."


def _mark(chart: Chart, point: tuple[float, float], text: str, *, anchor: str = "start", dx: float = 9) -> None:
    chart.dots([point], 1, 5, kind="one")
    chart.text(*point, text, 1, anchor=anchor, dx=dx, dy=14)


def _listed(values: list[tuple[_ClassScores, float]]) -> str:
    return ", ".join(f"{one.name} {value:.3f}" for one, value in values)


def _extremes(values: list[tuple[_ClassScores, float]]) -> str:
    best, worst = max(values, key=lambda pair: pair[1])[0], min(values, key=lambda pair: pair[1])[0]
    return f"The model is best at “{best.name}” and worst at “{worst.name}”." if best is not worst else ""


def _legend(chart: Chart, lines: list[tuple[_ClassScores, str]], *, left: bool = False) -> None:
    """Name the curves in the corner that such curves leave empty."""
    for position, (one, text) in enumerate(lines):
        above = (len(lines) - 1 - position) * 17
        chart.text(0.03 if left else 0.98, 0.1, text, one.series, anchor="start" if left else "end", dy=-above)
