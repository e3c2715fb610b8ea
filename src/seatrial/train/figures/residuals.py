"""How large a regression's errors are, and where they occur."""

from collections.abc import Iterator

import numpy as np

from seatrial.model.features import Array
from seatrial.pages.charts import Axis, Chart, Figure, draw
from seatrial.pages.words import percent, rough
from seatrial.train.evaluation import Evaluation

MOST_DOTS = 900
BINS = 30
GROUPS = 8


def residuals(evaluation: Evaluation, target: str) -> Iterator[Figure]:
    """Draw predicted against true values, the errors, and the errors along the predictions."""
    truth, predicted = evaluation.labels, evaluation.scores
    # Many held-out rows are thinned out evenly, since they are in the table's order.
    shown = np.unique(np.linspace(0, len(truth) - 1, min(len(truth), MOST_DOTS)).round().astype(int))
    note = "" if len(shown) == len(truth) else f" The plot shows {len(shown):,} of {len(truth):,} rows."
    yield _predicted_against_true(truth, predicted, shown, target, note)
    yield _error_histogram(truth, predicted, target)
    yield _errors_along(truth, predicted, shown, target, note)


def _pairs(x: Array, y: Array) -> list[tuple[float, float]]:
    return list(zip(x.tolist(), y.tolist(), strict=True))


def _predicted_against_true(truth: Array, predicted: Array, shown: Array, target: str, note: str) -> Figure:
    both = [*truth[shown].tolist(), *predicted[shown].tolist()]
    chart = Chart(Axis.over(f"{target}, predicted", both), Axis.over(f"{target}, true", both), height=340)
    chart.line([(end, end) for end in (chart.x.low, chart.x.high)], 0, dashed=True)
    chart.dots(_pairs(predicted[shown], truth[shown]), 1, 3, kind="many")
    half = float(np.std(truth)) / 2
    within = float((np.abs(truth - predicted) <= half).mean())
    caption = (
        f"Each dot is a row. On the dashed diagonal, the prediction is exact. For {percent(within)} of the rows, the "
        f"error is at most half a standard deviation of the target ({rough(half)}).{note}"
    )
    return Figure("Predicted and true values", draw("Scatter plot of predicted against true values.", chart), caption)


def _error_histogram(truth: Array, predicted: Array, target: str) -> Figure:
    errors = predicted - truth
    # The outermost of many rows would squeeze all others into one bar.
    low, high = np.quantile(errors, [0.005, 0.995]) if len(errors) > 200 else (errors.min(), errors.max())
    if high - low <= 1e-9 * max(1.0, float(np.abs(truth).max())):  # no errors except in the last bits
        low, high = low - 0.5, high + 0.5
    counts, edges = np.histogram(np.clip(errors, low, high), BINS, range=(low, high))
    x = Axis.over(f"predicted minus true {target}", edges.tolist())
    chart = Chart(x, Axis.over("rows", [counts.max()], zero=True), height=340)
    gap = (edges[1] - edges[0]) * 0.05
    for position, rows in enumerate(counts.tolist()):
        if rows:
            chart.bar((edges[position] + gap, 0), (edges[position + 1] - gap, rows), 1)
    if chart.x.low < 0 < chart.x.high:
        chart.line([(0, 0), (0, chart.y.high)], 0, dashed=True)
    middle = float(np.median(errors))
    bias = (
        "close to zero"
        if abs(middle) < np.std(errors) / 20
        else f"{rough(abs(middle))} too " + ("high" if middle > 0 else "low")
    )
    half, most = np.quantile(np.abs(errors), [0.5, 0.9]).tolist()
    caption = (
        f"The errors of the predictions: too high on the right, too low on the left. The median error is {bias}. Half "
        f"of the predictions are off by at most {rough(half)}, nine in ten by at most {rough(most)}."
    )
    if errors.min() < low or errors.max() > high:
        caption += " The outermost bars include all errors beyond them."
    return Figure("Errors", draw("Histogram of predicted minus true values.", chart), caption)


def _errors_along(truth: Array, predicted: Array, shown: Array, target: str, note: str) -> Figure:
    errors = predicted - truth
    chart = Chart(
        Axis.over(f"{target}, predicted", predicted[shown].tolist()),
        Axis.over("predicted minus true", errors[shown].tolist()),
        height=340,
    )
    chart.line([(chart.x.low, 0), (chart.x.high, 0)], 0, dashed=True)
    chart.dots(_pairs(predicted[shown], errors[shown]), 1, 3, kind="many")
    groups = [rows for rows in np.array_split(np.argsort(predicted, kind="stable"), GROUPS) if len(rows)]
    trend = [(float(np.median(predicted[rows])), float(np.median(errors[rows]))) for rows in groups]
    chart.line(trend, 2)
    chart.text(*trend[-1], "median", 2, anchor="end", dy=-8)
    lowest, highest = (float(np.abs(errors[rows]).mean()) for rows in (groups[0], groups[-1]))
    caption = (
        "The same errors along the predictions. The line is their median in eight groups of equal size; it should stay "
        "close to zero, and the spread should be the same everywhere. The mean absolute error is "
        f"{rough(lowest)} in the group with the lowest predictions and {rough(highest)} in the group with the "
        f"highest.{note}"
    )
    return Figure("Errors by prediction", draw("Scatter plot of errors along the predictions.", chart), caption)
