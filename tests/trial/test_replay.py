"""Both sides, and replicas of the baseline's recipe, are asked the same logged rows."""

from types import SimpleNamespace
from typing import Any

import numpy as np
from tests.trial.logged_traffic import SCORING, logged_rows, sigmoid

from seatrial.trial.recipes import Recipes, Training
from seatrial.trial.replay import queries_of, replay, with_replay
from seatrial.trial.rows.logged_rows import LoggedRows

XS = np.linspace(-2, 2, 12)


class Side:
    """A sandbox that answers by `sigmoid`, and rejects rows above a limit."""

    def __init__(self, limit: float = 9.0) -> None:
        self.limit = limit

    def ask(self, jobs: Any) -> Any:
        (job,) = jobs
        refused = job.table["x"] > self.limit
        scores = np.where(refused[:, None], np.nan, sigmoid(job.table["x"]))
        return SimpleNamespace(scored={"traffic": SimpleNamespace(scores=scores, refused=refused)})


def sides(limit: float = 9.0) -> tuple[Any, Any]:
    return Side(), Side(limit)


def test_rows_that_a_side_rejects_have_no_score_and_are_not_calibrated() -> None:
    found = replay(logged_rows(XS), *sides(1.0), regression=False)
    assert np.isfinite(found.old).all()
    assert found.refused.sum() == np.isnan(found.new[:, 0]).sum() == 3
    assert found.calibrated.tolist() == list(range(9))


def test_without_rows_nobody_is_asked() -> None:
    nobody: Any = None
    found = replay(LoggedRows({}), nobody, nobody, regression=False)
    assert found.rows.size == 0


def test_each_replica_answers_the_rows_too() -> None:
    found = replay(logged_rows(XS), *sides(), regression=False)
    table: Any = SimpleNamespace(columns={"x": XS})
    held_out: Any = None
    asked: list[Any] = []

    def refit(positions: Any) -> Any:
        asked.append(positions)
        return lambda rows: sigmoid(rows["x"], 2.0)

    training = Training(lambda rows: sigmoid(rows["x"]), refit, table, np.arange(3), held_out)
    found.replicas.append(np.zeros(1))  # of an attempt that failed
    recipes = with_replay(Recipes(baseline=training), found)
    assert recipes.baseline is not None
    scorer = recipes.baseline.refit(np.arange(2))
    assert scorer({"x": XS}).tolist() == sigmoid(XS, 2.0).tolist()
    assert [each.tolist() for each in found.replicas] == [sigmoid(XS, 2.0).tolist()]
    assert len(asked) == 1
    assert with_replay(Recipes(), found) == Recipes()
    assert with_replay(recipes, None) is recipes


def test_truth_is_unknown_where_there_is_no_label() -> None:
    rows = logged_rows(XS, ["yes", "no", None, "other"] + [None] * 8)
    found = replay(rows, *sides(), regression=False)
    queries, old, _ = queries_of(found, SCORING, rows.first)
    assert queries.truth is not None
    assert queries.truth[:4].tolist() == [1, 0, -1, -1]
    assert len(old.rows) == len(XS)
