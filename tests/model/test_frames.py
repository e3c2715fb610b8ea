"""Data frames in, data frames of the same kind out, with exactly the predictions that rows get."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from tests.conftest import TITANIC

from seatrial.core.errors import DataError, SeatrialError
from seatrial.model.frames import frame_like, is_frame
from seatrial.model.table_files import CHUNK

PASSENGERS = pd.read_csv(TITANIC / "data" / "titanic.csv").drop(columns="survived")
COLUMNS = ["prediction", "probability_0", "probability_1", "warnings"]


def expected(titanic, frame: pd.DataFrame) -> np.ndarray:
    """The probability of survival that rows get, one by one."""
    rows = [{k: v for k, v in row.items() if k in names(titanic) and pd.notna(v)} for row in frame.to_dict("records")]
    whole = {c.name for c in titanic.columns if c.kind == "integer"}
    rows = [{k: int(v) if k in whole else v for k, v in row.items()} for row in rows]
    return np.array([answer["probabilities"]["1"] for answer in titanic.predict(rows)])


def names(titanic) -> set[str]:
    return {column.name for column in titanic.columns}


KINDS = {
    "pandas": lambda frame: frame,
    "pandas objects": lambda frame: frame.astype(object).where(frame.notna(), None),
    "pandas categories": lambda frame: frame.astype({"sex": "category", "cabin": "category", "pclass": "category"}),
    "pandas nullable types": lambda frame: frame.convert_dtypes(),
    "pandas Arrow types": lambda frame: frame.convert_dtypes(dtype_backend="pyarrow"),
    "polars": pl.from_pandas,
    "Arrow table": lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
    "Arrow batch": lambda frame: pa.RecordBatch.from_pandas(frame, preserve_index=False),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_frame_gets_what_its_rows_get_and_comes_back_as_the_same_kind(titanic, kind: str):
    frame = KINDS[kind](PASSENGERS.head(200))
    predicted = titanic.predict(frame)
    assert type(predicted) is type(frame)
    table = (
        predicted
        if isinstance(predicted, pd.DataFrame)
        else pd.DataFrame(
            predicted.to_pydict() if hasattr(predicted, "to_pydict") else predicted.to_dict(as_series=False)
        )
    )
    assert list(table.columns) == COLUMNS
    assert table["probability_1"].to_numpy(dtype=float) == pytest.approx(
        expected(titanic, PASSENGERS.head(200)), abs=1e-12
    )
    assert table["prediction"].tolist() == (table["probability_1"] >= 0.5).astype(int).tolist()
    assert (table["probability_0"] + table["probability_1"]).to_numpy(dtype=float) == pytest.approx(np.ones(200))


@pytest.mark.parametrize("kind", ["pandas", "polars", "Arrow table"])
def test_a_frame_names_the_values_that_training_never_saw(titanic, kind: str):
    frame = PASSENGERS.head(3).assign(age=[30.0, 99.0, None])
    warnings = titanic.predict(KINDS[kind](frame))["warnings"]
    assert [
        text if isinstance(text, str) else None
        for text in (warnings.to_pylist() if kind == "Arrow table" else warnings.to_list())
    ] == [
        None,
        "age: Above 80, the largest value in training",
        None,
    ]


WITHOUT_PYARROW = """
import sys
from importlib import util
sys.modules["pyarrow"] = None
installed = util.find_spec
util.find_spec = lambda name, *more: None if name == "pyarrow" else installed(name, *more)
import json, pandas, polars
from seatrial.model import Release
sys.path.insert(0, sys.argv[1])
release = Release("titanic_model")
frame = pandas.read_csv(sys.argv[2]).drop(columns="survived").head(50)
frames = (frame, frame.convert_dtypes(), polars.read_csv(sys.argv[2]).drop("survived").head(50))
print(json.dumps([list(release.predict(each)["probability_1"]) for each in frames]))
"""


def test_pandas_and_polars_need_no_pyarrow(titanic, titanic_project: Path):
    command = [sys.executable, "-c", WITHOUT_PYARROW, str(titanic_project / "src"), str(TITANIC / "data/titanic.csv")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for probabilities in json.loads(done.stdout):
        assert probabilities == pytest.approx(expected(titanic, PASSENGERS.head(50)), abs=1e-12)


def test_pandas_keeps_its_index_and_the_order_of_its_rows(titanic):
    frame = PASSENGERS.sample(60, random_state=1)
    predicted = titanic.predict(frame)
    assert predicted.index.equals(frame.index)
    whole = titanic.predict(PASSENGERS)
    pd.testing.assert_frame_equal(predicted, whole.loc[frame.index])


def test_a_frame_longer_than_a_chunk_is_predicted_in_order(titanic):
    frame = pd.concat([PASSENGERS] * 60, ignore_index=True)
    assert len(frame) > CHUNK
    predicted = titanic.predict(frame)["probability_1"].to_numpy()
    assert np.array_equal(predicted, np.tile(predicted[: len(PASSENGERS)], 60))


@pytest.mark.parametrize("kind", ["pandas", "polars", "Arrow table"])
def test_a_frame_without_rows_gives_one_without_rows(titanic, kind: str):
    predicted = titanic.predict(KINDS[kind](PASSENGERS).slice(0, 0) if kind != "pandas" else PASSENGERS.head(0))
    assert len(predicted) == 0
    assert [*(predicted.column_names if kind == "Arrow table" else predicted.columns)] == COLUMNS


@pytest.mark.parametrize("kind", KINDS)
def test_rows_that_break_the_schema_are_named_with_column_and_rule(titanic, kind: str):
    frame = KINDS[kind](PASSENGERS.head(10).assign(sex=["male"] * 7 + ["x"] + ["female"] * 2))
    with pytest.raises(DataError, match="1 of 10 rows break the schema") as raised:
        titanic.predict(frame)
    (problem,) = raised.value.problems
    assert (problem.row, problem.column, problem.value) == (7, "sex", "x")


def test_true_is_not_a_number_even_where_pandas_treats_it_as_one(titanic):
    frame = PASSENGERS.head(3).assign(pclass=pd.Series([1, True, 3], dtype=object))
    with pytest.raises(DataError) as raised:
        titanic.predict(frame)
    assert [problem.row for problem in raised.value.problems] == [1]


def test_what_is_not_a_table_is_refused_with_what_to_do(titanic):
    with pytest.raises(SeatrialError, match="has no column `sex`"):
        titanic.predict(PASSENGERS.drop(columns="sex"))
    with pytest.raises(SeatrialError, match="two columns called 'sex'"):
        titanic.predict(pd.concat([PASSENGERS, PASSENGERS[["sex"]]], axis=1))
    with pytest.raises(SeatrialError) as raised:
        titanic.predict(pl.from_pandas(PASSENGERS).lazy())
    assert raised.value.hint == "Call .collect() first."
    for series in (PASSENGERS["sex"], PASSENGERS.iloc[0]):
        with pytest.raises(SeatrialError, match="A Series is not a table"):
            titanic.predict(series)


def test_rows_are_predicted_as_lists_of_rows_and_one_row_as_a_list_of_one(titanic):
    row = {"pclass": 3, "name": "Dawson, Mr. Jack", "sex": "male", "age": 20.0}
    assert not is_frame([row])
    assert titanic.predict(row) == titanic.predict([row]) == titanic.predict((row,))
    assert len(titanic.predict([row, row])) == 2


@pytest.mark.parametrize("kind", ["pandas", "polars", "Arrow table"])
def test_explanations_of_a_frame_add_up_to_the_difference(titanic, kind: str):
    frame = KINDS[kind](PASSENGERS.head(4))
    explained = titanic.explain(frame)
    assert type(explained) is type(frame)
    table = pd.DataFrame(
        {n: list(explained[n]) for n in (explained.column_names if kind == "Arrow table" else explained.columns)}
    )
    if kind == "Arrow table":
        table = explained.to_pandas()
    shares = [name for name in table.columns if name.startswith("contribution_")]
    assert {name.removeprefix("contribution_") for name in shares} == titanic.used_columns
    total = table[shares].to_numpy(dtype=float).sum(axis=1)
    assert total == pytest.approx((table["score"] - table["typical_score"]).to_numpy(dtype=float), abs=1e-12)
    assert table["score"].to_numpy(dtype=float) == pytest.approx(expected(titanic, PASSENGERS.head(4)), abs=1e-12)
    assert table["label"].tolist() == [1] * 4


def test_a_row_and_rows_are_explained_as_a_parsed_row_is(titanic):
    row = {"pclass": 3, "name": "Dawson, Mr. Jack", "sex": "male", "age": 20.0}
    (parsed,) = titanic.parse(b'{"pclass": 3, "name": "Dawson, Mr. Jack", "sex": "male", "age": 20.0}')
    assert titanic.explain(row) == titanic.explain(parsed)
    assert titanic.explain([row, row]) == [titanic.explain(row)] * 2


def test_another_frame_that_exports_arrow_comes_back_as_an_arrow_table():
    class Exported:
        def __init__(self, table: pa.Table) -> None:
            self._table = table

        def __arrow_c_stream__(self, requested_schema=None):
            return self._table.__arrow_c_stream__(requested_schema)

    assert is_frame(Exported(pa.table({"x": [1]})))
    assert frame_like(Exported(pa.table({"x": [1]})), {"y": [1.5]}) == pa.table({"y": [1.5]})


@pytest.mark.parametrize("kind", ["pandas", "polars", "Arrow table"])
@pytest.mark.parametrize("rows", [200, 0])
def test_a_frame_gets_the_sets_that_its_rows_get(titanic, kind: str, rows: int):
    frame = KINDS[kind](PASSENGERS.head(rows))
    found = titanic.interval(frame, 0.95)
    assert type(found) is type(frame)
    table = found if kind == "pandas" else found.to_pandas()
    assert (list(table.columns), len(table)) == (["in_set_0", "in_set_1"], rows)
    probability = titanic.predict(PASSENGERS.head(rows))["probability_1"]
    least = titanic.metadata.intervals["levels"]["0.95"]["least"]
    assert table["in_set_1"].tolist() == ((probability >= least) | (probability > 0.5)).tolist()
