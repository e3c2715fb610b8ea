"""Training data by its fingerprints, and what a release costs."""

import dataclasses

import numpy as np
import pytest
from tests.trial.compare.formula_models import passengers

from seatrial.model.schema import Column
from seatrial.train.profile import fingerprint
from seatrial.trial.compare.training_data import compare_data
from seatrial.trial.policy import Policy
from seatrial.trial.records import Outcome

SCHEMA = (
    Column("age", "number", True, False),
    Column("fare", "number", False, True),
    Column("sex", "category", False, True, categories=("female", "male")),
    Column("deck", "category", True, False, categories=("A", "B", "C")),
)


def fingerprint_of(columns, target=None, rows=slice(None)):
    size = len(columns["age"])
    target = np.random.default_rng(0).integers(0, 2, size) if target is None else target
    columns = {n: v[rows] for n, v in columns.items()}
    return dataclasses.asdict(fingerprint("", columns, SCHEMA, target[rows], "survived", "binary"))


OLD = passengers(2_000)


def failed(new, old=None):
    checks = compare_data(old or fingerprint_of(OLD), new, Policy())
    return {c.subject or c.name: c for c in checks if c.outcome in (Outcome.blocked, Outcome.waiting)}


def test_a_fresh_sample_of_the_same_kind_passes():
    for seed in range(1, 6):
        assert not failed(fingerprint_of(passengers(2_300, seed=seed)))


@pytest.mark.parametrize(
    ("column", "change", "words"),
    [
        ("fare", lambda v: v * 1000, "another unit"),
        ("fare", lambda v: np.full_like(v, 7.0), "the same in every row"),
        ("age", lambda v: np.where(np.arange(len(v)) % 2, np.nan, v), "missing in"),
        ("age", lambda v: np.nan_to_num(v, nan=30.0), "missing in 0%"),
        ("sex", lambda v: np.full(len(v), "male", dtype=object), "the same in every row"),
        ("deck", lambda v: np.where(v == "B", "A", v), "`deck` = B have vanished"),
    ],
)
def test_a_changed_column_is_named_with_its_change(column, change, words):
    check = failed(fingerprint_of({**OLD, column: change(OLD[column])}))[column]
    assert words in check.summary


def test_missing_rows_and_other_label_rates_are_found():
    assert failed(fingerprint_of(OLD, rows=slice(0, 400)))["data.rows"].outcome is Outcome.blocked
    assert "survived" in failed(fingerprint_of(OLD, target=np.zeros(2_000, dtype=int) + (np.arange(2_000) % 5 == 0)))


def test_a_release_without_a_fingerprint_is_inconclusive():
    assert compare_data({}, fingerprint_of(OLD), Policy())[0].outcome is Outcome.inconclusive


@pytest.mark.parametrize(("share", "blocked"), [(0.001, False), (0.3, True)])
def test_a_rare_value_that_is_gone_by_chance_is_no_constant_column(share: float, blocked: bool) -> None:
    rare = np.where(np.arange(2_000) < share * 2_000, 2.0, 1.0)
    old, new = fingerprint_of({**OLD, "fare": rare}), fingerprint_of({**OLD, "fare": np.ones(2_000)})
    found = failed(new, old)
    assert ("fare" in found and "now the same in every row" in found["fare"].summary) is blocked
