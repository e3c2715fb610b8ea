"""How far a regression's predictions are off, and where."""

from collections.abc import Iterator

import numpy as np

from seatrial.model.features import Array
from seatrial.pages.charts import Axis, Chart, Figure, draw
from seatrial.pages.words import percent, rough
from seatrial.train.evaluation import Evaluation

MOST_DOTS = 900
BINS = 30


def residuals(evaluation: Evaluation, target: str) -> Iterator[Figure]:
    """Draw predictions against what came true, the misses, and the misses along the predictions."""
    truth, predicted = evaluation.labels, evaluation.scores
    shown = _shown(len(truth))
    yield _predicted_against_true(truth, predicted, shown, target)
    yield _misses(truth, predicted, target)
    yield _misses_along(truth, predicted, shown, target)


def _shown(rows: int) -> Array:
    """Rows to draw: all, or evenly many of a large table, whose held-out rows are in the table's order."""
    return np.unique(np.linspace(0, rows - 1, min(rows, MOST_DOTS)).round().astype(int))


def _of_all(shown: Array, rows: int) -> str:
    return "" if len(shown) == rows else f" Drawn are {len(shown):,} of {rows:,} rows."


def _pairs(x: Array, y: Array) -> list[tuple[float, float]]:
    return list(zip(x.tolist(), y.tolist(), strict=True))


def _predicted_against_true(truth: Array, predicted: Array, shown: Array, target: str) -> Figure:
    both = [*truth[shown].tolist(), *predicted[shown].tolist()]
    chart = Chart(Axis.over(f"{target}, predicted", both), Axis.over(f"{target}, true", both), height=340)
    ends = (chart.x.low, chart.x.high)
    chart.line([(end, end) for end in ends], 0, dashed=True)
    chart.dots(_pairs(predicted[shown], truth[shown]), 1, 3, kind="many")
    within = float((np.abs(truth - predicted) <= np.std(truth) / 2).mean())
    caption = (
        f"Each dot is a row; on the dashed diagonal, the prediction is exact. {percent(within)} of the rows lie within "
        f"half a standard deviation of the target ({rough(float(np.std(truth) / 2))}).{_of_all(shown, len(truth))}"
    )
    return Figure("Predicted and true", draw("Scatter plot of predicted against true values.", chart), caption)


def _misses(truth: Array, predicted: Array, target: str) -> Figure:
    missed = predicted - truth
    # The outermost of many rows would squeeze all others into one bar.
    low, high = np.quantile(missed, [0.005, 0.995]) if len(missed) > 200 else (missed.min(), missed.max())
    if high - low <= 1e-9 * max(1.0, float(np.abs(truth).max())):  # no misses but the last bits
        low, high = low - 0.5, high + 0.5
    counts, edges = np.histogram(np.clip(missed, low, high), BINS, range=(low, high))
    x = Axis.over(f"predicted minus true {target}", edges.tolist())
    chart = Chart(x, Axis.over("rows", [counts.max()], zero=True), height=340)
    gap = (edges[1] - edges[0]) * 0.05
    for position, rows in enumerate(counts.tolist()):
        if rows:
            chart.bar((edges[position] + gap, 0), (edges[position + 1] - gap, rows), 1)
    if chart.x.low < 0 < chart.x.high:
        chart.line([(0, 0), (0, chart.y.high)], 0, dashed=True)
    middle = float(np.median(missed))
    lean = (
        "neither too high nor too low"
        if abs(middle) < np.std(missed) / 20
        else f"{rough(abs(middle))} too " + ("high" if middle > 0 else "low")
    )
    tails = np.quantile(np.abs(missed), [0.5, 0.9])
    caption = (
        f"How far the predictions are off: to the right too high, to the left too low. In the median they are {lean}. "
        f"Half of them are off by at most {rough(float(tails[0]))}, nine in ten by at most {rough(float(tails[1]))}."
    )
    if missed.min() < low or missed.max() > high:
        caption += " The outermost bars hold whatever lies beyond them."
    return Figure("The misses", draw("Histogram of predicted minus true values.", chart), caption)


def _misses_along(truth: Array, predicted: Array, shown: Array, target: str) -> Figure:
    missed = predicted - truth
    chart = Chart(
        Axis.over(f"{target}, predicted", predicted[shown].tolist()),
        Axis.over("predicted minus true", missed[shown].tolist()),
        height=340,
    )
    chart.line([(chart.x.low, 0), (chart.x.high, 0)], 0, dashed=True)
    chart.dots(_pairs(predicted[shown], missed[shown]), 1, 3, kind="many")
    parts = [part for part in np.array_split(np.argsort(predicted, kind="stable"), 8) if len(part)]
    trend = [(float(np.median(predicted[part])), float(np.median(missed[part]))) for part in parts]
    chart.line(trend, 2)
    chart.text(*trend[-1], "median", 2, anchor="end", dy=-8)
    spreads = [float(np.abs(missed[part]).mean()) for part in parts]
    caption = (
        "The same misses along the predictions; the line is their median in eighths of the rows. It should stay at "
        "zero, and the cloud be equally wide everywhere. In the eighth with the lowest predictions the mean miss is "
        f"{rough(spreads[0])}, in that with the highest {rough(spreads[-1])}.{_of_all(shown, len(truth))}"
    )
    return Figure("Where it misses", draw("Scatter plot of misses along the predictions.", chart), caption)
