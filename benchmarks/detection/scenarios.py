"""A scenario: a table, split into what the baseline knew and what came later, and the trained baseline."""

import dataclasses
import types
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from seatrial.core.project import find_project
from seatrial.model.engines import to_frame
from seatrial.model.features import Array, Columns, add_features, needed
from seatrial.model.inputs import stack_columns
from seatrial.train import fitting, profile
from seatrial.train.golden_rows import golden_rows
from seatrial.train.recipe import Fitted, Recipe, read_recipe
from seatrial.train.reference_rows import row_at, take
from seatrial.train.training_table import TrainingTable
from seatrial.trial.compare.groups import Grouping
from seatrial.trial.compare.queries import Queries, QueryScores, make_queries
from seatrial.trial.compare.row_matching import Table
from seatrial.trial.compare.scoring import Scoring
from seatrial.trial.compare.statistics import NoiseFloor, groups_of
from seatrial.trial.noise import calibrate, draw_replicas
from seatrial.trial.policy import Policy
from seatrial.trial.recipes import Training
from seatrial.trial.rows.crossed_rows import cross_rows
from seatrial.trial.rows.probes import probe_rows
from seatrial.trial.rows.reference import LabelledRows, held_out

# Harmless changes of which a stop is no false alarm by itself: the world, or what was known of it, has changed.
IN_TIME = "in time: "  # begins the names of the settings in which rows are in the order of time
MATURED = "labels matured"
DECLARED = "labels matured, as declared"
MORE = 0.15  # of the baseline's rows come later
NEWEST = 0.25  # of the baseline's rows come later at most, where rows are in the order of time
KEPT = 0.9  # of the rows of such a table are taken, so that each seed has others
POOL = 0.30  # of the baseline's rows are kept back; new rows are drawn from these
UNSEEN = 4_000  # made-up rows that show whether a missed fault changes anything


@dataclass(frozen=True)
class Candidate:
    """One trained candidate: its recipe on its table, and the pipeline."""

    recipe: Recipe
    fitted: Fitted

    def training(self) -> Training:
        """The candidate as the trial's suites take it; its training is not repeated."""
        recipe = self.recipe
        return Training(
            score=self.fitted,
            refit=recipe.refit,
            table=Table(recipe.table.columns, recipe.table.target, recipe.project.target),
            trained_rows=recipe.split.train,
            held_out=held_out_rows(recipe),
        )

    def release(self, scoring: Scoring) -> Any:
        """What an installed release is to `fault_transforms.apply`: a fresh object with the parts that answer rows.

        These are `engine`, `score_table`, `encode`, `decide_index` and `metadata.inputs`.
        """
        recipe, inputs = self.recipe, self.recipe.inputs
        features = needed(recipe.features, inputs.names)
        release = types.SimpleNamespace(metadata=types.SimpleNamespace(inputs=inputs), encode=lambda row: row)
        release.engine = lambda numbers, strings: fitting.scores_of(
            self.fitted.pipeline, to_frame(inputs, numbers, strings)
        )
        release.score_table = lambda columns: release.engine(
            *stack_columns(inputs, add_features(columns, features, recipe.columns))
        )
        release.decide_index = scoring.decide
        return release


class Scenario:
    """One data set, model and seed: the baseline, its queries, and the noise floor, each made when first needed.

    Its rows are in random order, as samples of one population are; or, if `timed`, in the table's order, the newest
    last, of which a random 90 % are taken by each seed.
    """

    def __init__(self, recipe: Recipe, seed: int, policy: Policy, *, timed: bool = False) -> None:
        self.whole, self.seed, self.policy, self.timed = recipe, seed, policy, timed
        rows = recipe.table.rows
        order = np.random.default_rng(seed).permutation(rows)
        if timed:
            order = np.sort(order[: int(KEPT * rows)])
        count = int(len(order) / (1 + (NEWEST if timed else POOL)))
        self.old_rows, self.pool = order[:count], order[count:]
        self.recipe = recipe.on(part(recipe.table, self.old_rows), seed=1000 + seed)

    @cached_property
    def baseline(self) -> Candidate:
        """The baseline."""
        return Candidate(self.recipe, self.recipe.fit())

    @cached_property
    def scoring(self) -> Scoring:
        """How its scores are read."""
        table = self.recipe.table
        scale = float(np.std(table.target)) if table.task == "regression" else 1.0
        return Scoring(table.task, table.classes, scale=scale or 1.0)

    def more(self, repeat: int, share: float = MORE) -> TrainingTable:
        """The old rows and 15 % more, or another share."""
        return part(self.whole.table, np.concatenate([self.old_rows, self._new_rows(repeat, share)]))

    def rolled(self, repeat: int, share: float = MORE) -> TrainingTable:
        """As many rows as before, the first ones dropped and new ones added."""
        new = self._new_rows(repeat, share)
        return part(self.whole.table, np.concatenate([self.old_rows[len(new) :], new]))

    def _new_rows(self, repeat: int, share: float) -> Array:
        size = min(int(share * len(self.old_rows)), len(self.pool))
        if self.timed:
            return self.pool[:size]
        return np.random.default_rng([self.seed, repeat]).permutation(self.pool)[:size]

    def on_baseline(self, table: TrainingTable) -> "Scenario":
        """The same scenario with another table of the baseline, which has the same number of rows."""
        other = Scenario(self.whole, self.seed, self.policy, timed=self.timed)
        other.recipe = self.whole.on(table, seed=1000 + self.seed)
        return other

    def train(self, table: TrainingTable, *, seed: int | None = None) -> Candidate:
        """Train a candidate by the baseline's code on another table."""
        recipe = self.recipe.on(table, seed=seed)
        return Candidate(recipe, recipe.fit())

    @cached_property
    def usual(self) -> Candidate:
        """The candidate that most releases are: 15 % more rows."""
        return self.train(self.more(0))

    @cached_property
    def queries(self) -> Queries:
        """The baseline's held-out rows that the usual candidate has not seen either, with probes."""
        old = held_out_rows(self.recipe)
        rows = old.take(held_out(old, split_of(self.usual.recipe)))
        valid, columns = self._probes(rows.columns)
        truth = self.scoring.positions(rows.target)
        return make_queries(self.scoring, rows.columns, truth, valid, columns, seed=self.seed)

    def _probes(self, columns: Columns) -> tuple[Columns, tuple[str, ...]]:
        """Made-up rows that the schema accepts, as checked columns, and the column that each is about."""
        schema = self.recipe.columns
        real = [row_at(schema, columns, k) for k in range(min(40, len(next(iter(columns.values())))))]
        probes = [p for p in probe_rows(schema, real) if set(p.row) == {c.name for c in schema}]
        checked, problems = self.recipe.checker.check({c.name: [p.row[c.name] for p in probes] for c in schema})
        keep = np.setdiff1d(np.arange(len(probes)), [problem.row for problem in problems])
        return take(checked, keep), tuple(probes[k].column for k in keep.tolist())

    @cached_property
    def exact_rows(self) -> Columns:
        """What is asked where nothing may differ: rows in common, crossed rows, probes."""
        q, allowed = self.queries, self.recipe.checker.allowed
        # A tree's thresholds lie between neighbours among the rows it was trained on.
        trained = take(self.recipe.table.columns, self.recipe.split.train)
        crossed = cross_rows(self.recipe.columns, self.recipe.table.columns, allowed, seed=self.seed)
        between = cross_rows(self.recipe.columns, trained, allowed, seed=self.seed + 1)
        return {n: np.concatenate([q.rows[n], crossed[n], between[n], q.probes[n]]) for n in q.rows}

    @cached_property
    def unseen_rows(self) -> Columns:
        """The whole table and made-up rows: a fault that changes no score of these is an equivalent mutant."""
        table, whole = self.whole.table.columns, self.whole
        made_up = cross_rows(whole.columns, table, whole.checker.allowed, rows=UNSEEN, seed=19)
        return {name: np.concatenate([values, made_up[name]]) for name, values in table.items()}

    @cached_property
    def groupings(self) -> list[Grouping]:
        """The groups of the queries' rows."""
        return groups_of(self.queries, list(self.policy.slices))

    @cached_property
    def exact_scores(self) -> Array:
        """The baseline's scores of the exact rows."""
        return self.baseline.fitted(self.exact_rows)

    @cached_property
    def usual_scores(self) -> Array:
        """The usual candidate's scores of the exact rows."""
        return self.usual.fitted(self.exact_rows)

    @cached_property
    def old_scores(self) -> QueryScores:
        """The baseline's scores of the queries."""
        return self.queries.ask(self.baseline.fitted)

    @cached_property
    def replicas(self) -> list[QueryScores]:
        """The scores of the baseline's replicas."""
        target = self.recipe.table.target[self.recipe.split.train]
        return draw_replicas(
            self.recipe.refit, target, self.queries, self.policy,
            stratified=self.scoring.classifies, seed=self.seed,
        )  # fmt: skip

    @cached_property
    def noise_floor(self) -> NoiseFloor:
        """The limits."""
        return calibrate(self.queries, self.groupings, self.replicas, self.policy)


def golden(candidate: Candidate) -> tuple[Columns, Array]:
    """The candidate's golden rows, as `seatrial train` makes them, and the scores stored with them."""
    recipe = candidate.recipe
    columns = recipe.held_out
    base = row_at(recipe.columns, columns, 0)
    rows = golden_rows(recipe.columns, recipe.checker.schema, columns, base, candidate.fitted, recipe.project.seed)
    checked, _ = recipe.checker.check({c.name: [row[c.name] for row in rows] for c in recipe.columns})
    return checked, candidate.fitted(checked)


def held_out_rows(recipe: Recipe) -> LabelledRows:
    """The labelled rows that a recipe does not train on."""
    return LabelledRows(recipe.held_out, recipe.table.target[recipe.split.test])


def split_of(recipe: Recipe) -> dict[str, Any]:
    """A recipe's split, as release.json has it."""
    return {"cuts": recipe.split.cuts, "seed": recipe.split.seed}


def fingerprint(recipe: Recipe) -> dict[str, Any]:
    """The fingerprint of a recipe's table, as release.json has it."""
    table = recipe.table
    return dataclasses.asdict(
        profile.fingerprint("", table.columns, recipe.columns, table.target, recipe.project.target, table.task)
    )


def part(table: TrainingTable, rows: Array) -> TrainingTable:
    """Some rows of a table."""
    return changed(table, take(table.columns, rows), table.target[rows])


def changed(table: TrainingTable, columns: Columns, target: Array) -> TrainingTable:
    """A table with other values."""
    classes = () if table.task == "regression" else tuple(np.unique(target).tolist())
    return dataclasses.replace(table, columns=columns, target=target, classes=classes, rows_read=len(target))


def open_scenario(project: Path, seed: int, policy: Policy, *, timed: bool = False) -> Scenario:
    """Read a project and prepare its scenario."""
    return Scenario(read_recipe(find_project(project)), seed, policy, timed=timed)
