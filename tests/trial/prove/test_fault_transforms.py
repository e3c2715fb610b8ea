"""Faults seeded into a real release: each changes what it should, can be taken out again, and needs nothing of ours."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from seatrial.model import Release
from seatrial.trial.prove import data_faults, fault_transforms
from seatrial.trial.prove.catalogue import CATALOGUE, FAULTS, describe_inputs, seeds

SOURCE = Path(fault_transforms.__file__)


@pytest.fixture
def facts(titanic: Release):
    columns = reference(titanic)
    numbers, strings = titanic.encode_table(columns)
    order = ["sex", "fare", "pclass", "age", "name", "cabin", "embarked", "sibsp", "parch"]
    inputs = titanic.metadata.inputs
    return describe_inputs(
        columns, order, inputs.numbers, inputs.strings, numbers, strings, titanic.score_table(columns)
    )


def reference(release: Release):
    from seatrial.model.table_files import read_chunks

    (chunk,) = read_chunks(release.artifacts / "reference.csv", release.checker)
    return chunk.columns


def fresh(release: Release) -> Release:
    return Release(release.package).load()


def test_the_file_needs_nothing_but_numpy():
    code = f"""
import sys, importlib.util
spec = importlib.util.spec_from_file_location("faults", {str(SOURCE)!r})
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
assert not [n for n in sys.modules if n.split(".")[0] in ("seatrial", "sklearn", "pandas", "scipy", "pydantic")]
"""
    subprocess.run([sys.executable, "-I", "-c", code], check=True)


def test_the_catalogue_and_the_effects_are_of_one_another():
    assert set(FAULTS) == set(fault_transforms.EFFECTS)
    assert len(CATALOGUE) == len(FAULTS)
    assert all(fault.sentence and fault.place in ("cell", "inputs", "scores", "labels") for fault in CATALOGUE)


def test_most_of_the_catalogue_suits_the_titanic(facts):
    chosen = {seed.fault.name for seed in seeds(facts)}
    assert len(chosen) >= 45
    assert set(FAULTS) - chosen <= {"thousands", "cut_predictions", "log_scale"}


# What the Titanic's features or its schema make up for, as `deck` strips and folds by itself.
HARMLESS = {
    "padding_kept",
    "padding_stripped",
    "unseen_first",
    "missing_frequent",
    "alone_differs",
    "float32",
    "missing_text",
}


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_a_fault_changes_the_answers_of_a_real_release(titanic: Release, facts, name):
    seed = next((s for s in seeds(facts) if s.fault.name == name), None)
    if seed is None:
        pytest.skip("the Titanic has nothing of the kind")
    columns = {n: v[:250] for n, v in reference(titanic).items()}
    release = fresh(titanic)
    before = release.score_table(columns)
    labels = release.decide_index(before)
    fault_transforms.apply(release, name, seed.parameters)
    after = release.score_table(columns)
    same = before.shape == after.shape and np.allclose(before, after, rtol=0, atol=1e-12)
    if seed.fault.place == "labels":
        assert same
        assert not np.array_equal(labels, release.decide_index(after))
    elif name in HARMLESS:
        assert after.shape == before.shape
    else:
        assert not same


def test_a_fault_shows_in_rows_as_in_tables_and_can_be_taken_out(titanic: Release):
    release = fresh(titanic)
    kept = vars(release).copy()
    row = release.metadata.example
    before = release.predict(row)[0]["probabilities"]
    fault_transforms.apply(release, "constant", {"column": "sex", "value": "male"})
    spoiled = release.predict(row)[0]["probabilities"]
    assert spoiled["1"] < before["1"] - 0.1
    vars(release).clear()
    vars(release).update(kept)
    assert release.predict(row)[0]["probabilities"] == before


def test_a_fault_of_single_rows_leaves_batches_alone(titanic: Release):
    release = fresh(titanic)
    row = release.metadata.example
    before = release.predict([row, row])
    fault_transforms.apply(release, "alone_differs", {"base": [0.6, 0.4]})
    assert release.predict([row, row]) == before
    assert release.predict(row) != before[:1]


def test_noise_is_other_noise_each_time(titanic: Release):
    release = fresh(titanic)
    fault_transforms.apply(release, "not_deterministic", {"spread": 0.3})
    assert release.predict(release.metadata.example) != release.predict(release.metadata.example)


COLUMNS = {
    "x": np.array([1.0, 2.0, np.nan, 4.0] * 50),
    "c": np.array(["a", "b", "a", None] * 50, dtype=object),
}
TARGET = np.array([0, 1, 1, 0] * 50)


def spot(rows=None):
    everywhere = np.ones(200, dtype=bool) if rows is None else rows
    return data_faults.Spot("x", "c", "c", COLUMNS["c"] == "a", everywhere)


@pytest.mark.parametrize("name", sorted(data_faults.DATA_FAULTS))
def test_a_fault_of_the_data_changes_the_table_and_not_the_callers(name):
    kept = {n: v.copy() for n, v in COLUMNS.items()}
    made = data_faults.DATA_FAULTS[name].change(COLUMNS, TARGET, spot(), np.random.default_rng(0))
    assert made is not None
    columns, target = made
    same = [len(target) == 200] + [
        [repr(x) for x in v.tolist()] == [repr(x) for x in columns[n].tolist()] for n, v in COLUMNS.items()
    ]
    assert not (all(same) and np.array_equal(target, TARGET))
    assert all([repr(x) for x in v] == [repr(x) for x in COLUMNS[n]] for n, v in kept.items())


def test_a_fault_of_new_rows_leaves_the_old_ones():
    new = np.arange(200) >= 150
    columns, _ = data_faults.DATA_FAULTS["unit_thousand"].change(COLUMNS, TARGET, spot(new), np.random.default_rng(0))
    assert np.array_equal(columns["x"][:150], COLUMNS["x"][:150], equal_nan=True)
    assert columns["x"][151] == 4000.0
