"""Answers and outcomes as counts: cells of alike answers, and in each what turned out to be right.

All three tasks become one table of (cells, outcomes). A cell is a range of probabilities, a class with a range of
confidence, or a range of predicted numbers; an outcome is a class, or a range of absolute errors. Every metric, the
expected and the measured one, is a metric of such a table, so a year of traffic is some numbers an hour.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from seatrial.model.decision import DecisionRule
from seatrial.model.features import Array, Columns, Floats
from seatrial.train.metrics import (
    ACCURACY,
    BALANCED_ACCURACY,
    BRIER,
    LOG_LOSS,
    MAE,
    RMSE,
    ROC_AUC,
    LabelledScores,
    Measure,
)

FEWEST_HELD_OUT = 30  # with fewer rows, nothing is known about the errors
BINARY_CELLS = 200  # by quantiles of the probability
ERROR_RANGES = 48
REGRESSION_CELLS = 16
MOST_GROUPS = 20  # of cells that share a correction
GROUP_ROWS = 30
SHRINKAGE = 10.0  # rows that a group's own correction must outweigh
ERROR_SHRINKAGE = 2.0  # of a regression, whose errors differ more from cell to cell
CLASS_ROUNDS = 6  # of making the expected shares of classes what they were
SMALLEST = 1e-6


@dataclass(frozen=True)
class KnownRows:
    """A release's held-out rows (n,): what it answers for them, and what was right.

    `scores` are (n, classes) probabilities, or (n,) predictions; `truth` are positions among the rule's classes, or
    numbers. `columns` are the inputs by their names.
    """

    rule: DecisionRule
    scores: Array
    truth: Array
    columns: Columns

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(self.truth)


@dataclass(frozen=True)
class ScoreCells:
    """The cells of one release, from its held-out rows.

    `edges` separate cells; `errors` separate outcomes of a regression. `scores` are those that stand for a cell, and
    `size` and `outcomes` the table's shape. `groups` (cells,) are those that share a correction.
    """

    rule: DecisionRule
    edges: Floats
    errors: Floats
    scores: Array
    groups: Array
    typical_errors: Floats

    @property
    def size(self) -> int:
        """The number of cells."""
        return len(self.groups)

    @property
    def outcomes(self) -> int:
        """The number of outcomes."""
        return len(self.rule.classes) if self.classifies else len(self.typical_errors)

    @property
    def classifies(self) -> bool:
        """Whether outcomes are classes."""
        return self.rule.task != "regression"

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The metrics, the headline first."""
        if not self.classifies:
            return (RMSE, MAE)
        usual = (ACCURACY, BALANCED_ACCURACY, LOG_LOSS)
        return (ROC_AUC, *usual, BRIER) if self.rule.task == "binary" else usual

    def cell_of(self, scores: Array) -> Array:
        """The cell of each answer (n,)."""
        return _cells(self.rule, self.edges, scores)

    def outcome_of(self, scores: Array, truth: Array) -> Array:
        """The outcome of each answer (n,), given what was right; -1 for an unknown class."""
        if self.classifies:
            return np.asarray(truth, dtype=np.int64)
        return np.asarray(np.searchsorted(self.errors, np.abs(np.asarray(truth) - scores), side="right"))

    def counts(self, scores: Array, truth: Array) -> Array:
        """How many rows each cell and outcome has, (cells, outcomes)."""
        outcomes = self.outcome_of(scores, truth)
        known = outcomes >= 0
        places = self.cell_of(scores)[known] * self.outcomes + outcomes[known]
        table = np.bincount(places, minlength=self.size * self.outcomes).reshape(self.size, self.outcomes)
        return np.asarray(table)

    @cached_property
    def rows(self) -> LabelledScores:
        """A row for each cell and outcome, in the order of a table that is flattened."""
        count = self.outcomes
        if not self.classifies:
            errors = np.tile(self.typical_errors, self.size)
            return LabelledScores(errors, np.zeros_like(errors), np.zeros_like(errors))
        scores = np.repeat(self.scores, count, axis=0)
        truth = np.tile(np.arange(count), self.size)
        return LabelledScores(truth, scores, self.rule.decide(scores), count, self.rule.positive)

    def measured(self, measure: Measure, tables: Array) -> Array:
        """A metric of tables (draws, cells, outcomes) of counts, which need not be whole; NaN where it is undefined."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return measure.compute(self.rows, tables.reshape(len(tables), -1).astype(np.float64))

    def shares(self, tables: Array) -> Array:
        """The calibrated shares of outcomes in each cell, (draws, cells, outcomes), given tables of known rows.

        The scores' own shares, made to agree with the known rows over all of them, and then group by group of cells as
        far as there are rows: with few, they stay what the model says.
        """
        totals = tables.sum(axis=2)
        if self.classifies:
            base = _with_class_shares(self.scores, tables)
        else:
            base = np.broadcast_to(tables.sum(axis=1, keepdims=True) / totals.sum(axis=1)[:, None, None], tables.shape)
        member = np.eye(int(self.groups.max()) + 1)[self.groups]
        surplus = np.einsum("dck,cg->dgk", tables - totals[:, :, None] * base, member)
        surplus /= (totals @ member + (SHRINKAGE if self.classifies else ERROR_SHRINKAGE))[:, :, None]
        # An error that is larger than any known one has no share, since it would weigh most.
        found = np.maximum(base + surplus[:, self.groups], SMALLEST if self.classifies else 0.0)
        return np.asarray(found / found.sum(axis=2, keepdims=True))


def score_cells(known: KnownRows) -> ScoreCells:
    """Choose the cells by a release's held-out rows, of which there must be at least FEWEST_HELD_OUT."""
    rule = known.rule
    edges = _edges(rule, known.scores)
    cells = _cells(rule, edges, known.scores)
    if rule.task == "regression":
        size = len(edges) + 1
        errors, typical = _error_ranges(np.abs(known.truth - known.scores))
        return ScoreCells(rule, edges, errors, np.zeros(size), np.arange(size), typical)
    scores = _typical_scores(rule, edges, known.scores, cells)
    groups = np.arange(len(scores)) if rule.task == "multiclass" else _groups(cells, len(scores))
    return ScoreCells(rule, edges, np.empty(0), scores, groups, np.empty(0))


def _edges(rule: DecisionRule, scores: Array) -> Floats:
    if rule.task == "binary":
        own = scores[:, rule.positive]
        quantiles = np.quantile(own, np.linspace(0, 1, BINARY_CELLS + 1)[1:-1])
        return np.unique([*quantiles, *np.linspace(0.02, 0.98, 49), rule.threshold])
    if rule.task == "multiclass":
        bins = int(np.clip(len(scores) // (GROUP_ROWS * len(rule.classes)), 2, 12))
        return np.unique(np.quantile(scores.max(axis=1), np.linspace(0, 1, bins + 1)[1:-1]))
    bins = int(np.clip(len(scores) // GROUP_ROWS, 1, REGRESSION_CELLS))
    return np.unique(np.quantile(scores, np.linspace(0, 1, bins + 1)[1:-1]))


def _cells(rule: DecisionRule, edges: Floats, scores: Array) -> Array:
    if rule.task == "binary":
        return np.searchsorted(edges, scores[:, rule.positive], side="right")
    if rule.task == "multiclass":
        ranges = np.searchsorted(edges, scores.max(axis=1), side="right")
        return np.asarray(rule.decide(scores) * (len(edges) + 1) + ranges)
    return np.asarray(np.searchsorted(edges, scores, side="right"))


def _typical_scores(rule: DecisionRule, edges: Floats, scores: Array, cells: Array) -> Array:
    """The mean scores of each cell; for one without rows, what lies between its ends."""
    count = len(rule.classes)
    ends = np.concatenate([[0.0 if rule.task == "binary" else 1 / count], edges, [1.0]])
    middle = (ends[1:] + ends[:-1]) / 2
    if rule.task == "binary":
        usual = np.empty((len(middle), 2))
        usual[:, rule.positive], usual[:, 1 - rule.positive] = middle, 1 - middle
    else:
        usual = np.empty((count, len(middle), count))
        usual[:] = ((1 - middle) / (count - 1))[None, :, None]
        for position in range(count):
            usual[position, :, position] = middle
        usual = usual.reshape(-1, count)
    sums = np.stack([np.bincount(cells, scores[:, k], len(usual)) for k in range(count)], axis=1)
    rows = np.bincount(cells, minlength=len(usual))[:, None]
    return np.asarray(np.where(rows > 0, sums / np.maximum(rows, 1), usual))


def _groups(cells: Array, size: int) -> Array:
    """Neighbouring cells of a binary task, with about as many held-out rows in each group."""
    rows = np.bincount(cells, minlength=size)
    count = int(np.clip(len(cells) // GROUP_ROWS, 1, MOST_GROUPS))
    before = np.cumsum(rows) - rows / 2
    return np.asarray(np.minimum((before * count / len(cells)).astype(np.int64), count - 1))


def _error_ranges(errors: Floats) -> tuple[Floats, Floats]:
    """Ranges of absolute errors, to a thousand times the largest known one, and the error that stands for each."""
    largest = float(errors.max()) or 1.0
    inner = np.unique(np.quantile(errors, np.linspace(0, 1, ERROR_RANGES + 1)[1:-1]))
    outer = largest * 2.0 ** (np.arange(41) / 4)
    edges = np.unique([*inner, *outer])
    ranges = np.searchsorted(edges, errors, side="right")
    rows = np.bincount(ranges, minlength=len(edges) + 1)
    ends = np.concatenate([[0.0], edges, [edges[-1]]])
    squares = np.bincount(ranges, errors**2, len(edges) + 1) / np.maximum(rows, 1)
    return edges, np.where(rows > 0, np.sqrt(squares), (ends[1:] + ends[:-1]) / 2)


def _with_class_shares(scores: Array, tables: Array) -> Array:
    """The scores of cells, times a factor for each class that makes their sums those of the tables' outcomes."""
    totals, wanted = tables.sum(axis=2), tables.sum(axis=1) + 0.5
    base = np.maximum(np.broadcast_to(scores, tables.shape), SMALLEST)
    for _ in range(CLASS_ROUNDS):
        sums = np.einsum("dc,dck->dk", totals, base) + 0.5
        base = base * (wanted / sums)[:, None, :]
        base = base / base.sum(axis=2, keepdims=True)
    return np.asarray(base)
