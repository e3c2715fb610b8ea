"""The rows of a trial: those that neither release was trained on, whatever they are split by."""

from types import SimpleNamespace
from typing import Any

import numpy as np

from seatrial.model.carried_rows import carried_columns, labelled_csv
from seatrial.model.features import Floats
from seatrial.model.row_split import group_key, group_places
from seatrial.model.schema import Column
from seatrial.trial.compare.scoring import Scoring
from seatrial.trial.rows.answer_collection import GoldenRows
from seatrial.trial.rows.reference import HeldOutRows
from seatrial.trial.rows.row_selection import Rows, gather_rows, make_trial_queries

COLUMNS = (Column("x", "number", False, True),)
GOLDEN = GoldenRows(({"x": 1.0},), np.array([0.5]))


def release(role: str, split: dict[str, Any]) -> Any:
    metadata = SimpleNamespace(split=split, target="y", carries={"reference": "full"})
    return SimpleNamespace(role=role), SimpleNamespace(metadata=metadata, columns=COLUMNS)


def text(x: Floats, keys: Floats | None, weights: Floats | None = None) -> str:
    return labelled_csv(COLUMNS, {"x": x}, "y", (x % 2).astype(np.int64), carried_columns(keys, weights))


def gathered(new: tuple[dict[str, Any], str], old: tuple[dict[str, Any], str]) -> Rows:
    rows = {"candidate": new[1], "baseline": old[1]}
    releases = [release("candidate", new[0]), release("baseline", old[0])]
    return gather_rows(releases, GOLDEN, None, lambda sandbox, _: HeldOutRows(rows[sandbox.role], sandbox.role))


def by_time(start: int, end: int) -> tuple[dict[str, Any], str]:
    """A release that held out the rows of the times from `start` on, of a table that ends with `end`."""
    x = np.arange(float(start), end)
    return {"by": "time", "column": "at", "seed": 1, "cuts": {"all": float(start)}}, text(x, x)


def test_after_a_little_time_the_baselines_newest_rows_are_left() -> None:
    rows = gathered(by_time(310, 420), by_time(300, 400))
    assert rows.labelled.columns["x"].tolist() == list(range(310, 400))


def test_after_more_time_the_candidates_newest_rows_are_added() -> None:
    rows = gathered(by_time(380, 500), by_time(300, 400))
    assert rows.labelled.columns["x"].tolist() == list(range(380, 500))


def test_after_much_time_only_the_candidates_rows_are_new_to_both() -> None:
    rows = gathered(by_time(700, 900), by_time(300, 400))
    assert rows.labelled.columns["x"].tolist() == list(range(700, 900))


def test_rows_of_a_group_that_the_other_release_was_trained_on_are_left_out() -> None:
    keys = np.repeat([group_key(f"customer {n}") for n in range(100)], 3)
    x, places = np.arange(300.0), group_places(keys, 7)
    split = {"by": "group", "column": "customer", "seed": 7}
    old, new = places < 0.3, places < 0.2
    rows = gathered(
        ({**split, "cuts": {"all": 0.2}}, text(x[new], keys[new])),
        ({**split, "cuts": {"all": 0.3}}, text(x[old], keys[old])),
    )
    assert rows.labelled.columns["x"].tolist() == x[new].tolist()
    assert rows.by_group
    queries = make_trial_queries(Scoring("binary", (0, 1)), rows, COLUMNS)
    assert queries.groups is not None
    assert queries.groups.tolist() == keys[new].tolist()
    assert 0 < new.sum() < old.sum()


def test_after_a_change_to_groups_the_candidates_rows_that_the_baseline_held_out_are_taken() -> None:
    keys = np.array([group_key(f"customer {n}") for n in range(200)])
    x = np.arange(200.0)
    new = {"by": "group", "column": "customer", "seed": 7, "cuts": {"all": 1.0}}
    old = {"seed": 7, "cuts": {"0": 0.5, "1": 0.5}}
    rows = gathered((new, text(x, keys)), (old, text(x, None)))
    assert 60 < rows.labelled.rows < 140
    assert rows.labelled.keys is not None


def test_weights_travel_with_the_rows() -> None:
    x = np.arange(40.0)
    split = {"seed": 7, "cuts": {"0": 1.0, "1": 1.0}}
    rows = gathered((split, text(x, None, x / x.mean())), (split, text(x, None, x / x.mean())))
    assert rows.labelled.weights is not None
    assert rows.labelled.weights.mean() == 1.0
    assert np.array_equal(rows.labelled.weights, rows.labelled.columns["x"] / x.mean())
