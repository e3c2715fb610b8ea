"""The checks that weigh a difference, with a baseline that cannot score some rows."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from seatrial.core.errors import SeatrialError
from seatrial.model.features import Array, Columns
from seatrial.trial.compare.new_row_checks import drift_note
from seatrial.trial.compare.row_matching import Table
from seatrial.trial.compare.scoring import Scoring
from seatrial.trial.compare.time_order import TimeOrder
from seatrial.trial.difference_checks import check_data, check_doubts, say_what_is_left, without_contradiction
from seatrial.trial.policy import Policy
from seatrial.trial.recipes import Recipes, Training
from seatrial.trial.records import Check, Outcome
from seatrial.trial.rows.reference import LabelledRows


def whole_calls_only(columns: Columns) -> Array:
    """A pipeline behind a schema that says `int`: a fraction of a call is rejected, and its feature receives None."""
    if (columns["calls"] % 1).any():
        raise SeatrialError("The feature function per_month fails on calls=None.")
    return np.tile([0.4, 0.6], (len(columns["calls"]), 1))


def training(calls: Array) -> Training:
    labels = np.array(["no", "yes"] * 20, dtype=object)
    columns = {"calls": calls}
    return Training(
        whole_calls_only,
        lambda _: whole_calls_only,
        Table(columns, labels, "left"),
        np.arange(40),
        LabelledRows(columns, labels),
    )


def test_new_rows_that_the_baseline_cannot_score_are_noted_and_do_not_end_the_trial() -> None:
    whole = np.arange(40.0)
    recipes = Recipes(training(whole / 100 + 0.001), training(whole))
    scoring = Scoring("binary", ("no", "yes"), "yes")
    checks = {check.name: check for check in check_data(recipes, {}, {}, Policy(), scoring)}
    assert checks["data.surprise"].outcome is Outcome.noted
    assert "cannot score the new rows" in checks["data.surprise"].summary
    assert checks["data.surprise"].summary.endswith("calls=None.")


def test_two_tests_of_new_rows_share_one_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[tuple[str, float]] = []

    def compared(*_: object, about: str = "all", **__: object) -> list[Check]:
        used.append((about, float(_[3])))  # type: ignore[arg-type]
        return []

    monkeypatch.setattr("seatrial.trial.difference_checks.compare_new_rows", compared)
    days = np.array([date(2020, 1, 1) + timedelta(days=k) for k in range(80)], dtype=object)

    def dated(rows: int) -> Training:
        labels, columns = np.array(["no", "yes"] * (rows // 2), dtype=object), {"seen": days[:rows]}
        held_out = LabelledRows(columns, labels)
        score = lambda _: np.tile([0.4, 0.6], (len(next(iter(_.values()))), 1))  # noqa: E731
        return Training(score, lambda _: score, Table(columns, labels, "left"), np.arange(rows), held_out)

    recipes, scoring = Recipes(dated(80), dated(40)), Scoring("binary", ("no", "yes"), 1)
    check_data(recipes, {}, {}, Policy(), scoring)
    check_data(recipes, {}, {}, Policy(labels_mature_after=10), scoring)
    (everything, budget), *parts = used
    assert everything == "all"
    assert [about for about, _ in parts] == ["columns", "labels"]
    assert sum(part for _, part in parts) == pytest.approx(budget)


def test_a_doubt_about_the_training_waits_for_a_person() -> None:
    (check,) = check_doubts({"too_good": "The result is too good to be true: ROC AUC 1.000."})
    assert (check.id, check.outcome) == ("doubts.too_good", Outcome.waiting)
    assert check_doubts({}) == []


def test_what_neither_code_nor_columns_explain_points_at_the_labels() -> None:
    flips = Check("total.flips", "total", Outcome.blocked, "labels flipped")
    same = Check("data.arrivals", "data", Outcome.passed, "like the old ones")
    (said, _) = say_what_is_left([flips, same], "left")
    assert said.summary.endswith("so look at their labels (`left`)")
    for other in (Check("rebuild.scores", "rebuild", Outcome.blocked, "x"), replace(same, outcome=Outcome.waiting)):
        assert say_what_is_left([flips, same, other], "left")[0] is flips
    assert say_what_is_left([flips], "left") == [flips]  # without both tables, nothing is known of the new rows


def test_a_column_that_stops_the_release_is_not_said_to_have_changed_as_usual() -> None:
    order = TimeOrder("", np.arange(3), np.arange(2))
    moved = ["amount: 162 to 9e+04", "region = north", "age"]
    (drift,) = without_contradiction(drift_note(moved, order), order)
    assert drift.summary.startswith("`amount: 162 to 9e+04`, `region` = north, `age` changed over time")
    stops = Check("data.new_rows", "data", Outcome.blocked, "100 times what it was", subject="amount")
    (drift, kept) = without_contradiction([drift, stops], order)
    assert drift.evidence["columns"] == ["region = north", "age"]
    assert "amount" not in drift.summary
    assert kept is stops
    assert without_contradiction([*drift_note(["amount"], order), stops], order) == [stops]
