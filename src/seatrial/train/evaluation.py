"""How good a fitted pipeline is: metrics with intervals next to a trivial baseline, and each column's importance."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from seatrial.core.errors import SeatrialError
from seatrial.core.progress import Progress, silent
from seatrial.model import bootstrap
from seatrial.model.decision import DecisionRule
from seatrial.model.features import Array, Columns, Floats
from seatrial.pages.words import short
from seatrial.train.metrics import LabelledScores, Measure, measures_of

Name = Callable[[object], str]  # how a label is written for people

SHUFFLES = 8
MOST_SHUFFLED_ROWS = 5_000  # importance ranks the columns, for which fewer rows are enough
FEWEST_SHUFFLED_ROWS = 100
IMPORTANCE_SECONDS = 60.0  # a compiled graph takes a few; a slow pipeline that does not compile may need more


@dataclass(frozen=True)
class Metric:
    """One metric with its 95 % bootstrap interval, and the baselines' values on the same rows.

    `baseline` is the trivial one; `single` is that of the best single column, and `linear` of a plain linear model.
    """

    name: str
    label: str
    value: float
    low: float | None
    high: float | None
    baseline: float | None
    higher_is_better: bool
    single: float | None = None
    linear: float | None = None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Both ends, where the rows determine them."""
        return None if self.low is None or self.high is None else (self.low, self.high)


@dataclass(frozen=True)
class Importance:
    """How much worse the headline metric gets, in its own unit, when a column's values are shuffled among the rows.

    `hurried` says that rows or columns were left out to save time, so that another machine gets other numbers.
    """

    column: str
    mean: float
    spread: float
    hurried: bool = False


@dataclass(frozen=True)
class Evaluation:
    """The held-out rows' labels, the predictions for them, and the metrics; the first metric is the headline.

    `scores` are (n, classes) probabilities, or (n,) predictions; `predicted` are labels, or the predictions again.
    `trivial` is the baseline's only prediction: the most frequent training label, or the training labels' mean.
    `weights` are those of the rows, None where all count the same.
    """

    rule: DecisionRule
    labels: Array
    scores: Array
    predicted: Array
    trivial: Any
    metrics: tuple[Metric, ...]
    best_column: str = ""
    weights: Floats | None = None

    def beside(self, column: str, single: Array, linear: Array) -> "Evaluation":
        """Add the scores of the best single column and of a plain linear model for the same rows."""
        known = {measure.name: measure for measure in measures_of(self.rule.task, self.labels)}
        both = [labelled(self.rule, self.labels, scores, self.weights) for scores in (single, linear)]
        metrics = []
        for metric in self.metrics:
            values = [known[metric.name].of(rows) for rows in both]
            one, other = (value if np.isfinite(value) else None for value in values)
            metrics.append(replace(metric, single=one, linear=other))
        return replace(self, metrics=tuple(metrics), best_column=column)

    def take(self, rows: Array) -> "Evaluation":
        """The same metrics, with the labels and the predictions of some of the rows."""
        known = {name: getattr(self, name) for name in ("labels", "scores", "predicted", "weights")}
        return replace(self, **{name: values[rows] for name, values in known.items() if values is not None})

    @property
    def regression(self) -> bool:
        """Whether numbers are predicted, and not classes."""
        return self.rule.task == "regression"

    @property
    def positive(self) -> Any:
        """The positive label of a binary task."""
        return self.rule.classes[self.rule.positive]

    @property
    def negative(self) -> Any:
        """The other label of a binary task."""
        return self.rule.classes[1 - self.rule.positive]

    @property
    def never_predicted(self) -> tuple[Any, ...]:
        """The classes that held-out rows have and that none of them is predicted as."""
        return tuple(c for c in self.rule.classes if (self.labels == c).any() and not (self.predicted == c).any())

    @property
    def headline(self) -> str:
        """The name of the most informative metric."""
        return self.metrics[0].name

    def metric(self, name: str) -> Metric | None:
        """Return a metric by its name; None where these rows do not determine it."""
        return next((metric for metric in self.metrics if metric.name == name), None)

    def terminal_rows(self) -> list[tuple[str, str, str, str]]:
        """Return label, value, interval and baseline of each metric, as terminal and report show them."""
        return [
            (
                metric.label,
                short(metric.value),
                "" if metric.interval is None else " to ".join(map(short, metric.interval)),
                "" if metric.baseline is None else short(metric.baseline),
            )
            for metric in self.metrics
        ]


def evaluate(
    rule: DecisionRule,
    *,
    y_true: Array,
    scores: Array,
    y_train: Array,
    seed: int,
    weights: Floats | None = None,
    train_weights: Floats | None = None,
    groups: Array | None = None,
) -> Evaluation:
    """Measure scores on held-out rows, next to a baseline that knows only the distribution of the training labels.

    The baseline predicts the most frequent label, with the labels' shares as probabilities, or the mean. A metric that
    the rows do not determine, such as ROC AUC on rows of one class, is left out. Rows count by their weights, if they
    have some. Where they come in `groups` (n,), the intervals are those of other groups, not of other rows. Raises
    SeatrialError for scores that do not fit the task or are not finite.
    """
    _check(rule, scores)
    rows = labelled(rule, y_true, scores, weights)
    baseline, trivial = _baseline(rule, rows, y_train, train_weights)
    measured = [(measure, measure.of(rows)) for measure in measures_of(rule.task, y_true)]
    measured = [(measure, value) for measure, value in measured if np.isfinite(value)]
    metrics = []
    for (measure, value), ends in zip(measured, _intervals(measured, rows, seed, groups), strict=True):
        low, high = ends or (None, None)
        reached = measure.of(baseline)
        known = reached if np.isfinite(reached) else None
        metrics.append(Metric(measure.name, measure.label, value, low, high, known, measure.higher_is_better))
    predicted = scores if rule.task == "regression" else np.array(rule.classes, dtype=y_true.dtype)[rows.predicted]
    return Evaluation(rule, y_true, scores, predicted, trivial, tuple(metrics), weights=weights)


def permutation_importance(
    evaluation: Evaluation,
    held_out: Columns,
    score: Callable[[Columns], Array],
    *,
    seed: int,
    progress: Progress = silent,
    seconds: float = IMPORTANCE_SECONDS,
) -> tuple[Importance, ...]:
    """Shuffle each raw column among the held-out rows, and measure the loss in the headline metric (Breiman 2001).

    Columns that the model does not use come out as exactly 0. A column is left out where a feature function fails on
    the shuffled rows, which can happen where the schema has rules across columns; and when the time is over. Where all
    rows would take more than half of the time, the rows that are shuffled depend on the speed of the machine.
    """
    began = time.monotonic()
    generator = np.random.default_rng(seed)
    part = _shuffled_rows(held_out, score, generator, seconds)
    held_out = {name: values[part] for name, values in held_out.items()}
    labels, rows = evaluation.labels[part], len(part)
    weights = None if evaluation.weights is None else evaluation.weights[part]
    hurried = rows < min(len(evaluation.labels), MOST_SHUFFLED_ROWS)
    measure = headline_measure(evaluation)
    sign = 1.0 if measure.higher_is_better else -1.0

    def measured(table: Columns) -> list[float]:
        parts = np.split(score(table), SHUFFLES)
        return [measure.of(labelled(evaluation.rule, labels, part, weights)) for part in parts]

    # All shuffles of a column in one call, since a pipeline's cost is per call rather than per row. The unshuffled rows
    # are scored in a call of the same shape, so that the loss of an unused column is exactly 0.
    shuffles = np.concatenate([generator.permutation(rows) for _ in range(SHUFFLES)])
    repeated = {name: np.tile(values, SHUFFLES) for name, values in held_out.items()}
    before = measured(repeated)
    if not np.isfinite(before[0]):
        return ()
    importance: list[Importance] = []
    reported = began
    for number, (name, values) in enumerate(held_out.items(), 1):
        now = time.monotonic()
        if now - began > seconds:
            progress(f"left out the importance of {len(held_out) - number + 1} columns after {seconds:.0f} s")
            return tuple(replace(one, hurried=True) for one in importance)
        if number == 1 or now - reported > 1:
            progress(f"measuring the importance of column {number} of {len(held_out)}")
            reported = now
        try:
            after = measured({**repeated, name: values[shuffles]})
        except SeatrialError:
            continue
        losses = [sign * (b - a) for b, a in zip(before, after, strict=True)]
        importance.append(Importance(name, float(np.mean(losses)), float(np.std(losses)), hurried))
    return tuple(importance)


def _shuffled_rows(
    held_out: Columns, score: Callable[[Columns], Array], generator: np.random.Generator, seconds: float
) -> Array:
    """The rows to shuffle, in order: so many of them that all columns can be measured in half of the time."""
    part: Array = np.sort(generator.permutation(len(next(iter(held_out.values()))))[:MOST_SHUFFLED_ROWS])
    began = time.monotonic()
    score({name: values[part] for name, values in held_out.items()})
    needed = (time.monotonic() - began) * SHUFFLES * len(held_out)
    if needed <= seconds / 2:
        return part
    affordable = max(int(len(part) * seconds / 2 / needed), FEWEST_SHUFFLED_ROWS)
    return np.sort(generator.permutation(part)[:affordable])


def _check(rule: DecisionRule, scores: Array) -> None:
    shape: tuple[int, ...] = () if rule.task == "regression" else (len(rule.classes),)
    if scores.shape[1:] != shape:
        actual = f"{scores.shape[1]} numbers per row" if scores.ndim > 1 else "one number per row"
        needed = "one number" if rule.task == "regression" else f"the probabilities of {len(rule.classes)} classes"
        raise SeatrialError(
            f"The pipeline predicts {actual}, but the task is {rule.task}, which needs {needed}.",
            hint="Build a classifier for classes and a regressor for numbers in pipeline.py, or set the task.",
        )
    bad = int((~np.isfinite(scores)).reshape(len(scores), -1).any(axis=1).sum())
    if bad:
        raise SeatrialError(
            f"The pipeline's predictions for {bad:,} of {len(scores):,} held-out rows are not finite.",
            hint="Look for a division by zero, a logarithm of zero, or an overflow.",
        )


def headline_measure(evaluation: Evaluation) -> Measure:
    """Return what computes the headline metric."""
    return next(m for m in measures_of(evaluation.rule.task, evaluation.labels) if m.name == evaluation.headline)


def labelled(rule: DecisionRule, labels: Array, scores: Array, weights: Floats | None = None) -> LabelledScores:
    """Return labels and scores as the metrics take them."""
    positions = rule.positions(labels)
    return LabelledScores(positions, scores, rule.decide(scores), len(rule.classes), rule.positive, weights)


def _baseline(
    rule: DecisionRule, rows: LabelledScores, training: Array, weights: Floats | None
) -> tuple[LabelledScores, Any]:
    """Return the trivial predictions, and the one label or number that they consist of."""
    count = len(rows.truth)
    if rule.task == "regression":
        mean = float(np.average(training, weights=weights))
        constant = np.full(count, mean)
        return replace(rows, scores=constant, predicted=constant), mean
    shares = np.array([np.average(training == label, weights=weights) for label in rule.classes])
    most = int(shares.argmax())
    scores, predicted = np.tile(shares, (count, 1)), np.full(count, most)
    return replace(rows, scores=scores, predicted=predicted), rule.classes[most]


def _intervals(
    measured: Sequence[tuple[Measure, float]], rows: LabelledScores, seed: int, groups: Array | None
) -> list[tuple[float, float] | None]:
    count = len(rows.truth)
    if count < bootstrap.FEWEST_ROWS:
        return [None for _ in measured]
    if count > bootstrap.MOST_ROWS:
        part = np.sort(np.random.default_rng(seed).permutation(count)[: bootstrap.MOST_ROWS])
        rows, groups = rows.take(part), None if groups is None else groups[part]
    resampled: list[list[Array]] = [[] for _ in measured]
    for counts in bootstrap.drawn_counts(len(rows.truth), seed, bootstrap.resamples_for(rows.classes), groups):
        for (measure, _), values in zip(measured, resampled, strict=True):
            values.append(measure.resampled(rows, counts))
    scale = float(np.sqrt(len(rows.truth) / count))
    return [
        bootstrap.interval(np.concatenate(values), value, scale)
        for (_, value), values in zip(measured, resampled, strict=True)
    ]
