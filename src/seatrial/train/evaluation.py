"""How good a fitted pipeline is: metrics with intervals beside a trivial baseline, and what each column is worth."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seatrial.core.errors import SeatrialError
from seatrial.model import bootstrap
from seatrial.model.features import Array, Columns
from seatrial.model.metadata import Task
from seatrial.pages.words import short
from seatrial.train.metrics import Answers, Measure, measures_of

SHUFFLES = 8
MOST_SHUFFLED_ROWS = 5_000  # shuffling says which columns matter, not how good the model is: fewer rows do


@dataclass(frozen=True)
class Metric:
    """One figure with its 95 % bootstrap interval, and what the trivial baseline reaches on the same rows."""

    name: str
    label: str
    value: float
    low: float | None
    high: float | None
    baseline: float | None
    higher_is_better: bool

    @property
    def interval(self) -> tuple[float, float] | None:
        """Both ends, where the rows could tell them."""
        return None if self.low is None or self.high is None else (self.low, self.high)


@dataclass(frozen=True)
class Importance:
    """How much worse the headline metric is, in its own unit, when a column's values are shuffled among the rows."""

    column: str
    mean: float
    spread: float


@dataclass(frozen=True)
class Evaluation:
    """The held-out rows' labels, what was answered, and the metrics; the headline is the most telling one.

    `scores` are (n, classes) probabilities, or (n,) predictions; `decided` are labels, or the predictions again.
    `trivial` is what the baseline always answers: the most frequent training label, or the training labels' mean.
    """

    task: Task
    classes: tuple[Any, ...]
    positive: Any
    threshold: float
    labels: Array
    scores: Array
    decided: Array
    trivial: Any
    metrics: tuple[Metric, ...]

    @property
    def headline(self) -> str:
        """The name of the metric that stands for all."""
        return self.metrics[0].name

    def metric(self, name: str) -> Metric | None:
        """A metric by its name, where these rows could tell it."""
        return next((metric for metric in self.metrics if metric.name == name), None)

    def terminal_rows(self) -> list[tuple[str, str, str, str]]:
        """Label, value, interval and baseline, as a terminal shows them."""
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
    *,
    task: Task,
    classes: Sequence[Any],
    positive: Any,
    threshold: float,
    y_true: Array,
    scores: Array,
    y_train: Array,
    seed: int,
) -> Evaluation:
    """Measure scores on held-out rows, beside a baseline that knows the training labels' distribution alone.

    The baseline answers the most frequent label with the labels' shares as probabilities, or the mean. A metric that
    the rows cannot tell, as ROC AUC on rows of one class, is left out. Raises SeatrialError for scores that are no
    such task's, or not finite.
    """
    _check(task, classes, scores)
    answers = _answers(task, classes, positive, threshold, y_true, scores)
    baseline, trivial = _baseline(task, classes, positive, y_true, y_train)
    told = [(measure, value) for measure in measures_of(task, y_true) if _told(value := measure.of(answers))]
    intervals = _intervals(told, answers, seed)
    metrics = []
    for (measure, value), ends in zip(told, intervals, strict=True):
        low, high = ends or (None, None)
        reached = measure.of(baseline)
        better = measure.higher_is_better
        metrics.append(
            Metric(measure.name, measure.label, value, low, high, reached if _told(reached) else None, better)
        )
    decided = scores if task == "regression" else np.array(classes, dtype=y_true.dtype)[answers.decided]
    return Evaluation(task, tuple(classes), positive, threshold, y_true, scores, decided, trivial, tuple(metrics))


def permutation_importance(
    evaluation: Evaluation,
    held_out: Columns,
    labels: Array,
    score: Callable[[Columns], Array],
    *,
    seed: int,
) -> tuple[Importance, ...]:
    """Shuffle each raw column among the held-out rows, and see what that does to the headline metric (Breiman 2001).

    Columns that the model does not use come out as exactly 0. A column is left out where a feature function refuses
    the mixed rows, as it may where the schema has rules across columns.
    """
    rows = len(labels)
    generator = np.random.default_rng(seed)
    if rows > MOST_SHUFFLED_ROWS:
        part = np.sort(generator.permutation(rows)[:MOST_SHUFFLED_ROWS])
        held_out, labels, rows = {name: values[part] for name, values in held_out.items()}, labels[part], len(part)
    measure = next(m for m in measures_of(evaluation.task, evaluation.labels) if m.name == evaluation.headline)
    sign = 1.0 if measure.higher_is_better else -1.0

    def figure(scores: Array) -> float:
        e = evaluation
        return measure.of(_answers(e.task, e.classes, e.positive, e.threshold, labels, scores))

    def figures(table: Columns) -> list[float]:
        return [figure(part) for part in np.split(score(table), SHUFFLES)]

    # All shuffles of a column in one call, since a pipeline costs by the call more than by the row; and the rows as
    # they are in a call of the same shape, so that a column without use changes no bit.
    shuffles = np.concatenate([generator.permutation(rows) for _ in range(SHUFFLES)])
    repeated = {name: np.tile(values, SHUFFLES) for name, values in held_out.items()}
    before = figures(repeated)
    if not _told(before[0]):
        return ()
    found = []
    for name, values in held_out.items():
        try:
            after = figures({**repeated, name: values[shuffles]})
        except SeatrialError:
            continue
        losses = [sign * (b - a) for b, a in zip(before, after, strict=True)]
        found.append(Importance(name, float(np.mean(losses)), float(np.std(losses))))
    return tuple(found)


def _check(task: Task, classes: Sequence[Any], scores: Array) -> None:
    shape: tuple[int, ...] = () if task == "regression" else (len(classes),)
    if scores.shape[1:] != shape:
        gives = f"{scores.shape[1]} numbers a row" if scores.ndim > 1 else "one number a row"
        wanted = "one number" if task == "regression" else f"the probabilities of {len(classes)} classes"
        raise SeatrialError(
            f"The pipeline gives {gives}, and the task, {task}, wants {wanted}.",
            hint="Let pipeline.py build a classifier for classes and a regressor for numbers, or set the task.",
        )
    bad = int((~np.isfinite(scores)).reshape(len(scores), -1).any(axis=1).sum())
    if bad:
        raise SeatrialError(
            f"The pipeline's predictions of {bad:,} of {len(scores):,} held-out rows are not finite.",
            hint="Look for a division by zero, a logarithm, or a scale that runs away.",
        )


def _told(value: float) -> bool:
    return bool(np.isfinite(value))


def _answers(
    task: Task, classes: Sequence[Any], positive: Any, threshold: float, labels: Array, scores: Array
) -> Answers:
    if task == "regression":
        return Answers(labels, scores, scores)
    place = {label: position for position, label in enumerate(classes)}
    truth = np.array([place[label] for label in labels.tolist()], dtype=np.int64)
    if task == "multiclass":
        return Answers(truth, scores, scores.argmax(axis=1), len(classes))
    yes = place[positive]
    decided = np.where(scores[:, yes] >= threshold, yes, 1 - yes)
    return Answers(truth, scores, decided, len(classes), yes)


def _baseline(task: Task, classes: Sequence[Any], positive: Any, labels: Array, training: Array) -> tuple[Answers, Any]:
    if task == "regression":
        middle = float(training.mean())
        constant = np.full(len(labels), middle)
        return Answers(labels, constant, constant), middle
    shares = np.array([(training == label).mean() for label in classes])
    likeliest = int(shares.argmax())
    scores = np.tile(shares, (len(labels), 1))
    told = _answers(task, classes, positive, 0.5, labels, scores)
    return Answers(told.truth, scores, np.full(len(labels), likeliest), len(classes), told.positive), classes[likeliest]


def _intervals(told: Sequence[tuple[Measure, float]], answers: Answers, seed: int) -> list[tuple[float, float] | None]:
    rows = len(answers.truth)
    if rows < bootstrap.FEWEST_ROWS:
        return [None for _ in told]
    narrowed = 1.0
    if rows > bootstrap.MOST_ROWS:
        narrowed = float(np.sqrt(bootstrap.MOST_ROWS / rows))
        answers = answers.take(np.sort(np.random.default_rng(seed).permutation(rows)[: bootstrap.MOST_ROWS]))
    drawn: list[list[Array]] = [[] for _ in told]
    for counts in bootstrap.drawn_counts(len(answers.truth), seed):
        for (measure, _), figures in zip(told, drawn, strict=True):
            figures.append(measure.redrawn(answers, counts))
    return [
        bootstrap.interval(np.concatenate(figures), value, narrowed)
        for (_, value), figures in zip(told, drawn, strict=True)
    ]
