"""A project's recipe: its code and its table, read once and trained as often as needed, on other rows or another seed.

Nothing is written. `seatrial train` and the trial both train with it, so that a trial compares like with like.
"""

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from seatrial.core.errors import SeatrialError
from seatrial.core.progress import Progress, silent
from seatrial.core.project import ProjectSettings, importable
from seatrial.model.carried_rows import carried_columns
from seatrial.model.features import Array, Columns, Feature, Floats, features_in, needed
from seatrial.model.inputs import Inputs
from seatrial.model.row_split import buckets_of
from seatrial.model.schema import Column, schema_in
from seatrial.model.table_validation import TableChecker
from seatrial.train import early_stopping, fitting
from seatrial.train.fitted_elsewhere import FittedElsewhere, check_classes, inputs_of
from seatrial.train.hold_out import Split, split
from seatrial.train.inner_folds import InnerSplit
from seatrial.train.measured_rows import MeasuredRows
from seatrial.train.reference_rows import take
from seatrial.train.row_weights import normalized
from seatrial.train.sampled_table import read_sampled_table
from seatrial.train.spilled_columns import spill
from seatrial.train.training_table import TrainingTable, read_training_table

MOST_SCORED = 2**16  # rows at a time, of a table of more than MOST_FRAMED
MOST_FRAMED = 1_000_000  # rows of a table of which all are kept as a DataFrame too

# Gives the scorer of a fitted pipeline whose own scores are not the true ones: `seatrial.compile.reference_scorer`.
ReferenceScorer = Callable[[Any], Callable[[Any], Array] | None]


def no_reference(_: Any) -> None:
    """Take every pipeline's own scores for the true ones."""


@dataclass(frozen=True)
class Fitted:
    """A fitted pipeline as a scorer: checked columns -> (n, n_classes) probabilities or (n,) predictions.

    `reference` scores a DataFrame where the pipeline's own scores are not the true ones.
    """

    pipeline: Any
    frame: Callable[[Columns], Any]
    reference: Callable[[Any], Array] | None = None

    def __call__(self, columns: Columns) -> Array:
        """Score checked columns as training does."""
        frame = self.frame(columns)
        return fitting.scores_of(self.pipeline, frame) if self.reference is None else self.reference(frame)


@dataclass(frozen=True)
class Recipe:
    """One project's code with one table: everything that training needs, in memory."""

    project: ProjectSettings
    checker: TableChecker
    features: tuple[Feature, ...]
    table: TrainingTable
    split: Split
    _frames: "_Frames"
    alter: fitting.Alter | None = None
    reference: ReferenceScorer = no_reference
    streamed: MeasuredRows | None = None

    @property
    def columns(self) -> tuple[Column, ...]:
        """The schema's columns."""
        return self.checker.columns

    @property
    def inputs(self) -> Inputs:
        """The columns and features that the pipeline uses, which is known once it is fitted."""
        if self._frames.used is None:
            self.fit()
        assert self._frames.used is not None
        return self._frames.used.inputs

    @property
    def framer(self) -> Callable[[Columns], Any]:
        """Makes the DataFrame that a fitted pipeline takes, and holds nothing of the table."""
        return self._frames.used or self._frames.every

    @property
    def training_rows(self) -> Columns:
        """The rows that the split trains on."""
        return take(self.table.columns, self.split.train)

    @cached_property
    def held_out(self) -> Columns:
        """The rows that training does not see."""
        return take(self.table.columns, self.split.test)

    @property
    def measured(self) -> MeasuredRows:
        """All held-out rows: those above, or what is read in a stream of a table that is not in memory."""
        if self.streamed is not None:
            weights = self.streamed.weights
            return replace(self.streamed, weights=None if weights is None else normalized(weights))
        rows, held_out = self.split.test, self.held_out
        weights, groups = self.weights_of(rows), self.groups_of(rows)
        size = MOST_SCORED if self.table.rows > MOST_FRAMED else max(len(rows), 1)

        def chunks() -> Iterator[Columns]:
            for start in range(0, max(len(rows), 1), size):
                yield take(held_out, np.arange(start, min(start + size, len(rows)))) if size < len(rows) else held_out

        return MeasuredRows(self.table.target[rows], weights, groups, chunks, np.arange(len(rows)))

    def weights_of(self, positions: Array) -> Floats | None:
        """The weights of these rows of the table, 1 on average; None where all rows count the same."""
        return None if self.table.weights is None else normalized(self.table.weights[positions])

    def groups_of(self, positions: Array) -> Floats | None:
        """The groups that these rows are split by; None where they are split otherwise."""
        keys = self.table.keys
        return None if keys is None or self.split.by != "group" else keys[positions]

    def carried_with(self, positions: Array) -> Columns:
        """What a release carries of these rows besides the schema's columns and the label: keys and weights."""
        keys = None if self.table.keys is None else self.table.keys[positions]
        if keys is not None and self.split.by == "group":
            keys = buckets_of(keys)
        return carried_columns(keys, self.weights_of(positions))

    def on(self, table: TrainingTable, *, seed: int | None = None) -> "Recipe":
        """Return the same code with another table, or another seed, split again."""
        project = self.project if seed is None else replace(self.project, seed=seed)
        return _recipe(project, self.checker, self.features, table, self.reference)

    def fit(self, rows: Array | None = None) -> Fitted:
        """Train on rows of the table (positions); by default on the split's training rows, as `seatrial train` does."""
        positions = self.split.train if rows is None else rows
        frame = self._frame_of(positions)
        if self.table.rows > MOST_FRAMED:
            spill(self.table.columns, self.project.kept_table("").parent)
        target, weights = self.table.target[positions], self.weights_of(positions)
        with importable(self.project):
            held_back = partial(self._held_back, positions)
            pipeline = fitting.fit(self.project, frame, target, self.alter, held_back, weights, self._inner(positions))
        self._frames.learn_inputs(pipeline, frame)
        return Fitted(pipeline, self._frames, self.reference(pipeline))

    def _inner(self, positions: Array) -> InnerSplit | None:
        """How folds of these rows are made inside of the pipeline; None where rows are split at random."""
        split, keys = self.split, self.table.keys
        if split.by == "rows" or keys is None:
            return None
        return InnerSplit(split.by, split.column, keys[positions], self.table.task != "regression", self.project.seed)

    def take_fitted(self, elsewhere: FittedElsewhere) -> Fitted:
        """Take a model that was fitted elsewhere, in place of fitting one."""
        check_classes(elsewhere.model, self.table.classes)
        self._frames.take_inputs(elsewhere.model)
        return Fitted(elsewhere.model, self._frames, self.reference(elsewhere.model))

    def _held_back(self, positions: Array) -> Array:
        """Which of these rows stop a model early, as positions among them: chosen as the split's held-out rows are."""
        project = replace(self.project, test_share=early_stopping.SHARE, sample=0)
        try:
            return split(self.table.take(positions), project).test
        except SeatrialError as error:
            raise SeatrialError(
                f"No training rows can be held back to stop early by: {error.message}",
                hint="Leave early stopping out, and choose the number of trees.",
            ) from None

    def _frame_of(self, rows: Array) -> Any:
        """The DataFrame of some rows, with everything that a pipeline could use."""
        if self.split.sampled_from or self.table.rows > MOST_FRAMED:  # a frame of the whole table takes much memory
            return self._frames.every(take(self.table.columns, rows))
        return self._frames.of_table.iloc[rows].reset_index(drop=True)

    def scores(self, fitted: Fitted, rows: Array) -> Array:
        """The scores that a fitted pipeline gives rows of the table (positions); features are derived once."""
        frame = self._frame_of(rows)
        return fitting.scores_of(fitted.pipeline, frame) if fitted.reference is None else fitted.reference(frame)

    def altered(self, alter: fitting.Alter) -> "Recipe":
        """Return the same recipe with a pipeline that is changed before each fit."""
        return replace(self, alter=alter)

    def without_held_out(self) -> "Recipe":
        """Return the same code with the training rows as the whole table: nothing done with it sees a held-out row."""
        rows = self.split.train
        table = self.table.take(rows)
        split = replace(
            self.split, train=np.arange(len(rows)), test=np.zeros(0, dtype=np.int64), measured=0, order=None
        )
        frames = _Frames(self.checker.columns, self.features, table.columns)
        return replace(self, table=table, split=split, _frames=frames, streamed=None)

    def refit(self, positions: Array) -> Fitted:
        """Train on some of the split's training rows; `positions` count among these."""
        return self.fit(self.split.train[positions])


class _Frames:
    """Makes the pipeline's DataFrames, and keeps the last one: a dozen replicas score the same rows in turn."""

    def __init__(self, columns: tuple[Column, ...], features: tuple[Feature, ...], table: Columns) -> None:
        self.every = fitting.Framer(columns, features, fitting.every_input(columns, features))
        self._table = table
        self._last: tuple[Columns, Any] | None = None
        self.used: fitting.Framer | None = None

    @cached_property
    def of_table(self) -> Any:
        """The whole table, with every column and feature that a pipeline could use."""
        return self.every(self._table)

    def learn_inputs(self, pipeline: Any, frame: Any) -> None:
        """Note what a fitted pipeline uses; from then on, no other feature is derived."""
        if self.used is None:
            every = self.every
            inputs = fitting.used_inputs(pipeline, frame, every.inputs)
            self.used = fitting.Framer(every.columns, needed(every.features, inputs.names), inputs)

    def take_inputs(self, model: Any) -> None:
        """Note what a model takes that was fitted elsewhere: by its names, or as a pipeline selects it."""
        every = self.every
        inputs = inputs_of(model, every.inputs)
        if inputs is None:
            self.learn_inputs(model, self.of_table)
        else:
            self.used = fitting.Framer(every.columns, needed(every.features, inputs.names), inputs)

    def __call__(self, columns: Columns) -> Any:
        if self._last is None or self._last[0] is not columns:
            self._last = (columns, (self.used or self.every)(columns))
        return self._last[1]


def read_recipe(
    project: ProjectSettings,
    *,
    data: Path | None = None,
    drop_bad_rows: bool = True,
    reference: ReferenceScorer = no_reference,
    progress: Progress = silent,
) -> Recipe:
    """Read a project's code and its table, or another file's table by the project's schema.

    `reference` is asked for each fitted pipeline how to score with it.
    Raises SeatrialError where the code or the table cannot be read.
    """
    if data is not None:
        project = replace(project, data=data)
    with importable(project):
        checker = TableChecker(schema_in(importlib.import_module(f"{project.package}.schema")))
        features = features_in(importlib.import_module(f"{project.package}.features"), checker.columns)
        if not project.sample:
            table = read_training_table(project, checker, drop_bad_rows=drop_bad_rows, progress=progress)
            return _recipe(project, checker, features, table, reference)
        sampled = read_sampled_table(project, checker, drop_bad_rows=drop_bad_rows, progress=progress)
        frames = _Frames(checker.columns, features, sampled.table.columns)
        return Recipe(
            project,
            checker,
            features,
            sampled.table,
            sampled.split,
            frames,
            reference=reference,
            streamed=sampled.measured,
        )


def _recipe(
    project: ProjectSettings,
    checker: TableChecker,
    features: tuple[Feature, ...],
    table: TrainingTable,
    reference: ReferenceScorer,
) -> Recipe:
    frames = _Frames(checker.columns, features, table.columns)
    return Recipe(project, checker, features, table, split(table, project), frames, reference=reference)
