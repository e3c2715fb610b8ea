"""A row for which a feature function raises is a bad row, in tables of every kind."""

import numpy as np
import pyarrow as pa
import pytest

from seatrial.core.errors import DataError, Problem
from seatrial.model.features import FeatureError
from seatrial.model.table_files import Chunk
from seatrial.model.table_parts import encoded_chunks


def encode(columns):
    """A feature function that raises for zero."""
    if (columns["x"] == 0).any():
        raise FeatureError("division by zero")
    return 1 / columns["x"].reshape(-1, 1), np.empty((len(columns["x"]), 0), dtype=object)


def failing(columns):
    return [Problem(int(row), "inverse", "x=0", "ZeroDivisionError") for row in np.flatnonzero(columns["x"] == 0)]


def test_the_other_rows_of_a_chunk_are_encoded_and_the_row_is_counted_from_the_start():
    chunk = Chunk({"x": np.array([1.0, np.nan, 0.0, 4.0])}, [], [Problem(11, "x", "", "missing")], 4, 10)
    (encoded,) = encoded_chunks([chunk], encode, failing)
    assert [(problem.row, problem.column) for problem in encoded.problems] == [(11, "x"), (12, "inverse")]
    ((numbers, _),) = encoded.inputs
    assert numbers.tolist() == [[1.0], [0.25]]


def test_a_chunk_of_which_no_row_is_left_has_no_inputs():
    chunk = Chunk({"x": np.array([0.0])}, [], [], 1, 0, lines=[2])
    (encoded,) = encoded_chunks([chunk], encode, failing)
    assert (encoded.inputs, encoded.problems[0].line) == ([], 2)


@pytest.fixture
def raising(titanic, monkeypatch):
    """The release, with a feature that raises for one family."""
    function = next(feature for feature in titanic.features if feature.name == "family_size")

    def family_size(sibsp: int, parch: int) -> int:
        return 1 + sibsp + parch if sibsp != 7 else sibsp // 0

    changed = tuple(
        feature if feature is not function else type(feature)("family_size", family_size, feature.reads, True)
        for feature in titanic.features
    )
    monkeypatch.setitem(titanic.__dict__, "features", changed)
    monkeypatch.setitem(titanic.__dict__, "_arrays", {})
    return titanic


def test_a_release_names_the_feature_its_arguments_and_its_error(raising):
    row = {"pclass": 3, "name": "A, Mr. B", "sex": "male"}
    table = pa.Table.from_pylist([{**row, "sibsp": 1}, {**row, "sibsp": 7}, {**row, "sibsp": 2}])
    kept = raising.predict_table(table, on_bad_rows="keep").to_pylist()
    assert [answer["prediction"] is None for answer in kept] == [False, True, False]
    reason = [kept[1][name] for name in ("bad_column", "bad_value", "bad_rule")]
    assert reason[:2] == ["family_size", "sibsp=7, parch=0"]
    assert reason[2].startswith("ZeroDivisionError: ")
    with pytest.raises(DataError, match="sibsp 7, column family_size: 'sibsp=7, parch=0': ZeroDivisionError"):
        raising.predict_table(table, keep=["sibsp"])
    with pytest.raises(DataError, match="row 2, column family_size"):
        raising.predict(table)
