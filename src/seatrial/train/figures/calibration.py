"""Whether probabilities can be taken at their word, and how they are spread."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from seatrial.model.features import Array
from seatrial.pages.charts import Axis, Chart, Figure, draw
from seatrial.pages.words import percent
from seatrial.train.evaluation import Evaluation

BINS = 10
FINE_BINS = 25

Name = Callable[[object], str]


@dataclass(frozen=True)
class Bin:
    """Rows of like probability: its mean, how often the event came true, and how many rows they are."""

    predicted: float
    observed: float
    rows: int

    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the observed share (1927), which stays within 0 and 1 for few rows too."""
        z2 = 1.96**2
        middle = (self.observed + z2 / (2 * self.rows)) / (1 + z2 / self.rows)
        half = (
            1.96
            * np.sqrt(self.observed * (1 - self.observed) / self.rows + z2 / (4 * self.rows**2))
            / (1 + z2 / self.rows)
        )
        return max(0.0, float(middle - half)), min(1.0, float(middle + half))


def reliability(probabilities: Array, happened: Array) -> tuple[Bin, ...]:
    """Gather rows into ten bins of probability (DeGroot and Fienberg 1983); empty bins are left out."""
    place = _place(probabilities)
    return tuple(
        Bin(float(probabilities[rows].mean()), float(happened[rows].mean()), int(rows.sum()))
        for rows in (place == position for position in range(BINS))
        if rows.any()
    )


def _place(probabilities: Array) -> Array:
    return np.asarray(np.clip((probabilities * BINS).astype(int), 0, BINS - 1))


def calibration_error(bins: tuple[Bin, ...]) -> float:
    """The expected calibration error (Naeini et al. 2015): how far the bins are off, weighted by their rows."""
    total = sum(part.rows for part in bins)
    return sum(part.rows * abs(part.predicted - part.observed) for part in bins) / total


def calibration(evaluation: Evaluation, name: Name) -> Iterator[Figure]:
    """Draw the reliability diagram and the spread of the probabilities."""
    if evaluation.task == "binary":
        event = f"“{name(evaluation.positive)}”"
        probabilities = evaluation.scores[:, evaluation.classes.index(evaluation.positive)]
        happened = evaluation.labels == evaluation.positive
        groups = [(name(evaluation.positive), happened), (name(_other(evaluation)), ~happened)]
        yield _diagram(probabilities, happened, "its probability", f"were {event}")
        yield _spread(evaluation, probabilities, groups, f"probability of {event}")
        return
    probabilities = evaluation.scores.max(axis=1)
    right = evaluation.decided == evaluation.labels
    yield _diagram(probabilities, right, "probability of its answer", "were right")
    yield _spread(evaluation, probabilities, [("right", right), ("wrong", ~right)], "probability of its answer")


def _share_of(flags: Array) -> str:
    return percent(float(flags.mean())) if flags.size else "none"


def _other(evaluation: Evaluation) -> object:
    return next(label for label in evaluation.classes if label != evaluation.positive)


def _diagram(probabilities: Array, happened: Array, said: str, came: str) -> Figure:
    bins = reliability(probabilities, happened)
    error = calibration_error(bins)
    chart = Chart(Axis.of_shares(""), Axis.of_shares(came), height=262)
    chart.line([(0, 0), (1, 1)], 0, dashed=True)
    for part in bins:
        low, high = part.interval()
        chart.line([(part.predicted, low), (part.predicted, high)], 1)
    chart.dots([(part.predicted, part.observed) for part in bins], 1, 4.5, kind="one")
    most = Axis.over("rows", [part.rows for part in bins], zero=True, count=2)
    counts = Chart(Axis.of_shares(said), most, height=112, left=chart.left)
    place = _place(probabilities)
    for position, rows in enumerate(np.bincount(place, minlength=BINS).tolist()):
        if rows:
            counts.bar(((position + 0.06) / BINS, 0), ((position + 0.94) / BINS, rows), 0)
    furthest = max(bins, key=lambda part: part.rows * abs(part.predicted - part.observed))
    caption = (
        f"Rows of like probability, and how many of them {came}; the bar through each point is the 95 % interval, "
        "the columns beneath count the rows. On the dashed diagonal, a probability means what it says. The mean "
        f"distance from it (expected calibration error) is {error:.3f}; it is most felt where it says "
        f"{percent(furthest.predicted)}: {percent(furthest.observed)} of {furthest.rows:,} rows {came}."
    )
    described = f"Reliability diagram of {len(bins)} bins. Expected calibration error: {error:.3f}."
    return Figure("Calibration", draw(described, chart, counts), caption)


def _spread(evaluation: Evaluation, probabilities: Array, groups: list[tuple[str, Array]], said: str) -> Figure:
    """Two groups of rows against each other, one up, one down: their own shares, so that a rare one is seen too."""
    edges = np.linspace(0, 1, FINE_BINS + 1)
    shares = [np.histogram(probabilities[rows], edges)[0] / max(int(rows.sum()), 1) for _, rows in groups]
    most = float(max(part.max() for part in shares)) * 1.12
    ticks = tuple(sign * share for share in Axis.over("", [most], zero=True, count=3).ticks for sign in (1, -1))
    ticks = tuple(sorted({tick for tick in ticks if abs(tick) <= most}))
    y = _Mirrored("share of the rows", -most, most, ticks, percent=True)
    chart = Chart(Axis.of_shares(said), y, height=374)
    for part, sign, series in ((shares[0], 1, 1), (shares[1], -1, 2)):
        for position, share in enumerate(part.tolist()):
            if share:
                low, high = sorted((0.0, sign * share))
                chart.bar((edges[position] + 0.003, low), (edges[position + 1] - 0.003, high), series)
    if evaluation.task == "binary":
        chart.line([(evaluation.threshold, -most), (evaluation.threshold, most)], 0, dashed=True)
        chart.text(evaluation.threshold, most, f"threshold {evaluation.threshold:g}", dx=5, dy=-3)
        missed = probabilities[groups[0][1]] < evaluation.threshold
        wrong = probabilities[groups[1][1]] >= evaluation.threshold
        caption = (
            f"Up are the rows that were “{groups[0][0]}”, down the others, each in shares of its own. The better a "
            f"model tells them apart, the less the two sides overlap: {_share_of(missed)} of the upper lie left of the "
            f"threshold, {_share_of(wrong)} of the lower right of it."
        )
    else:
        sure = probabilities >= 0.9
        sure_and_wrong = int((groups[1][1] & sure).sum())
        caption = (
            "Up are the rows answered rightly, down those answered wrongly, each in shares of its own. A model that "
            "knows its limits is wrong only where it is unsure, to the left. "
        ) + (
            f"Of the {int(sure.sum()):,} answers given with at least {percent(0.9)}, {sure_and_wrong:,} are wrong."
            if sure.any()
            else f"No answer is given with {percent(0.9)} or more."
        )
    for (label, rows), sign, series in zip(groups, (1, -1), (1, 2), strict=True):
        # In the emptier half, where the bars leave room.
        left = np.histogram(probabilities[rows], [0, 0.5, 1])[0]
        anchor, x = ("end", 0.99) if left[0] > left[1] else ("start", 0.01)
        chart.text(x, sign * most * 0.86, f"{label} ({int(rows.sum()):,})", series, anchor=anchor, dy=4)
    told = ", ".join(f"{label} {int(rows.sum())} rows" for label, rows in groups)
    return Figure("Where the probabilities lie", draw(f"Histogram of probabilities: {told}.", chart), caption)


@dataclass(frozen=True)
class _Mirrored(Axis):
    """A scale whose lower half counts downwards."""

    def written(self, tick: float) -> str:
        return super().written(abs(tick))
