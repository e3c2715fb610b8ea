"""Predicting files: every format gives the same predictions, and an output file is complete or not written."""

import csv
import io
import json
import tracemalloc

import numpy as np
import pandas as pd
import pytest

from seatrial.core.errors import DataError, SeatrialError
from seatrial.model.batch import _beside, predict_table


@pytest.fixture(scope="module")
def table(titanic_project):
    passengers = pd.read_csv(titanic_project / "data" / "titanic.csv")
    return passengers.drop(columns=["survived", "boat", "body", "home_dest"])


@pytest.fixture
def expected(titanic, table):
    rows = json.loads(table.to_json(orient="records"))
    return [answer["probabilities"]["1"] for answer in titanic.predict(rows)]


def write_table(path, table):
    if path.suffix == ".csv":
        table.to_csv(path, index=False)
    elif path.suffix == ".parquet":
        table.to_parquet(path, index=False)
    else:
        table.to_json(path, orient="records")
    return path


def read_table(path):
    readers = {".csv": pd.read_csv, ".parquet": pd.read_parquet, ".json": pd.read_json}
    return readers[path.suffix](path)


@pytest.mark.parametrize("source", [".csv", ".parquet", ".json"])
@pytest.mark.parametrize("output", [".csv", ".parquet", ".json"])
def test_every_format_gives_what_single_rows_give(titanic, table, expected, tmp_path, source, output):
    rows = predict_table(titanic, write_table(tmp_path / f"in{source}", table), tmp_path / f"out{output}")
    result = read_table(tmp_path / f"out{output}")
    assert rows == len(result) == len(table)
    assert list(result) == ["prediction", "probability_0", "probability_1"]
    assert np.abs(result["probability_1"] - expected).max() < 1e-12
    assert (result["prediction"] == (np.array(expected) >= 0.5)).all()


def test_keep_writes_the_rows_own_columns_unchanged(titanic, table, tmp_path):
    predict_table(titanic, write_table(tmp_path / "in.csv", table), tmp_path / "out.parquet", keep=True)
    result = pd.read_parquet(tmp_path / "out.parquet")
    for name in table:
        assert result[name].dropna().tolist() == table[name].dropna().tolist()
        assert (result[name].isna() == table[name].isna()).all()


@pytest.mark.parametrize("as_json", [False, True])
def test_without_an_output_file_the_predictions_are_printed(titanic, table, expected, tmp_path, capsys, as_json):
    source = write_table(tmp_path / "in.csv", table.head(3))
    predict_table(titanic, source, None, as_json=as_json)
    text = capsys.readouterr().out
    rows = json.loads(text) if as_json else list(csv.DictReader(io.StringIO(text)))
    assert [float(row["probability_1"]) for row in rows] == pytest.approx(expected[:3], abs=1e-12)


def test_the_chunk_size_does_not_change_the_predictions(titanic, table, expected, tmp_path, monkeypatch):
    from seatrial.model import table_files

    monkeypatch.setattr(table_files.read_chunks, "__kwdefaults__", {"target": None, "size": 100})
    predict_table(titanic, write_table(tmp_path / "in.csv", table), tmp_path / "out.csv")
    assert pd.read_csv(tmp_path / "out.csv")["probability_1"].tolist() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", ["out.csv", "out.parquet", "out.json"])
def test_an_invalid_row_leaves_an_existing_output_file_unchanged(titanic, table, tmp_path, name):
    bad = table.copy()
    bad.loc[700, "age"] = -5
    (tmp_path / name).write_text("previous content")
    with pytest.raises(DataError, match=r"line 702, column age: '-5.0': .*greater than or equal to 0") as raised:
        predict_table(titanic, write_table(tmp_path / "in.csv", bad), tmp_path / name)
    assert "--on-bad-rows" not in raised.value.hint  # which is an option of `seatrial train`
    assert (tmp_path / name).read_text() == "previous content"
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(["in.csv", name])


@pytest.mark.parametrize(
    ("output", "message"),
    [("out.xlsx", "files that end in .xlsx cannot be written"), ("nowhere/out.csv", "does not exist")],
)
def test_an_impossible_output_is_refused_before_predicting(titanic, table, tmp_path, output, message):
    with pytest.raises(SeatrialError, match=message):
        predict_table(titanic, write_table(tmp_path / "in.csv", table), tmp_path / output)
    assert [p.name for p in tmp_path.iterdir()] == ["in.csv"]


def test_memory_use_does_not_grow_with_the_table(titanic, table, tmp_path):
    def peak(times):
        source = tmp_path / f"{times}.parquet"
        pd.concat([table] * times).to_parquet(source, row_group_size=20_000)
        tracemalloc.start()
        predict_table(titanic, source, tmp_path / "out.parquet")
        result = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return result

    peak(1)
    assert peak(200) < 2.5 * peak(60)  # 262,000 rows and 78,000: both more than a chunk


def test_a_column_called_like_a_prediction_is_kept_under_another_name():
    columns = {"prediction": [1], "input_prediction": [2], "age": [3]}
    kept = _beside(columns, {"prediction": [4]})
    assert kept == {"input_input_prediction": [1], "input_prediction": [2], "age": [3]}
