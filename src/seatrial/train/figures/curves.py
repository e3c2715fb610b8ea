"""ROC and precision-recall curves; of several classes each against the rest."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from seatrial.model.features import Array
from seatrial.pages.charts import Axis, Chart, Figure, draw
from seatrial.pages.words import percent
from seatrial.train.evaluation import Evaluation

MOST_CURVES = 4  # as many as can be told apart

Name = Callable[[object], str]


@dataclass(frozen=True)
class _Rival:
    """One class against the rest: whether each row is of it, and the probability it was given."""

    name: str
    truth: Array
    scores: Array
    series: int


def curves(evaluation: Evaluation, name: Name) -> Iterator[Figure]:
    """Draw both, unless the held-out rows have one class alone."""
    rivals = _rivals(evaluation, name)
    if rivals:
        yield _roc(evaluation, rivals)
        yield _precision_recall(evaluation, rivals)


def _rivals(evaluation: Evaluation, name: Name) -> list[_Rival]:
    """The classes to draw: the positive one, or the most frequent of several."""
    labels, classes = evaluation.labels, evaluation.classes
    wanted = [evaluation.positive] if evaluation.task == "binary" else sorted(classes, key=lambda c: -_rows(labels, c))
    found = [(c, labels == c) for c in wanted if 0 < _rows(labels, c) < len(labels)][:MOST_CURVES]
    return [
        _Rival(name(label), truth, evaluation.scores[:, classes.index(label)], series)
        for series, (label, truth) in enumerate(found, 1)
    ]


def _rows(labels: Array, label: object) -> int:
    return int((labels == label).sum())


def _roc(evaluation: Evaluation, rivals: list[_Rival]) -> Figure:
    from sklearn.metrics import roc_auc_score, roc_curve

    chart = Chart(Axis.of_shares("others taken for it"), Axis.of_shares("found"), height=320)
    chart.line([(0, 0), (1, 1)], 0, dashed=True)
    areas = []
    for rival in rivals:
        alarms, found, _ = roc_curve(rival.truth, rival.scores)
        chart.line(list(zip(alarms.tolist(), found.tolist(), strict=True)), rival.series)
        areas.append((rival, float(roc_auc_score(rival.truth, rival.scores))))
    _list(chart, [(r, f"area {area:.3f}" if len(rivals) == 1 else f"{r.name} {area:.3f}") for r, area in areas], 0.1)
    told = ", ".join(f"{rival.name} {area:.3f}" for rival, area in areas)
    if evaluation.task == "binary":
        rival = rivals[0]
        answered = evaluation.decided == evaluation.positive
        found, alarms = answered[rival.truth].mean(), answered[~rival.truth].mean()
        chart.dots([(alarms, found)], 1, 5, kind="one")
        chart.text(alarms, found, f"threshold {evaluation.threshold:g}", 1, dx=9, dy=14)
        caption = (
            f"Each point of the curve is a threshold: how many of the “{rival.name}” rows are found, and how many "
            f"others are taken for one. A guess runs along the dashed diagonal. At {evaluation.threshold:g}, it finds "
            f"{percent(found)} and takes {percent(alarms)} of the others for one."
        )
    else:
        caption = (
            "Each class against all others: how many of its rows are found, and how many others are taken for it, as "
            "the threshold falls. A guess runs along the dashed diagonal; the figure is the area under the curve. "
            + _extremes(areas)
        )
    return Figure("ROC curve", draw(f"ROC curve. Area under it: {told}.", chart), caption)


def _precision_recall(evaluation: Evaluation, rivals: list[_Rival]) -> Figure:
    from sklearn.metrics import average_precision_score, precision_recall_curve

    chart = Chart(Axis.of_shares("found (recall)"), Axis.of_shares("right when it says so (precision)"), height=320)
    averages = []
    for rival in rivals:
        precision, recall, _ = precision_recall_curve(rival.truth, rival.scores)
        chart.line(list(zip(recall[::-1].tolist(), precision[::-1].tolist(), strict=True)), rival.series)
        averages.append((rival, float(average_precision_score(rival.truth, rival.scores))))
    share = float(np.mean(rivals[0].truth))
    told = ", ".join(f"{rival.name} {average:.3f}" for rival, average in averages)
    if evaluation.task == "binary":
        rival = rivals[0]
        chart.line([(0, share), (1, share)], 0, dashed=True)
        chart.text(0.02, share, f"a guess: {percent(share)}", dy=-6)
        answered = evaluation.decided == evaluation.positive
        if answered.any():
            right, found = rival.truth[answered].mean(), answered[rival.truth].mean()
            chart.dots([(found, right)], 1, 5, kind="one")
            chart.text(found, right, f"threshold {evaluation.threshold:g}", 1, anchor="end", dx=-9, dy=14)
            shown = f"At {evaluation.threshold:g}, {percent(right)} of the rows that it calls “{rival.name}” are."
        else:
            shown = f"At {evaluation.threshold:g}, it calls no row “{rival.name}”."
        caption = (
            "The same thresholds: how many of the rows are found, and how often a row that is called "
            f"“{rival.name}” is one. {shown}"
        )
        _list(chart, [(rival, f"average {averages[0][1]:.3f}")], 0.1, left=True)
    else:
        _list(chart, [(rival, f"{rival.name} {average:.3f}") for rival, average in averages], 0.1, left=True)
        caption = (
            "The same, by how often the answer is right when a class is named. A curve that stays high to the right "
            "finds nearly all rows of its class without naming others; the figure is the average precision. "
            + _extremes(averages)
        )
    return Figure("Precision and recall", draw(f"Precision-recall curve. Average precision: {told}.", chart), caption)


def _extremes(figures: list[tuple[_Rival, float]]) -> str:
    best, worst = max(figures, key=lambda pair: pair[1])[0], min(figures, key=lambda pair: pair[1])[0]
    return f"It is best at “{best.name}” and worst at “{worst.name}”." if best is not worst else ""


def _list(chart: Chart, lines: list[tuple[_Rival, str]], bottom: float, *, left: bool = False) -> None:
    """Name the curves in the corner that such curves leave empty."""
    for position, (rival, text) in enumerate(lines):
        above = (len(lines) - 1 - position) * 17
        chart.text(0.03 if left else 0.98, bottom, text, rival.series, anchor="start" if left else "end", dy=-above)
