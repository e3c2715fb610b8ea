"""How well each column fits the others: every column is predicted from all others, by a linear model and by a tree.

Both are fitted to old and new rows together, so they treat them alike, and a difference is no effect of the fitting.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from seatrial.model.features import Array
from seatrial.trial.traits.moment_marks import parts
from seatrial.trial.traits.pool import Pool, PooledColumn, normal_scores

RIDGE = 0.02
MOST_LEVELS, FEW_LEVELS = 12, 3  # of a category; and of one of many columns
WIDE = 60  # columns from which each gets fewer levels
MOST_TREES = 40  # columns that are predicted by trees as well
TREE_DEPTH, LEAF = 8, 15
CLOSE = 0.6  # correlation from which two columns are closely related
MOST_TRIED = 80  # columns that a tree tries for each split
TEXT = ("a text",)  # stands for the levels of a text, which is only coded by its length


@dataclass(frozen=True)
class Coded:
    """One column as numbers (n, k): a score, or a 0/1 column for each level, and what they are called."""

    column: PooledColumn
    matrix: Array
    levels: tuple[str, ...]

    @property
    def is_score(self) -> bool:
        """Whether the first number is the column's score, an order; otherwise all are levels."""
        return not self.levels


@dataclass(frozen=True)
class Prediction:
    """A column's values as predicted from the other columns: both (n, k), and the share of variance explained."""

    coded: Coded
    actual: Array
    expected: Array

    @cached_property
    def explained(self) -> float:
        """The share of the variance that the other columns explain, 0 to 1; of levels, of all together."""
        there = ~self.coded.column.missing
        actual, left = self.actual[there], (self.actual - self.expected)[there]
        total = float(((actual - actual.mean(axis=0)) ** 2).sum()) if len(actual) else 0.0
        return 1 - float((left**2).sum()) / total if total else 0.0

    @cached_property
    def signed(self) -> Array:
        """Actual less expected values (n, k), 0 where missing."""
        return np.where(self.coded.column.missing[:, None], 0.0, self.actual - self.expected)

    @cached_property
    def losses(self) -> Array:
        """How badly each row fits (n,): the distance of a number, the log loss of a level; the mean where missing."""
        return self._filled(np.abs(self.signed[:, 0]) if self.coded.is_score else -np.log(self._chance(self.expected)))

    @cached_property
    def surprise(self) -> Array:
        """How much less likely each value is in its own row than in any row (n,): minus a log likelihood ratio.

        A row that is hard to predict counts little either way, so of values that belong to other rows the mean of this
        is further off than that of losses if a column is related to the others only loosely. The mean where missing.
        """
        there = ~self.coded.column.missing
        if not self.coded.is_score:
            share = np.broadcast_to(self.actual[there].mean(axis=0), self.actual.shape)
            return self._filled(np.log(self._chance(share)) - np.log(self._chance(self.expected)))
        actual, left = self.actual[:, 0], self.signed[:, 0]
        centre, whole, rest = actual[there].mean(), actual[there].std() or 1.0, left[there].std() or 1.0
        ratio = (left / rest) ** 2 / 2 - ((actual - centre) / whole) ** 2 / 2 + np.log(rest / whole)
        return self._filled(ratio)

    def _chance(self, expected: Array) -> Array:
        """The probability of each row's level (n,), at least 0.01, by the expected shares of all levels (n, k)."""
        hit = (self.actual * np.clip(expected, 0.01, 1)).sum(axis=1)
        other = np.clip(1 - expected.sum(axis=1), 0.01, 1)
        return np.asarray(np.clip(hit + np.where(self.actual.sum(axis=1) > 0, 0.0, other), 0.01, 1))

    def _filled(self, values: Array) -> Array:
        there = ~self.coded.column.missing
        return np.where(there, values, values[there].mean() if there.any() else 0.0)


def code_columns(pool: Pool) -> list[Coded]:
    """Code all columns; those with one value are left out."""
    most = MOST_LEVELS if len(pool.columns) <= WIDE else FEW_LEVELS
    coded = [_coded(column, most) for column in pool.columns]
    return [each for each in coded if each.matrix.shape[1] and np.ptp(each.matrix, axis=0).max() > 0]


def _coded(column: PooledColumn, most: int) -> Coded:
    numbers: list[Array] = []
    levels: list[str] = []
    if column.is_category and (column.form == "text" or column.codes.max() < 5):
        known, counts = np.unique(column.values[~column.missing], return_counts=True)
        kept = known[np.argsort(-counts, kind="stable")][:most]
        numbers = [(column.values == value).astype(float) for value in kept]
        levels = [column.texts[int(v)] if column.form == "text" else f"{v:.10g}" for v in kept]
    elif column.form == "text":
        lengths = np.array([len(text) for text in column.texts])
        there = ~column.missing
        score = np.full(len(column.values), np.nan)
        score[there] = lengths[column.values[there].astype(int)]
        return Coded(column, _with_missing([normal_scores(score)], column), TEXT)
    else:
        numbers = [column.score]
        if column.form == "moment":
            number = parts(column.values)
            angle = np.nan_to_num(number["month"]) * np.pi / 6
            numbers += [np.sin(angle), np.cos(angle), normal_scores(number["weekday"]), normal_scores(number["hour"])]
        else:
            numbers += [_bent(column.score, edge) for edge in ((-0.67, 0.0, 0.67) if most > FEW_LEVELS else (0.0,))]
    return Coded(column, _with_missing(numbers, column), tuple(levels))


def _bent(score: Array, edge: float) -> Array:
    """A straight line from `edge` on: with a few of these, a linear model bends."""
    return np.maximum(score - edge, 0.0)


def _with_missing(numbers: list[Array], column: PooledColumn) -> Array:
    return np.stack([*numbers, *([column.missing.astype(float)] if column.missing.any() else [])], axis=1)


def predict_linear(coded: list[Coded]) -> list[Prediction]:
    """Predict each column by ridge regression from all others, at once from one inverse of their covariances."""
    scaled, _, spread = _scaled(coded)
    inverse = np.linalg.inv(scaled.T @ scaled / len(scaled) + RIDGE * np.eye(scaled.shape[1]))
    mixed = scaled @ inverse
    predictions, start = [], 0
    for each in coded:
        place = slice(start, start + each.matrix.shape[1])
        start = place.stop
        # The regression on the other columns, by the inverse of a partitioned matrix.
        left = np.linalg.solve(inverse[place, place], mixed[:, place].T).T * spread[place]
        predictions.append(_prediction(each, each.matrix - left))
    return predictions


def predict_from_afar(coded: list[Coded]) -> list[Prediction]:
    """Predict columns that are closely related to another one from those that are not, by ridge regression.

    A join brings several columns at a time. If it is wrong, they still fit each other, and only these others show it.
    """
    scaled, centre, spread = _scaled(coded)
    related = scaled.T @ scaled / len(scaled)
    owner = np.repeat(np.arange(len(coded)), [each.matrix.shape[1] for each in coded])
    predictions: list[Prediction] = []
    for k, each in enumerate(coded):
        own = owner == k
        close = np.unique(owner[np.abs(related[own]).max(axis=0) > CLOSE])
        far = ~np.isin(owner, close)
        if len(close) > 1 and far.any() and len(predictions) < MOST_TREES:
            within = related[np.ix_(far, far)] + RIDGE * np.eye(int(far.sum()))
            weights = np.linalg.solve(within, related[np.ix_(far, own)])
            predictions.append(_prediction(each, scaled[:, far] @ weights * spread[own] + centre[own]))
    return predictions


def _scaled(coded: list[Coded]) -> tuple[Array, Array, Array]:
    """All columns' numbers (n, k) with mean 0 and spread 1, and their means and spreads (k,)."""
    matrix = np.concatenate([each.matrix for each in coded], axis=1)
    centre, spread = matrix.mean(axis=0), matrix.std(axis=0)
    spread[spread < 1e-12] = 1.0
    return (matrix - centre) / spread, centre, spread


def _prediction(coded: Coded, expected: Array) -> Prediction:
    parts_used = len(coded.levels) or 1
    return Prediction(coded, coded.matrix[:, :parts_used], expected[:, :parts_used])


def predict_by_trees(coded: list[Coded], chosen: list[int]) -> list[Prediction]:
    """Predict each of the chosen columns by a tree from all others, fitted on the other half of the rows."""
    from sklearn.tree import DecisionTreeRegressor

    plain = [_ordered(each) for each in coded]
    matrix = np.concatenate(plain, axis=1)
    owner = np.repeat(np.arange(len(coded)), [part.shape[1] for part in plain])
    half = np.random.default_rng(3).permutation(len(matrix)) % 2
    predictions = []
    for k in chosen:
        target = coded[k].matrix[:, : len(coded[k].levels) or 1]
        expected = np.zeros_like(target)
        others = matrix[:, owner != k]
        most = min(MOST_TRIED, others.shape[1])
        for side in (0, 1):
            fitted = (half != side) & ~coded[k].column.missing
            if fitted.sum() < 2 * LEAF:
                continue
            tree = DecisionTreeRegressor(max_depth=TREE_DEPTH, min_samples_leaf=LEAF, max_features=most, random_state=0)
            tree.fit(others[fitted], target[fitted])
            expected[half == side] = tree.predict(others[half == side]).reshape(-1, target.shape[1])
        predictions.append(_prediction(coded[k], expected))
    return predictions


def together(first: Prediction, second: Prediction) -> Prediction:
    """The mean of two predictions of one column: errors of a straight line and of steps are different ones."""
    return Prediction(first.coded, first.actual, (first.expected + second.expected) / 2)


def _ordered(coded: Coded) -> Array:
    """What a tree needs of a column: one number with an order, or its levels."""
    if not coded.is_score:
        return coded.matrix
    return np.where(coded.column.missing, -5.0, coded.column.score)[:, None].astype(np.float32)
