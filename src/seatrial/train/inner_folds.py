"""Folds inside of a pipeline follow the project's split: those of a search, a calibration, a stack, a threshold.

By themselves they part rows at random or in the table's order. Rows of one customer would be on both sides, and the
parameters that recognize customers best would win (Kaufman et al. 2012).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from seatrial.core.errors import SeatrialError
from seatrial.core.split_settings import SplitBy
from seatrial.model.features import Array
from seatrial.model.row_folds import RowFold, row_folds

FOLDS = 5  # scikit-learn's, where `cv` is not set
# What fits the estimators in it on all rows that it gets itself.
ON_ALL_ROWS = (
    "ColumnTransformer",
    "FeatureUnion",
    "FixedThresholdClassifier",
    "OneVsRestClassifier",
    "Pipeline",
    "SelectFromModel",
    "TransformedTargetRegressor",
    "VotingClassifier",
    "VotingRegressor",
)
ONE_OUT = ("RidgeCV", "RidgeClassifierCV")  # without `cv` they leave out one row at a time, by a formula
SEEDED = ("TargetEncoder",)  # core/random_state.py gives it folds


@dataclass(frozen=True)
class InnerSplit:
    """How a table is split by time or by group: the times or groups `keys` (n,) of the rows that a pipeline gets."""

    by: SplitBy
    column: str
    keys: Array
    classes: bool
    seed: int

    def take(self, rows: Array) -> "InnerSplit":
        """Return the same for some of the rows."""
        return replace(self, keys=self.keys[rows])


class SplitFolds:
    """A splitter that gives folds of fixed rows; `asked` is the `cv` in whose place it is."""

    def __init__(self, folds: list[RowFold], rows: int, asked: int | None) -> None:
        self._folds, self._rows, self.asked = folds, rows, asked

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[RowFold]:  # noqa: ARG002 - their names
        """Yield the positions to fit on, and those to score."""
        if len(y) != self._rows:
            raise ValueError(f"the folds are of {self._rows} rows, and there are {len(y)}")
        yield from self._folds

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:  # noqa: ARG002
        """Return the number of folds."""
        return len(self._folds)


@contextmanager
def folds_by_split(pipeline: Any, split: InnerSplit | None, target: Array) -> Iterator[None]:
    """Give the estimators of a pipeline that make folds of all its rows those of the split, and take them back later.

    A splitter that the user chose stays. Raises SeatrialError where no such fold has every class on both sides.
    """
    if split is None:
        yield
        return
    for estimator in _making_folds(pipeline):
        estimator.set_params(cv=_folds(estimator, split, target))
    try:
        yield
    finally:
        _walk(pipeline, _take_back, set())


def _making_folds(estimator: Any) -> Iterator[Any]:
    kind = type(estimator).__name__
    if not hasattr(estimator, "get_params") or isinstance(estimator, type) or kind in SEEDED:
        return
    parameters = estimator.get_params(deep=False)
    if "cv" in parameters:
        cv = parameters["cv"]
        if (isinstance(cv, int) and not isinstance(cv, bool)) or (cv is None and kind not in ONE_OUT):
            yield estimator
    elif kind in ON_ALL_ROWS:
        for value in parameters.values():
            parts = value if isinstance(value, list) else [value]
            for part in parts:
                yield from _making_folds(part[1] if isinstance(part, tuple) and len(part) > 1 else part)


def _folds(estimator: Any, split: InnerSplit, target: Array) -> SplitFolds:
    asked = estimator.cv
    count = asked or FOLDS
    if split.classes:
        count = max(min(count, int(np.unique(target, return_counts=True)[1].min())), 2)
    every = _predicts_every_row(estimator)
    found = _of_every_row(split, target, count) if every else _row_folds(split, target, count)
    if len(found) < (1 if split.by == "time" and not every else 2):
        one = len(np.unique(split.keys)) == 1
        raise SeatrialError(
            f"{type(estimator).__name__} in pipeline.py needs folds by {split.by} (`{split.column}`), and "
            f"{f'all of its rows are of one {split.by}' if one else 'no such fold has every label on both sides'}.",
            hint="Give it a splitter of your own." if one else "Give it a smaller cv, or a splitter of your own.",
        )
    return SplitFolds(found, len(target), asked)


def _row_folds(split: InnerSplit, target: Array, count: int) -> list[RowFold]:
    return row_folds(split.by, split.keys, target, count, classes=split.classes, seed=split.seed)


def _of_every_row(split: InnerSplit, target: Array, count: int) -> list[RowFold]:
    """Folds that score each row once, by models that know every class; none where there are no such folds."""
    if split.by == "time":
        found = _blocks(split.keys, count)
        known = not split.classes or all(len(np.unique(target[fitted])) == len(set(target)) for fitted, _ in found)
        return found if known else []
    for fewer in range(count, 1, -1):  # a fold without one of the classes is left out, and its rows with it
        found = _row_folds(split, target, fewer)
        if sum(len(scored) for _, scored in found) == len(target):
            return found
    return []


def _predicts_every_row(estimator: Any) -> bool:
    """Whether it needs every row to be scored in one of the folds, which the oldest rows are not."""
    kind = type(estimator).__name__
    return kind.startswith("Stacking") or (kind == "CalibratedClassifierCV" and estimator.ensemble is False)


def _blocks(times: Array, count: int) -> list[RowFold]:
    """Part rows into blocks of time, each of which is scored once; rows of one time are in one block.

    A time is where its middle row is, so that two times are two blocks however many rows one of them has.
    """
    codes, rows = np.unique(times, return_inverse=True, return_counts=True)[1:]
    block = ((2 * np.cumsum(rows) - rows - 1) * count // (2 * len(times)))[codes]
    return [(np.flatnonzero(block != each), np.flatnonzero(block == each)) for each in np.unique(block).tolist()]


def _walk(thing: Any, visit: Callable[[Any], None], seen: set[int]) -> None:
    """Visit whatever of scikit-learn's is inside of an estimator, fitted or not."""
    if id(thing) in seen:
        return
    seen.add(id(thing))
    if isinstance(thing, dict | list | tuple):
        parts = list(thing.values() if isinstance(thing, dict) else thing)
    elif type(thing).__module__.startswith("sklearn.") and hasattr(thing, "__dict__"):
        visit(thing)
        parts = list(vars(thing).values())
    else:
        return
    for part in parts:
        _walk(part, visit, seen)


def _take_back(part: Any) -> None:
    for name, value in vars(part).items():
        if isinstance(value, SplitFolds):
            setattr(part, name, value.asked)
