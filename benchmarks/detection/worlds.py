"""A world: one table split into what the baseline knew and what came later, and the baseline trained on the former."""

import dataclasses
import types
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from seatrial.core.project import find_project
from seatrial.model.engines import to_frame
from seatrial.model.features import Array, Columns, add_features
from seatrial.model.inputs import stack_columns
from seatrial.train import fitting, profile
from seatrial.train.golden_rows import golden_rows
from seatrial.train.recipe import Fitted, Recipe, read_recipe
from seatrial.train.reference_rows import row_at, take
from seatrial.train.training_table import TrainingTable
from seatrial.trial.compare.groups import Grouping
from seatrial.trial.compare.queries import Answers, Questions, make_questions
from seatrial.trial.compare.scoring import Meaning
from seatrial.trial.compare.statistics import groups_of
from seatrial.trial.noise import Null, calibrate, draw_replicas
from seatrial.trial.policy import Policy
from seatrial.trial.rows.crossed_rows import cross_rows
from seatrial.trial.rows.probes import probe_rows
from seatrial.trial.rows.reference import Labelled, held_out

MORE = 0.15  # of the baseline's rows come later
POOL = 0.30  # of the baseline's rows are kept back, for arrivals to be drawn from


@dataclass(frozen=True)
class Served:
    """What an installed release is to `faults.apply`: the parts of seatrial's Release that answer rows."""

    recipe: Recipe
    fitted: Fitted
    meaning: Meaning

    def release(self) -> Any:
        """A fresh object with `engine`, `score_table`, `encode`, `decide_index` and `metadata.inputs`."""
        recipe, inputs = self.recipe, self.recipe.inputs
        release = types.SimpleNamespace()
        release.metadata = types.SimpleNamespace(inputs=inputs)
        release.engine = lambda numbers, strings: fitting.scores_of(
            self.fitted.pipeline, to_frame(inputs, numbers, strings)
        )
        features = self.fitted.frame.used.features

        def score_table(columns: Columns) -> Array:
            derived = add_features(columns, features, recipe.columns)
            return release.engine(*stack_columns(inputs, derived))

        release.score_table = score_table
        release.encode = lambda row: row
        release.decide_index = self.meaning.decide
        return release


@dataclass(frozen=True)
class Candidate:
    """One trained candidate: its recipe on its table, and the pipeline."""

    recipe: Recipe
    fitted: Fitted


class World:
    """One data set, model and seed: the baseline, its questions, and the null, each made when first needed."""

    def __init__(self, recipe: Recipe, seed: int, policy: Policy) -> None:
        self.whole, self.seed, self.policy = recipe, seed, policy
        rows = recipe.table.rows
        order = np.random.default_rng(seed).permutation(rows)
        count = int(rows / (1 + POOL))
        self.old_rows, self.pool = order[:count], order[count:]
        self.recipe = recipe.on(part(recipe.table, self.old_rows), seed=1000 + seed)

    @cached_property
    def baseline(self) -> Fitted:
        """The baseline's pipeline."""
        return self.recipe.fit()

    @cached_property
    def meaning(self) -> Meaning:
        """How its scores are read."""
        table = self.recipe.table
        scale = float(np.std(table.target)) if table.task == "regression" else 1.0
        return Meaning(table.task, table.classes, scale=scale or 1.0)

    def more(self, repeat: int) -> TrainingTable:
        """The old rows and 15 % more."""
        return part(self.whole.table, np.concatenate([self.old_rows, self._arrivals(repeat)]))

    def rolled(self, repeat: int) -> TrainingTable:
        """As many rows as before, the first ones dropped and new ones added."""
        new = self._arrivals(repeat)
        return part(self.whole.table, np.concatenate([self.old_rows[len(new) :], new]))

    def _arrivals(self, repeat: int) -> Array:
        size = min(int(MORE * len(self.old_rows)), len(self.pool))
        return np.random.default_rng([self.seed, repeat]).permutation(self.pool)[:size]

    def train(self, table: TrainingTable, *, seed: int | None = None) -> Candidate:
        """Train a candidate by the baseline's code on another table."""
        recipe = self.recipe.on(table, seed=seed)
        return Candidate(recipe, recipe.fit())

    @cached_property
    def usual(self) -> Candidate:
        """The candidate that most releases are: 15 % more rows."""
        return self.train(self.more(0))

    @cached_property
    def questions(self) -> Questions:
        """The baseline's held-out rows that the usual candidate has not seen either, with probes."""
        old = Labelled(self.recipe.held_out, self.recipe.table.target[self.recipe.split.test])
        split = self.usual.recipe.split
        rows = old.take(held_out(old, {"cuts": split.cuts, "seed": split.seed}))
        valid, probed = self.probes(rows.columns)
        return make_questions(
            self.meaning, rows.columns, self.meaning.codes(rows.target), valid, probed, seed=self.seed
        )

    def probes(self, columns: Columns) -> tuple[Columns, tuple[str, ...]]:
        """Made-up rows that the schema takes, as checked columns."""
        schema = self.recipe.columns
        real = [row_at(schema, columns, k) for k in range(min(40, len(next(iter(columns.values())))))]
        found = [p for p in probe_rows(schema, real) if set(p.row) == {c.name for c in schema}]
        raw = {c.name: [p.row[c.name] for p in found] for c in schema}
        checked, problems = self.recipe.checker.check(raw)
        good = np.ones(len(found), dtype=bool)
        good[[p.row for p in problems]] = False
        keep = np.flatnonzero(good)
        return take(checked, keep), tuple(found[k].column for k in keep.tolist())

    @cached_property
    def exact_rows(self) -> Columns:
        """What the legs are asked where nothing may differ: rows in common, crossed rows, probes."""
        q, allowed = self.questions, self.recipe.checker.allowed
        # A tree's thresholds lie between neighbours among the rows it was trained on.
        trained = take(self.recipe.table.columns, self.recipe.split.train)
        crossed = cross_rows(self.recipe.columns, self.recipe.table.columns, allowed, seed=self.seed)
        between = cross_rows(self.recipe.columns, trained, allowed, seed=self.seed + 1)
        return {n: np.concatenate([q.rows[n], crossed[n], between[n], q.probes[n]]) for n in q.rows}

    @cached_property
    def groupings(self) -> list[Grouping]:
        """The groups of the questions' rows."""
        return groups_of(self.questions, list(self.policy.slices))

    @cached_property
    def exact_answers(self) -> Array:
        """What the baseline says to these."""
        return self.baseline(self.exact_rows)

    @cached_property
    def usual_answers(self) -> Array:
        """And what the usual candidate does."""
        return self.usual.fitted(self.exact_rows)

    @cached_property
    def old_answers(self) -> Answers:
        """What the baseline says."""
        return self.questions.ask(self.baseline)

    @cached_property
    def replicas(self) -> list[Answers]:
        """What the replicas say."""
        target = self.recipe.table.target[self.recipe.split.train]
        return draw_replicas(
            self.recipe.refit, target, self.questions, self.policy,
            stratified=self.meaning.classifies, seed=self.seed,
        )  # fmt: skip

    @cached_property
    def null(self) -> Null:
        """The limits."""
        return calibrate(self.questions, self.groupings, self.replicas, self.policy)


def golden(candidate: Candidate) -> tuple[Columns, Array]:
    """The candidate's golden rows, as `seatrial train` makes them, and the scores stored with them."""
    recipe = candidate.recipe
    columns = recipe.held_out
    base = row_at(recipe.columns, columns, 0)
    rows = golden_rows(recipe.columns, recipe.checker.schema, columns, base, candidate.fitted, recipe.project.seed)
    checked, _ = recipe.checker.check({c.name: [row[c.name] for row in rows] for c in recipe.columns})
    return checked, candidate.fitted(checked)


def fingerprint(recipe: Recipe) -> dict[str, Any]:
    """The fingerprint of a recipe's table, as release.json keeps it."""
    table = recipe.table
    found = profile.fingerprint("", table.columns, recipe.columns, table.target, recipe.project.target, table.task)
    return dataclasses.asdict(found)


def part(table: TrainingTable, rows: Array) -> TrainingTable:
    """Some rows of a table."""
    return changed(table, take(table.columns, rows), table.target[rows])


def changed(table: TrainingTable, columns: Columns, target: Array) -> TrainingTable:
    """A table with other values."""
    classes = () if table.task == "regression" else tuple(np.unique(target).tolist())
    return dataclasses.replace(table, columns=columns, target=target, classes=classes, rows_read=len(target))


def open_world(project: Path, seed: int, policy: Policy, say: Callable[[str], None] = lambda _: None) -> World:
    """Read a project and lay out its world."""
    say(f"{project.name}, seed {seed}")
    return World(read_recipe(find_project(project)), seed, policy)
