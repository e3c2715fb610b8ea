"""Candidates that are trained again: by faulty code, on faulty data, and after each harmless change."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from seatrial.core.errors import SeatrialError
from seatrial.model.carried_rows import SPLIT_KEY, WEIGHT
from seatrial.model.features import Array, Columns
from seatrial.model.schema import Column
from seatrial.trial.compare.queries import make_queries
from seatrial.trial.compare.row_matching import Table
from seatrial.trial.compare.scoring import Scoring
from seatrial.trial.policy import Policy
from seatrial.trial.prove.proof_setup import ProofSetup
from seatrial.trial.prove.retrained_candidates import Lab
from seatrial.trial.prove.trainer import TrainedRelease, Trainer
from seatrial.trial.recipes import Training
from seatrial.trial.rows.answer_collection import GoldenRows
from seatrial.trial.rows.reference import LabelledRows

SIZE = 400
SCHEMA = (Column("x", "number", nullable=False, required=True), Column("y", "number", nullable=False, required=True))
GENERATOR = np.random.default_rng(1)
OWN: Columns = {"x": GENERATOR.normal(size=SIZE), "y": GENERATOR.normal(size=SIZE)}
TARGET = OWN["x"] - 0.5 * OWN["y"] + 0.05 * GENERATOR.normal(size=SIZE)
UNSEEN: Columns = {"x": GENERATOR.normal(size=50), "y": GENERATOR.normal(size=50)}
TRAINED_ON: list[tuple[Columns, Array]] = []


def fit(columns: Columns, target: Array, weights: Array | None = None):
    """Least squares, sorted so that the order of rows and columns makes no difference at all."""
    matrix = np.column_stack([columns["x"], columns["y"], np.ones(len(target))])
    order = np.lexsort([*matrix.T, target])
    solution = np.linalg.lstsq(matrix[order], target[order], rcond=None)[0]
    solution = np.round(solution if weights is None else solution * weights, 9)

    def score(rows: Columns) -> Array:
        return np.column_stack([rows["x"], rows["y"], np.ones(len(rows["x"]))]) @ solution

    return score


def trained(columns: Columns, target: Array, weights: Array | None = None) -> TrainedRelease:
    held = np.floor(np.abs(target) * 1000) % 5 == 0  # by content, as a real split
    known = {name: values[~held] for name, values in columns.items()}
    rows = LabelledRows({name: values[held] for name, values in columns.items()}, target[held])
    training = Training(
        score=fit(known, target[~held], weights),
        refit=lambda rows: fit({n: v[rows] for n, v in known.items()}, target[~held][rows], weights),
        table=Table(columns, target, "z"),
        trained_rows=np.flatnonzero(~held),
        held_out=rows,
    )
    return TrainedRelease(training, {"cuts": {}, "seed": 0}, {})


def train(columns: Columns, target: Array) -> TrainedRelease:
    TRAINED_ON.append((columns, target))
    return trained({name: values for name, values in columns.items() if name in OWN}, target)


def make_lab(policy: Policy | None = None, **trainer: Any) -> Lab:
    own = trained(OWN, TARGET)
    functions = Trainer(own, train, lambda: own, lambda alter: None, lambda c: np.ones(len(c["x"])), (), (), ())
    setup = ProofSetup(
        sandbox=None,
        columns=SCHEMA,
        golden=GoldenRows(tuple({"x": float(k), "y": 1.0} for k in range(5)), np.zeros(5)),
        queries=make_queries(Scoring("regression", (), scale=1.0), OWN, TARGET),
        policy=policy or Policy(replicas=5),
        trainer=replace(functions, **trainer),
        model=SimpleNamespace(order=("x", "y")),
        crossed={},
        unseen=UNSEEN,
    )
    return Lab(setup, lambda _: None)


@pytest.fixture(autouse=True)
def nothing_held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every held-out row is unseen by both, and fingerprints are not compared: tests of these are elsewhere."""
    from seatrial.trial import difference_checks
    from seatrial.trial.prove import retrained_candidates

    monkeypatch.setattr(retrained_candidates, "held_out", lambda rows, _: np.ones(rows.rows, dtype=bool))
    monkeypatch.setattr(difference_checks, "compare_data", lambda *_: [])
    TRAINED_ON.clear()


def same_rows(columns: Columns, target: Array) -> bool:
    before, after = ({**OWN, "z": TARGET}, {**columns, "z": target})
    return all(np.array_equal(np.sort(before[name]), np.sort(after[name])) for name in before)


def test_harmless_changes_are_what_they_say() -> None:
    attempts = {attempt.name: attempt for attempt in make_lab().harmless_attempts()}
    assert list(attempts) == [
        "trained again", "columns reordered", "rows shuffled", "another seed", "15 % more rows",
        "a rolling window 1", "a rolling window 2",
    ]  # fmt: skip
    assert {attempt.family for attempt in attempts.values()} == {"harmless"}
    again, reordered, shuffled, old, window, old_2, window_2 = TRAINED_ON
    assert again[0] is OWN
    assert list(reordered[0]) == ["y", "x"]
    assert not np.array_equal(shuffled[1], TARGET)
    assert all(same_rows(*table) for table in (again, reordered, shuffled))
    for known, rolled in ((old, window), (old_2, window_2)):
        assert len(known[1]) == int(SIZE / 1.15)
        kept = np.isin(rolled[1], known[1])
        assert len(rolled[1]) == len(known[1])
        assert int((~kept).sum()) == int(0.1 * len(known[1]))
        assert set(rolled[1].tolist()) <= set(TARGET.tolist())
    assert not np.array_equal(old[1], old_2[1])


def by_time() -> TrainedRelease:
    """The same rows, split by time: the keys run against the order of the table."""
    own = trained(OWN, TARGET)
    table = replace(own.training.table, keys=-np.arange(SIZE, dtype=float), weights=np.arange(SIZE, dtype=float))
    return replace(own, training=replace(own.training, table=table), split={"by": "time", **own.split})


def test_tables_with_faults_keep_what_their_rows_are_split_by_and_their_weights() -> None:
    list(make_lab(own=by_time()).data_attempts())
    assert TRAINED_ON
    assert all({SPLIT_KEY, WEIGHT} < set(columns) for columns, _ in TRAINED_ON)
    assert all(np.array_equal(columns[SPLIT_KEY], -columns[WEIGHT]) for columns, _ in TRAINED_ON)


def test_by_time_later_rows_arrive_and_the_oldest_leave() -> None:
    list(make_lab(own=by_time()).harmless_attempts())
    known, rolled = (columns[SPLIT_KEY] for columns, _ in TRAINED_ON[-2:])
    arrived = np.setdiff1d(rolled, known)
    assert len(arrived) == int(0.1 * len(known))
    assert arrived.min() > known.max()
    assert np.setdiff1d(known, rolled).max() < rolled.min()


def test_a_table_whose_rows_cannot_be_split_any_more_is_left_out() -> None:
    def unsplittable(columns: Columns, target: Array) -> TrainedRelease:
        raise SeatrialError("most rows have the same `when`")

    assert list(make_lab(train=unsplittable).data_attempts()) == []


@pytest.mark.parametrize("name", ["trained again", "columns reordered", "rows shuffled", "another seed"])
def test_a_harmless_change_that_changes_no_answer_passes(name: str) -> None:
    (attempt,) = (attempt for attempt in make_lab().harmless_attempts() if attempt.name == name)
    assert (attempt.result, attempt.changed, attempt.cause, attempt.advice) == ("passed", 0, "", ())
    assert attempt.rows > 50


def test_a_harmless_change_that_is_blocked_comes_with_advice() -> None:
    own = trained(OWN, TARGET)
    turns = iter([1.0, 1.5])

    def unrepeatable(columns: Columns, target: Array) -> TrainedRelease:
        return trained(columns, target, np.array([next(turns, 1.0), 1.0, 1.0]))

    attempts = make_lab(own=own, train=unrepeatable, reseed=None).harmless_attempts()
    first, reordered = next(attempts), next(attempts)
    assert first.result == "passed"
    assert (reordered.name, reordered.result) == ("columns reordered", "blocked")
    assert reordered.changed > 0
    assert reordered.advice


def test_a_model_without_random_numbers_gets_no_other_seed() -> None:
    names = [attempt.name for attempt in make_lab(reseed=None).harmless_attempts()]
    assert "another seed" not in names
    assert len(names) == 6


def test_where_nothing_may_differ_other_rows_are_not_harmless() -> None:
    names = [attempt.name for attempt in make_lab(Policy(kind="repackage", replicas=5)).harmless_attempts()]
    assert names == ["trained again", "columns reordered"]


def test_a_fault_of_the_code_is_caught_by_the_rebuild() -> None:
    faulty = trained(OWN, TARGET, np.array([0.5, 1.0, 1.0]))
    attempts = list(make_lab(train_altered=lambda alter: faulty).code_attempts())
    assert [attempt.name for attempt in attempts] == ["underfit", "labels misaligned"]
    assert {attempt.result for attempt in attempts} == {"caught"}
    assert all("rebuild.scores" in attempt.failed for attempt in attempts)
    assert list(make_lab().code_attempts()) == []  # there is nothing to alter


def test_a_fault_of_the_code_that_changes_no_answer_is_unchanged() -> None:
    attempts = list(make_lab(train_altered=lambda alter: trained(OWN, TARGET)).code_attempts())
    assert {(attempt.result, attempt.changed) for attempt in attempts} == {("unchanged", 0)}


def test_faults_of_the_data_are_trained_and_name_their_columns() -> None:
    attempts = {attempt.name: attempt for attempt in make_lab().data_attempts()}
    assert attempts["unit_thousand"].columns == ("x",)
    assert attempts["unit_thousand"].result == "caught"
    assert attempts["fifth"].columns == ()
    assert attempts["fifth"].check == "data.rows" or attempts["fifth"].result in ("caught", "missed")
    assert "category_merged" not in attempts  # there is no column with categories
    assert all(attempt.advice for attempt in attempts.values() if attempt.result == "missed")
