"""Generated rows obey the schema, reach its bounds, and are on the thresholds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from tests.compile.cases import BINARY, COLUMNS, FRAME, TABLE, framed

from seatrial.compile.boundaries import _ordinal, _value, boundary_rows
from seatrial.compile.proof_rows import generate, generate_allowed
from seatrial.compile.trees import thresholds_of
from seatrial.model.inputs import Inputs
from seatrial.model.schema import Column

DRAWN = generate(COLUMNS, TABLE, rows=20_000, seed=5)


def test_the_rows_depend_on_the_seed():
    again = generate(COLUMNS, TABLE, rows=20_000, seed=5)
    assert framed(DRAWN).equals(framed(again))
    assert not framed(DRAWN).equals(framed(generate(COLUMNS, TABLE, rows=20_000, seed=6)))


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.name)
def test_every_value_obeys_its_columns_rule(column):
    values = DRAWN[column.name]
    missing = np.isnan(values) if column.numeric else np.array([value is None for value in values])
    assert len(values) == 20_000
    assert (missing.sum() > 1000) if column.nullable else not missing.any()
    present = values[~missing]
    if column.categories:
        assert set(present) == set(column.categories)
    if column.minimum is not None:
        assert present.min() > column.minimum if column.exclusive_minimum else present.min() == column.minimum
    if column.maximum is not None:
        assert present.max() == column.maximum
    if column.kind == "integer":
        assert (present % 1 == 0).all()
    if column.max_length is not None:
        assert max(map(len, present)) == column.max_length
        assert "" not in present


def test_the_doubles_next_to_the_ends_are_among_the_rows():
    ages = DRAWN["age"]
    for value in (0.0, np.nextafter(0.0, 1), np.nextafter(80.0, 0), 80.0):
        assert (ages == value).any()


def test_texts_that_are_not_in_the_table_are_among_the_rows():
    unseen = {value for value in DRAWN["deck"] if value is not None} - set(TABLE["deck"])
    assert {"unseen", "a", " A "} <= unseen


def test_an_open_category_is_drawn_beyond_its_list_and_a_closed_one_is_not():
    for is_open in (True, False):
        columns = [
            Column("text", "category", nullable=False, required=True, categories=("a", "b"), open=is_open),
            Column("number", "category", nullable=False, required=True, categories=(1, 2), open=is_open),
            Column("free", "number", nullable=False, required=True),
        ]
        table = {"text": np.array(["a", "b"], object), "number": np.array([1.0, 2]), "free": np.array([5.0, 7])}
        rows = generate(columns, table, rows=2_000)
        assert bool(set(rows["text"]) - {"a", "b"}) is is_open
        assert bool(set(rows["number"]) - {1.0, 2.0}) is is_open
        assert rows["free"].min() < 5  # a column without bounds goes beyond the table on both sides
        assert rows["free"].max() > 7


def test_rows_that_the_schema_rejects_are_drawn_again():
    def allowed(table):
        return np.array([deck is None or deck.isupper() for deck in table["deck"]])

    drawn = generate_allowed(COLUMNS, TABLE, allowed, rows=5000, seed=0)
    assert len(drawn["deck"]) >= 5000
    assert allowed(drawn).all()
    assert "UNSEEN" in set(drawn["deck"])


def test_a_schema_that_rejects_nearly_all_rows_gets_rows_of_the_table():
    together = set(zip(TABLE["sex"], TABLE["fare"], strict=True))

    def allowed(table):
        return np.array([pair in together for pair in zip(table["sex"], table["fare"], strict=True)])

    drawn = generate_allowed(COLUMNS, TABLE, allowed, rows=5000, seed=0)
    assert len(drawn["sex"]) >= 5000
    assert allowed(drawn).all()


def test_both_sides_of_every_threshold_are_among_the_rows():
    inputs = Inputs(("fare", "size"), ())
    frame = FRAME[["fare", "size"]]
    model = DecisionTreeClassifier(max_depth=5, random_state=0).fit(frame, BINARY)
    rows = boundary_rows(model, inputs, frame, frame, seed=0)
    fares = set(rows["fare"])
    thresholds = thresholds_of(model)[0]
    assert len(thresholds) > 5
    for threshold in thresholds:
        assert threshold in fares
        assert np.nextafter(threshold, np.inf) in fares


def test_thresholds_are_found_through_the_preprocessing():
    inputs = Inputs(("fare", "size"), ())
    frame = FRAME[["fare", "size"]]
    pipeline = make_pipeline(StandardScaler(), DecisionTreeClassifier(max_depth=4, random_state=0)).fit(frame, BINARY)
    rows = boundary_rows(pipeline, inputs, frame, frame, seed=0)
    scaled = pipeline[:-1].transform(rows)[:, 0]
    for threshold in thresholds_of(pipeline[-1])[0]:
        below, above = scaled[scaled <= threshold].max(), scaled[scaled > threshold].min()
        assert above - below < 1e-12


def test_a_smooth_model_has_no_thresholds():
    inputs = Inputs(("fare", "size"), ())
    frame = FRAME[["fare", "size"]]
    model = LogisticRegression().fit(frame, BINARY)
    assert len(boundary_rows(model, inputs, frame, frame, seed=0)) == 0


numbers = st.floats(-1e30, 1e30) | st.floats(-1e-40, 1e-40) | st.integers(-20, 20).map(float)


@given(numbers)
def test_adjacent_doubles_have_adjacent_numbers(value):
    values = np.array([value])
    assert _value(_ordinal(values)) == values
    assert _ordinal(np.nextafter(values, np.inf)) == _ordinal(values) + 1
