"""Whether predicted probabilities can be trusted, and how they are distributed."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from seatrial.model.features import Array, Floats
from seatrial.pages.charts import Axis, Chart, Figure, draw
from seatrial.pages.words import percent
from seatrial.train.evaluation import Evaluation, Name
from seatrial.train.metrics import wilson

BINS = 10
FINE_BINS = 25

Group = tuple[str, Array]  # the name of some rows, and a mask


@dataclass(frozen=True)
class Bin:
    """Rows with similar probabilities: their mean probability, the share where the event occurred, and their number."""

    predicted: float
    observed: float
    rows: int

    @property
    def weighted_gap(self) -> float:
        """How far the bin is off, weighted by its rows."""
        return self.rows * abs(self.predicted - self.observed)

    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the observed share."""
        return wilson(self.observed, self.rows)


def reliability(probabilities: Array, occurred: Array, weights: Floats | None = None) -> tuple[Bin, ...]:
    """Group rows into ten bins of probability (DeGroot and Fienberg 1983); empty bins are left out.

    Means are weighted, if the rows have weights.
    """
    position = _bin_positions(probabilities)
    counts = np.ones(len(position)) if weights is None else weights

    def mean(values: Array, rows: Array) -> float:
        return float(np.average(values[rows], weights=counts[rows]))

    return tuple(
        Bin(mean(probabilities, rows), mean(occurred, rows), int(rows.sum()))
        for rows in (position == number for number in range(BINS))
        if counts[rows].any()
    )


def _bin_positions(probabilities: Array) -> Array:
    return np.asarray(np.clip((probabilities * BINS).astype(int), 0, BINS - 1))


def calibration_error(bins: tuple[Bin, ...]) -> float:
    """The expected calibration error (Naeini et al. 2015): the bins' mean distance, weighted by their rows."""
    return sum(part.weighted_gap for part in bins) / sum(part.rows for part in bins)


def calibration(evaluation: Evaluation, name: Name) -> Iterator[Figure]:
    """Draw the reliability diagram and the distribution of the probabilities."""
    if evaluation.rule.task == "binary":
        event = f"“{name(evaluation.positive)}”"
        probabilities = evaluation.scores[:, evaluation.rule.positive]
        occurred = evaluation.labels == evaluation.positive
        groups = [(name(evaluation.positive), occurred), (name(evaluation.negative), ~occurred)]
        yield _diagram(probabilities, occurred, evaluation.weights, "predicted probability", f"were {event}")
        yield _distribution(probabilities, groups, f"predicted probability of {event}", evaluation.rule.threshold)
        return
    probabilities = evaluation.scores.max(axis=1)
    correct = evaluation.predicted == evaluation.labels
    axis = "probability of the predicted class"
    yield _diagram(probabilities, correct, evaluation.weights, axis, "were correct")
    yield _distribution(probabilities, [("correct", correct), ("wrong", ~correct)], axis, None)


def _diagram(probabilities: Array, occurred: Array, weights: Floats | None, axis: str, outcome: str) -> Figure:
    bins = reliability(probabilities, occurred, weights)
    error = calibration_error(bins)
    chart = Chart(Axis.of_shares(""), Axis.of_shares(f"share of rows that {outcome}"), height=262)
    chart.line([(0, 0), (1, 1)], 0, dashed=True)
    for part in bins:
        low, high = part.interval()
        chart.line([(part.predicted, low), (part.predicted, high)], 1)
    chart.dots([(part.predicted, part.observed) for part in bins], 1, 4.5, kind="one")
    row_axis = Axis.over("rows", [part.rows for part in bins], zero=True, count=2)
    counts = Chart(Axis.of_shares(axis), row_axis, height=112, left=chart.left)
    for position, rows in enumerate(np.bincount(_bin_positions(probabilities), minlength=BINS).tolist()):
        if rows:
            counts.bar(((position + 0.06) / BINS, 0), ((position + 0.94) / BINS, rows), 0)
    worst = max(bins, key=lambda part: part.weighted_gap)
    caption = (
        f"Rows with similar probabilities, and the share of them that {outcome}. The vertical lines are 95 % "
        "intervals, and the bars below count the rows. On the dashed diagonal, predicted and observed shares are "
        f"equal. The mean distance from it (expected calibration error) is {error:.3f}. The bin that contributes most "
        f"has a mean probability of {percent(worst.predicted)}; of its {worst.rows:,} rows, {percent(worst.observed)} "
        f"{outcome}."
    )
    description = f"Reliability diagram of {len(bins)} bins. Expected calibration error: {error:.3f}."
    return Figure("Calibration", draw(description, chart, counts), caption)


def _distribution(probabilities: Array, groups: list[Group], axis: str, threshold: float | None) -> Figure:
    """Two groups of rows, one upwards and one downwards, as shares of each group, so that a rare one is visible too."""
    edges = np.linspace(0, 1, FINE_BINS + 1)
    shares = [np.histogram(probabilities[rows], edges)[0] / max(int(rows.sum()), 1) for _, rows in groups]
    most = float(max(part.max() for part in shares)) * 1.12
    ticks = tuple(sign * share for share in Axis.over("", [most], zero=True, count=3).ticks for sign in (1, -1))
    ticks = tuple(sorted({tick for tick in ticks if abs(tick) <= most}))
    y = _MirroredAxis("share of the group's rows", -most, most, ticks, percent=True)
    chart = Chart(Axis.of_shares(axis), y, height=374)
    for part, sign, series in ((shares[0], 1, 1), (shares[1], -1, 2)):
        for position, share in enumerate(part.tolist()):
            if share:
                low, high = sorted((0.0, sign * share))
                chart.bar((edges[position] + 0.003, low), (edges[position + 1] - 0.003, high), series)
    if threshold is None:
        caption = _caption_of_classes(probabilities, groups[1][1])
    else:
        chart.line([(threshold, -most), (threshold, most)], 0, dashed=True)
        chart.text(threshold, most, f"threshold {threshold:g}", dx=5, dy=-3)
        caption = _caption_of_threshold(probabilities, groups, threshold)
    for (label, rows), sign, series in zip(groups, (1, -1), (1, 2), strict=True):
        # In the emptier half, where the bars leave room.
        left = np.histogram(probabilities[rows], [0, 0.5, 1])[0]
        anchor, x = ("end", 0.99) if left[0] > left[1] else ("start", 0.01)
        chart.text(x, sign * most * 0.86, f"{label} ({int(rows.sum()):,})", series, anchor=anchor, dy=4)
    described = ", ".join(f"{label} {int(rows.sum())} rows" for label, rows in groups)
    return Figure(
        "Distribution of the probabilities", draw(f"Histogram of probabilities: {described}.", chart), caption
    )


def _caption_of_threshold(probabilities: Array, groups: list[Group], threshold: float) -> str:
    above = probabilities >= threshold
    missed, alarms = (
        percent(float(wrong.mean())) if wrong.size else "none" for wrong in (~above[groups[0][1]], above[groups[1][1]])
    )
    return (
        f"Rows that were “{groups[0][0]}” point up, the others down, each as a share of its group. The less the two "
        f"overlap, the better the model separates them: {missed} of the upper group are below the threshold, and "
        f"{alarms} of the lower group are above it."
    )


def _caption_of_classes(probabilities: Array, wrong: Array) -> str:
    certain = probabilities >= 0.9
    return (
        "Correct predictions point up, wrong ones down, each as a share of its group. Ideally, errors occur only "
        "where the probability is low, on the left. "
    ) + (
        f"Of the {int(certain.sum()):,} predictions with a probability of at least {percent(0.9)}, "
        f"{int((wrong & certain).sum()):,} are wrong."
        if certain.any()
        else f"No prediction has a probability of {percent(0.9)} or more."
    )


@dataclass(frozen=True)
class _MirroredAxis(Axis):
    """An axis whose lower half counts downwards."""

    def written(self, tick: float) -> str:
        return super().written(abs(tick))
