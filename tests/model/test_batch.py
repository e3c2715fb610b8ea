"""Predicting files: every format gives the same predictions, and an output file is complete or not written."""

import csv
import io
import json
import tracemalloc

import numpy as np
import pandas as pd
import pytest

from seatrial.core.errors import DataError, SeatrialError
from seatrial.model.batch import _beside, predict_file


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
    written = predict_file(titanic, write_table(tmp_path / f"in{source}", table), tmp_path / f"out{output}")
    result = read_table(tmp_path / f"out{output}")
    assert written.rows == len(result) == len(table)
    assert list(result) == ["prediction", "probability_0", "probability_1", "warnings"]
    assert np.abs(result["probability_1"] - expected).max() < 1e-12
    assert (result["prediction"] == (np.array(expected) >= 0.5)).all()


def test_keep_writes_the_rows_own_columns_unchanged(titanic, table, tmp_path):
    predict_file(titanic, write_table(tmp_path / "in.csv", table), tmp_path / "out.parquet", keep=True)
    result = pd.read_parquet(tmp_path / "out.parquet")
    for name in table:
        assert result[name].dropna().tolist() == table[name].dropna().tolist()
        assert (result[name].isna() == table[name].isna()).all()


@pytest.mark.parametrize("as_json", [False, True])
def test_without_an_output_file_the_predictions_are_printed(titanic, table, expected, tmp_path, capsys, as_json):
    source = write_table(tmp_path / "in.csv", table.head(3))
    predict_file(titanic, source, None, as_json=as_json)
    text = capsys.readouterr().out
    rows = json.loads(text) if as_json else list(csv.DictReader(io.StringIO(text)))
    assert [float(row["probability_1"]) for row in rows] == pytest.approx(expected[:3], abs=1e-12)


def test_the_chunk_size_does_not_change_the_predictions(titanic, table, expected, tmp_path, monkeypatch):
    from seatrial.model import table_files

    monkeypatch.setattr(table_files.read_chunks, "__kwdefaults__", {"target": None, "further": None, "size": 100})
    predict_file(titanic, write_table(tmp_path / "in.csv", table), tmp_path / "out.csv")
    assert pd.read_csv(tmp_path / "out.csv")["probability_1"].tolist() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", ["out.csv", "out.parquet", "out.json"])
def test_an_invalid_row_leaves_an_existing_output_file_unchanged(titanic, table, tmp_path, name):
    bad = table.copy()
    bad.loc[700, "age"] = -5
    (tmp_path / name).write_text("previous content")
    with pytest.raises(DataError, match=r"line 702, column age: '-5.0': .*greater than or equal to 0") as raised:
        predict_file(titanic, write_table(tmp_path / "in.csv", bad), tmp_path / name)
    assert "--on-bad-rows drop" in raised.value.hint
    assert (tmp_path / name).read_text() == "previous content"
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(["in.csv", name])


@pytest.fixture
def with_bad_rows(table, tmp_path):
    """Four rows in chunks of 100 break a rule, two of them another one too; one chunk has bad rows only."""
    bad = table.copy()
    bad.loc[[3, 5, 7, 700], "age"] = [-1, -2, -3, -4]
    bad.loc[[5, 7], "embarked"] = "X"
    bad.loc[100:199, "sibsp"] = -1
    return write_table(tmp_path / "in.csv", bad)


def test_bad_rows_are_grouped_by_rule_with_counts_and_the_first_three(titanic, with_bad_rows, tmp_path):
    with pytest.raises(DataError) as raised:
        predict_file(titanic, with_bad_rows, tmp_path / "out.csv")
    first, *groups = raised.value.message.splitlines()
    assert first == "in.csv: 104 of 1,309 rows break the schema."
    assert groups == [
        "  column sibsp: Input should be greater than or equal to 0 (100 rows): "
        "line 102 ('-1'), line 103 ('-1'), line 104 ('-1'), ...",
        "  column age: Input should be greater than or equal to 0 (4 rows): "
        "line 5 ('-1.0'), line 7 ('-2.0'), line 9 ('-3.0'), ...",
        "  column embarked: Input should be 'C', 'Q' or 'S' (2 rows): line 7 ('X'), line 9 ('X')",
    ]


@pytest.mark.parametrize("output", ["out.csv", "out.parquet", "out.json"])
@pytest.mark.parametrize("policy", ["drop", "keep"])
def test_bad_rows_are_dropped_or_kept_without_a_prediction(
    titanic, table, expected, with_bad_rows, tmp_path, monkeypatch, output, policy
):
    from seatrial.model import table_files

    monkeypatch.setattr(table_files.read_chunks, "__kwdefaults__", {"target": None, "further": None, "size": 100})
    written = predict_file(titanic, with_bad_rows, tmp_path / output, on_bad_rows=policy)
    result = read_table(tmp_path / output)
    bad = np.zeros(len(table), dtype=bool)
    bad[[3, 5, 7, 700, *range(100, 200)]] = True
    assert written.bad.rows == bad.sum()
    good = result[~bad] if policy == "keep" else result
    assert written.rows == len(result) == len(table) - (0 if policy == "keep" else bad.sum())
    assert np.abs(good["probability_1"].to_numpy(dtype=float) - np.array(expected)[~bad]).max() < 1e-12
    if policy == "keep":
        assert result.loc[bad, ["prediction", "probability_0", "probability_1"]].isna().all(axis=None)
        assert result["warnings"][5] == (
            "refused: age '-2.0': Input should be greater than or equal to 0; "
            "refused: embarked 'X': Input should be 'C', 'Q' or 'S'"
        )


def test_a_file_of_bad_rows_only_has_nothing_to_drop_them_from(titanic, table, tmp_path):
    source = write_table(tmp_path / "in.csv", table.assign(age=-1.0))
    with pytest.raises(DataError, match="1,309 of 1,309 rows") as raised:
        predict_file(titanic, source, tmp_path / "out.csv", on_bad_rows="drop")
    assert raised.value.hint == "No row is left to predict."
    kept = predict_file(titanic, source, tmp_path / "out.csv", on_bad_rows="keep")
    assert (kept.rows, kept.bad.rows) == (1309, 1309)


@pytest.mark.parametrize(
    ("output", "message"),
    [("out.xlsx", "files that end in .xlsx cannot be written"), ("nowhere/out.csv", "does not exist")],
)
def test_an_impossible_output_is_refused_before_predicting(titanic, table, tmp_path, output, message):
    with pytest.raises(SeatrialError, match=message):
        predict_file(titanic, write_table(tmp_path / "in.csv", table), tmp_path / output)
    assert [p.name for p in tmp_path.iterdir()] == ["in.csv"]


def test_memory_use_does_not_grow_with_the_table(titanic, table, tmp_path, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 2)  # so many chunks are scored at the same time

    def peak(times):
        source = tmp_path / f"{times}.parquet"
        pd.concat([table] * times).to_parquet(source, row_group_size=20_000)
        tracemalloc.start()
        predict_file(titanic, source, tmp_path / "out.parquet")
        result = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return result

    peak(1)
    assert peak(400) < 1.25 * peak(200)  # 524,000 rows and 262,000: both more than are in memory at a time


def test_a_column_called_like_a_prediction_is_kept_under_another_name():
    columns = {"prediction": [1], "input_prediction": [2], "age": [3]}
    kept = _beside(columns, {"prediction": [4]})
    assert kept == {"input_input_prediction": [1], "input_prediction": [2], "age": [3]}
