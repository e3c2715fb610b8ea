"""Crossed rows: of the schema's types, between the table's values, and retyped."""

import numpy as np

from seatrial.model.schema import Column
from seatrial.trial.rows.crossed_rows import cross_rows

SCHEMA = (
    Column("age", "integer", True, False, minimum=0, maximum=120),
    Column("fare", "number", False, True),
    Column("cabin", "text", True, False, max_length=4),
)
TABLE = {
    "age": np.array([10.0, 20.0, np.nan]),
    "fare": np.array([1.0, 2.0, 8.0]),
    "cabin": np.array(["C85", "e9", None], dtype=object),
}


def crossed(allowed=lambda c: np.ones(len(c["age"]), dtype=bool), seed=0):
    return cross_rows(SCHEMA, TABLE, allowed, rows=4_000, seed=seed)


def test_crossed_rows_are_on_and_next_to_tree_thresholds():
    fare = crossed()["fare"]
    assert {1.5, 5.0} <= set(fare.tolist())
    assert ((fare > 1) & (fare < 1.5)).any()
    assert ((fare > 1.5) & (fare < 2)).any()
    assert (fare > 8).any()


def test_crossed_rows_respect_the_schemas_types_and_ranges():
    columns = crossed()
    age = columns["age"][~np.isnan(columns["age"])]
    assert np.isnan(columns["age"]).any()
    assert ((age >= 0) & (age <= 120) & (age % 1 == 0)).all()


def test_texts_are_retyped_within_their_length():
    texts = set(crossed()["cabin"].tolist())
    assert {"C85", "e9", None, "E9", "c85", " e9 "} <= texts
    assert " C85 " not in texts  # longer than the schema allows


def test_crossed_rows_can_be_filtered_and_depend_only_on_the_seed():
    assert (crossed(lambda c: c["fare"] < 2)["fare"] < 2).all()
    assert np.array_equal(crossed(seed=3)["fare"], crossed(seed=3)["fare"])
    assert not np.array_equal(crossed(seed=3)["fare"], crossed(seed=4)["fare"])
