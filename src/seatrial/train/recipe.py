"""A project's recipe, read once and trained as often as a trial asks: on other rows, other data, another seed.

Nothing is written. A trial compares what comes out of it with what is in a wheel, so it fits by the same functions.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from seatrial.core.project import ProjectSettings, importable
from seatrial.model.features import Array, Columns, Feature, features_in, needed
from seatrial.model.inputs import Inputs
from seatrial.model.schema import Column, schema_in
from seatrial.model.table_validation import TableChecker
from seatrial.train import fitting
from seatrial.train.reference_rows import take
from seatrial.train.training_table import TrainingTable, read_training_table


@dataclass(frozen=True)
class Fitted:
    """A fitted pipeline as a scorer: checked columns -> (n, n_classes) probabilities or (n,) predictions."""

    pipeline: Any
    frame: Callable[[Columns], Any]

    def __call__(self, columns: Columns) -> Array:
        """Score checked columns as training does."""
        return fitting.scores_of(self.pipeline, self.frame(columns))


@dataclass(frozen=True)
class Recipe:
    """One project's code with one table: everything that training needs, in memory."""

    project: ProjectSettings
    checker: TableChecker
    features: tuple[Feature, ...]
    table: TrainingTable
    split: fitting.Split
    inputs: Inputs
    _frames: "_Frames"
    alter: fitting.Alter | None = None

    @property
    def columns(self) -> tuple[Column, ...]:
        """The schema's columns."""
        return self.checker.columns

    @property
    def held_out(self) -> Columns:
        """The rows that training does not see."""
        return take(self.table.columns, self.split.test)

    def on(self, table: TrainingTable, *, seed: int | None = None) -> "Recipe":
        """The same code on another table, or with another seed, split anew."""
        project = self.project if seed is None else replace(self.project, seed=seed)
        return _recipe(project, self.checker, self.features, table)

    def fit(self, rows: Array | None = None) -> Fitted:
        """Train on rows of the table (positions); without any, on the split's own, as `seatrial train` does."""
        frame = self._frames.of_table().iloc[self.split.train if rows is None else rows].reset_index(drop=True)
        target = self.table.target[self.split.train if rows is None else rows]
        with importable(self.project):
            pipeline = fitting.fit(self.project, frame, target, self.alter)
        return Fitted(pipeline, self._frames)

    def refit(self, positions: Array) -> Fitted:
        """Train on some of the split's training rows; `positions` count among these."""
        return self.fit(self.split.train[positions])


class _Frames:
    """Makes frames, and keeps the last one: a dozen replicas are asked the same questions one after another."""

    def __init__(self, framer: fitting.Framer, table: Columns) -> None:
        self._framer = framer
        self._table = table
        self._own: Any = None
        self._last: tuple[Columns, Any] | None = None

    def of_table(self) -> Any:
        if self._own is None:
            self._own = self._framer(self._table)
        return self._own

    def __call__(self, columns: Columns) -> Any:
        last = self._last
        if last is None or last[0] is not columns:
            last = (columns, self._framer(columns))
            self._last = last
        return last[1]


def read_recipe(project: ProjectSettings, *, data: Path | None = None, drop_bad_rows: bool = True) -> Recipe:
    """Read a project's code and its table, or another file's table by the project's schema.

    Raises SeatrialError where the code or the table cannot be read.
    """
    if data is not None:
        project = replace(project, data=data)
    with importable(project):
        checker = TableChecker(schema_in(importlib.import_module(f"{project.package}.schema")))
        features = features_in(importlib.import_module(f"{project.package}.features"), checker.columns)
        table = read_training_table(project, checker, drop_bad_rows=drop_bad_rows, progress=lambda _: None)
        return _recipe(project, checker, features, table)


def _recipe(
    project: ProjectSettings, checker: TableChecker, features: tuple[Feature, ...], table: TrainingTable
) -> Recipe:
    every = fitting.every_input(checker.columns, features)
    split = fitting.split(table, project)
    # What the pipeline takes by name is known once it is fitted; a few rows of each class are enough to learn it.
    few = _few(table, split.train)
    frame = fitting.Framer(checker.columns, features, every)(take(table.columns, few))
    with importable(project):
        pipeline = fitting.fit(project, frame, table.target[few])
    inputs = fitting.used_inputs(pipeline, frame, every)
    framer = fitting.Framer(checker.columns, needed(features, inputs.names), inputs)
    return Recipe(project, checker, features, table, split, inputs, _Frames(framer, table.columns))


def _few(table: TrainingTable, rows: Array, most: int = 200) -> Array:
    groups = [rows[table.target[rows] == label] for label in table.classes] or [rows]
    return np.sort(np.concatenate([group[:most] for group in groups]))
