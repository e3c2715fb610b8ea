"""The catalogue of serving faults, and the mutants that a model gets."""

import json

import numpy as np
import pytest
from tests.trial.prove.models import titanic_profile

from seatrial.model import Release
from seatrial.model.schema import Column
from seatrial.trial.prove.fault_transforms import TRANSFORMS
from seatrial.trial.prove.serving_faults import CATALOGUE, FAULTS, NEEDS, column_mutants, mutants, profile_model


def test_every_fault_has_a_transform_and_every_transform_a_fault():
    assert {fault.transform for fault in CATALOGUE} | {"lag"} == set(TRANSFORMS)
    assert {fault.needs for fault in CATALOGUE} == set(NEEDS)
    assert len(CATALOGUE) == len(FAULTS)
    stages = ("value", "inputs", "scores", "labels")
    assert all(fault.sentence and TRANSFORMS[fault.transform][0] in stages for fault in CATALOGUE)


def test_most_of_the_catalogue_suits_the_titanic(titanic: Release):
    chosen = {mutant.name for mutant in mutants(titanic_profile(titanic))}
    assert len(chosen) >= 45
    assert set(FAULTS) - chosen <= {"thousands", "cut_predictions", "log_scale"}


REGRESSION = profile_model(
    {"size": np.array([1.0, 2.0, np.nan, 5000.0]), "town": np.array(["b", "b", "a", None], dtype=object)},
    ("size", "town"),
    {"size": np.array([1.0, 2.0, np.nan, 5000.0])},
    {"town": np.array(["b", "b", "a", ""], dtype=object)},
    np.array([10.0, 12.0, 14.0, 16.0]),
)


def test_a_profile_sums_up_a_model():
    assert REGRESSION.typical == {"size": 2.0, "town": "b"}
    assert REGRESSION.largest == {"size": 5000.0}
    assert REGRESSION.strings == {"town": ["b", "a"]}
    assert (REGRESSION.numbers["size"]["median"], REGRESSION.numbers["size"]["missing"]) == (2.0, True)
    assert (REGRESSION.classes, REGRESSION.base) == (0, [13.0])


def test_a_regression_gets_the_faults_of_predictions_and_not_those_of_classes():
    chosen = {mutant.name: mutant for mutant in mutants(REGRESSION)}
    assert {"cut_predictions", "log_scale", "thousands", "padding_kept"} <= set(chosen)
    assert not {"class_index", "threshold", "softmax_twice", "cut_scores", "swap_alike", "columns_reordered"} & set(
        chosen
    )
    assert chosen["drop_strong"].columns == ("size",)
    assert chosen["drop_weak"].columns == ("town",)
    assert chosen["category_order"].fault.parameters["values"] == ["b", "a"]
    assert json.dumps([mutant.fault.parameters for mutant in chosen.values()])  # they are sent to a sandbox as JSON


@pytest.mark.parametrize(("name", "pair"), [("swap_alike", {"a", "b"}), ("swap_unlike", {"a", "c"})])
def test_inputs_are_swapped_by_how_alike_they_are(name: str, pair: set[str]):
    numbers = {"a": np.array([1.0, 2.0]), "b": np.array([1.5, 2.5]), "c": np.array([90.0, 91.0])}
    model = profile_model(numbers, ("a", "b", "c"), numbers, {}, np.array([[0.5, 0.5]]))
    (mutant,) = (mutant for mutant in mutants(model) if mutant.name == name)
    assert set(mutant.columns) == pair


def test_each_column_gets_the_mutants_that_its_schema_allows():
    columns = (
        Column("size", "number", nullable=True, required=True),
        Column("town", "text", nullable=False, required=True),
    )
    found = {mutant.name: mutant for mutant in column_mutants(columns, REGRESSION)}
    assert set(found) == {"constant[size]", "missing[size]", "shuffled[size]", "constant[town]", "shuffled[town]"}
    assert found["constant[town]"].fault.parameters == {"column": "town", "value": "b"}
    assert found["shuffled[size]"].columns == ("size",)
