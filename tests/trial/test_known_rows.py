"""What rows that left, or labels that became known, explain; and what they do not."""

import numpy as np
import pytest
from tests.trial.compare.formula_models import NUMBER

from seatrial.model.features import Array
from seatrial.trial.compare.queries import Scorer, make_queries
from seatrial.trial.compare.row_matching import Table
from seatrial.trial.compare.scoring import Scoring
from seatrial.trial.compare.statistics import Limit, NoiseFloor
from seatrial.trial.known_rows import judge_by_known_rows
from seatrial.trial.policy import Policy
from seatrial.trial.recipes import Recipes, Training
from seatrial.trial.records import Check, Outcome
from seatrial.trial.rows.reference import LabelledRows

ROWS, LEFT = 400, 100
FLOOR = NoiseFloor({"changes": Limit({}, 1.0, 0.1), "losses": Limit({}, 1.0, 0.1)}, {}, 12, 0.77)
MOVED = Check("total.changes", "total", Outcome.blocked, "predictions moved")
WORSE = Check("metrics.worse", "total", Outcome.blocked, "the candidate is worse")


def training(x: Array, target: Array) -> Training:
    """A recipe that predicts the mean of its rows' labels, or the share of "yes" among them."""
    trained = np.flatnonzero(np.arange(len(x)) % 4 != 0)
    held_out = np.setdiff1d(np.arange(len(x)), trained)

    def refit(positions: Array) -> Scorer:
        labels = target[trained][positions]
        if target.dtype.kind == "f":
            return lambda rows: np.full(len(rows["x"]), labels.mean())
        share = float((labels == "yes").mean())
        return lambda rows: np.tile([1 - share, share], (len(rows["x"]), 1))

    held = LabelledRows({"x": x[held_out]}, target[held_out])
    return Training(refit(np.arange(len(trained))), refit, Table({"x": x}, target, "y"), trained, held)


def rolled(*, fault: float = 0.0, order: slice = slice(None)) -> tuple[Recipes, Array]:
    """The oldest quarter of the rows, whose labels are 2 higher, left; as many came, with labels that may be wrong."""
    g = np.random.default_rng(4)
    x, target = g.normal(size=ROWS + LEFT), g.normal(0, 0.1, ROWS + LEFT)
    target[:LEFT] += 2
    target[ROWS:] += fault
    kept = np.arange(ROWS)[order]
    new = np.concatenate([kept[kept >= LEFT] if order == slice(None) else kept, np.arange(ROWS, ROWS + LEFT)])
    return Recipes(training(x[new], target[new]), training(x[:ROWS], target[:ROWS])), target


def judged(recipes: Recipes, policy: Policy, *checks: Check, scoring: Scoring = NUMBER) -> list[Outcome]:
    assert recipes.candidate is not None
    rows = recipes.candidate.held_out
    queries = make_queries(scoring, rows.columns, scoring.positions(rows.target), {"x": np.zeros(2)}, ("x", "x"))
    new = queries.ask(recipes.candidate.score)
    return [check.outcome for check in judge_by_known_rows(checks, recipes, policy, queries, new, FLOOR)]


def test_a_change_that_follows_from_the_oldest_rows_having_left_is_noted_and_a_worse_metric_waits() -> None:
    recipes, _ = rolled()
    assert judged(recipes, Policy(), MOVED, WORSE) == [Outcome.noted, Outcome.waiting]


def test_a_change_that_the_new_rows_make_stays_blocked_though_rows_left() -> None:
    recipes, _ = rolled(fault=3.0)
    assert judged(recipes, Policy(), MOVED) == [Outcome.blocked]


def test_rows_that_left_from_the_middle_explain_nothing() -> None:
    recipes, _ = rolled(order=slice(0, 300))
    assert judged(recipes, Policy(), MOVED) == [Outcome.blocked]


def test_checks_of_other_suites_stay_as_they_are() -> None:
    golden = Check("golden.scores", "golden", Outcome.blocked, "it differs")
    recipes, _ = rolled()
    assert judged(recipes, Policy(), golden) == [Outcome.blocked]


@pytest.mark.parametrize(
    ("policy", "fault", "outcome"),
    [
        (Policy(pending=["no"]), False, Outcome.noted),
        (Policy(), False, Outcome.blocked),
        (Policy(pending=["no"]), True, Outcome.blocked),
    ],
)
def test_labels_that_became_known_explain_a_change_if_they_are_declared_and_the_new_rows_are_sound(
    policy: Policy, fault: bool, outcome: Outcome
) -> None:
    g = np.random.default_rng(6)
    x, target = g.normal(size=ROWS + LEFT), np.where(g.random(ROWS + LEFT) < 0.9, "yes", "no").astype(object)
    early = target[:ROWS].copy()
    early[200:] = "no"
    if fault:
        target[ROWS:] = "no"
    recipes = Recipes(training(x, target), training(x[:ROWS], early))
    assert judged(recipes, policy, MOVED, scoring=Scoring("binary", ("no", "yes"))) == [outcome]


def test_a_gain_that_came_with_labels_that_became_known_is_noted() -> None:
    g = np.random.default_rng(6)
    x = g.normal(size=ROWS + LEFT)
    target = np.where(g.random(ROWS + LEFT) < 0.9, "yes", "no").astype(object)
    early = target[:ROWS].copy()
    early[200:] = "no"
    gain = Check("metrics.gain", "total", Outcome.waiting, "the gain is suspiciously large")
    recipes = Recipes(training(x, target), training(x[:ROWS], early))
    scoring = Scoring("binary", ("no", "yes"))
    assert judged(recipes, Policy(pending=["no"]), gain, scoring=scoring) == [Outcome.noted]
    assert judged(recipes, Policy(), gain, scoring=scoring) == [Outcome.waiting]
