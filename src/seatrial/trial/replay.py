"""A replay: both sides of a trial, and replicas of the baseline's recipe, answer what production was asked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from seatrial.core.progress import Progress
from seatrial.model.features import Array, Columns
from seatrial.model.schema import Column
from seatrial.trial.compare.queries import Queries, QueryScores, make_queries
from seatrial.trial.compare.scoring import Scoring
from seatrial.trial.recipes import Recipes, Training
from seatrial.trial.rows.answer_collection import flat
from seatrial.trial.rows.logged_rows import LoggedRows
from seatrial.trial.sandbox.queries import Score
from seatrial.trial.sandbox.sandbox import Sandbox
from seatrial.trial.setup import TrialSetup

MOST_CALIBRATED = 5_000  # rows that replicas score; the limit from fewer rows is the wider

# The columns of both schemas, the classes, and the baseline's version -> rows of the log.
DrawTraffic = Callable[[Sequence[Column], Sequence[Any], str], LoggedRows]


@dataclass(frozen=True)
class Replay:
    """Logged rows with the answers of both sides to them, (n, k) or (n,), NaN where one gives none.

    `replicas` have the answers of harmless retrains to the rows at `calibrated`.
    """

    rows: LoggedRows
    old: Array
    new: Array
    refused: Array  # (n,) rows that the candidate's schema rejects
    calibrated: Array
    replicas: list[Array] = field(default_factory=list)

    def scored_by(self, training: Training) -> Training:
        """The same training, each of whose refits also scores the rows at `calibrated`."""
        names = [name for name in training.table.columns if name in self.rows.columns]
        asked = {name: self.rows.columns[name][self.calibrated] for name in names}

        def refit(positions: Array) -> Any:
            scorer = training.refit(positions)
            self.replicas.append(np.asarray(scorer(asked)))
            return scorer

        return replace(training, refit=refit) if len(self.calibrated) else training


def with_replay(recipes: Recipes, replayed: Replay | None) -> Recipes:
    """Have each replica of the baseline answer what is replayed."""
    if replayed is None or recipes.baseline is None:
        return recipes
    replayed.replicas.clear()  # of an attempt that failed
    return replace(recipes, baseline=replayed.scored_by(recipes.baseline))


def replay(rows: LoggedRows, baseline: Sandbox, candidate: Sandbox, *, regression: bool) -> Replay:
    """Ask both sides; raises NotComparedError where one of them crashes."""
    if not rows.size:
        nothing = np.empty(0)
        return Replay(rows, nothing, nothing, np.empty(0, dtype=bool), np.empty(0, dtype=np.int64))
    answers = [each.ask([Score("traffic", rows.columns)]).scored["traffic"] for each in (baseline, candidate)]
    old, new = (flat(each.scores, regression) for each in answers)
    both = np.flatnonzero(finite(old) & finite(new) & rows.first)
    few = both[:: len(both) // MOST_CALIBRATED + 1] if len(both) else both
    return Replay(rows, old, new, answers[1].refused, few)


def replay_traffic(setup: TrialSetup, traffic: DrawTraffic, progress: Progress) -> Replay | None:
    """Have both sides of a trial answer rows of the log; None without a baseline to compare with."""
    old, new = setup.baseline, setup.candidate
    if old is None or not setup.comparable:
        return None
    progress("reading the prediction log")
    columns = {column.name: column for column in (*old.description.columns, *new.description.columns)}
    facts = old.description.metadata
    rows = traffic(list(columns.values()), facts.classes, old.description.version)
    if rows.size:
        progress(f"replaying {rows.size:,} rows of production")
    return replay(rows, old.sandbox, new.sandbox, regression=facts.task == "regression")


def queries_of(found: Replay, scoring: Scoring, chosen: Array) -> tuple[Queries, QueryScores, QueryScores]:
    """Some of the rows and both sides' answers, as the comparison takes them; truth is -1 or NaN without a label."""
    columns = {name: values[chosen] for name, values in found.rows.columns.items()}
    labels = [label for label, each in zip(found.rows.labels, _mask(chosen, found.rows.size), strict=True) if each]
    truth = _truth(scoring, labels)
    return as_queries(scoring, columns, truth), as_scores(found.old[chosen]), as_scores(found.new[chosen])


def as_queries(scoring: Scoring, columns: Columns, truth: Array | None) -> Queries:
    """Queries of rows alone: nothing is shuffled, and nothing is generated."""
    queries = make_queries(scoring, columns, truth)
    return replace(queries, columns=(), part=queries.part[:0], order=queries.order[:0])


def as_scores(rows: Array) -> QueryScores:
    """Scores of rows alone."""
    return QueryScores(rows, rows[:0], {})


def _mask(chosen: Array, size: int) -> Array:
    mask = np.zeros(size, dtype=bool)
    mask[chosen] = True
    return mask


def _truth(scoring: Scoring, labels: Sequence[Any]) -> Array:
    """Labels as the comparison takes them; -1 or NaN where a row has none."""
    if not scoring.classifies:
        return np.array([np.nan if label is None else float(label) for label in labels], dtype=np.float64)
    return scoring.positions(["" if label is None else label for label in labels])


def finite(scores: Array) -> Array:
    """Which rows have finite scores alone (n,)."""
    return np.asarray(np.isfinite(scores.reshape(len(scores), -1)).all(axis=1))
