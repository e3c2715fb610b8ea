"""Predicting with a project: many files into one, standard input, keys, partitions, bad rows put aside."""

import io
import json
import os
import sys
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import feather

from seatrial.core.errors import SeatrialError
from seatrial.core.project import ProjectSettings, find_project
from seatrial.steps.predict import predict


@pytest.fixture(scope="module")
def project(titanic_project: Path) -> ProjectSettings:
    return find_project(titanic_project)


@pytest.fixture(scope="module")
def table(project: ProjectSettings) -> pd.DataFrame:
    passengers = pd.read_csv(project.data).drop(columns=["survived", "boat", "body", "home_dest"])
    return passengers.assign(id=[f"{n:04d}" for n in range(len(passengers))]).head(90)


@pytest.fixture(scope="module")
def expected(project: ProjectSettings, table: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> list[float]:
    folder = tmp_path_factory.mktemp("expected")
    table.to_csv(folder / "rows.csv", index=False)
    predict(project, folder / "rows.csv", folder / "out.parquet")
    return list(pd.read_parquet(folder / "out.parquet")["probability_1"])


def write(table: pd.DataFrame, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".csv":
        table.to_csv(path, index=False)
    elif path.suffix == ".parquet":
        table.to_parquet(path, index=False)
    elif path.suffix == ".arrow":
        arrow = pa.Table.from_pandas(table, preserve_index=False)
        with pa.ipc.new_file(path, arrow.schema) as file:
            file.write_table(arrow, max_chunksize=13)
    else:
        table.to_json(path, orient="records", lines=path.suffix == ".jsonl")
    return path


@pytest.mark.parametrize("output", [".csv", ".parquet", ".json", ".jsonl", ".arrow"])
def test_files_of_all_formats_go_into_one_in_their_order(
    project: ProjectSettings, table: pd.DataFrame, expected: list[float], tmp_path: Path, output: str
) -> None:
    suffixes = [".csv", ".parquet", ".json", ".jsonl", ".arrow", ".parquet"]
    parts = [table.iloc[n * 15 : n * 15 + 15] for n in range(6)]
    files = [write(part, tmp_path / f"{n}{s}") for n, (part, s) in enumerate(zip(parts, suffixes, strict=True))]
    predicted = predict(project, files, tmp_path / f"out{output}", key=["id"])
    found = read(tmp_path / f"out{output}")
    assert predicted.rows == predicted.rows_in == len(found) == 90
    assert [str(each).zfill(4) for each in found["id"]] == list(table["id"])
    assert found["probability_1"].to_numpy() == pytest.approx(expected, abs=1e-12)


def read(path: Path) -> pd.DataFrame:
    if path.suffix == ".arrow":
        return pa.ipc.open_file(path).read_all().to_pandas()
    if path.suffix == ".jsonl":
        return pd.read_json(path, lines=True)
    return {".csv": pd.read_csv, ".parquet": pd.read_parquet, ".json": pd.read_json}[path.suffix](path)


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl", ".arrow"])
def test_standard_input_goes_to_standard_output(
    project: ProjectSettings,
    table: pd.DataFrame,
    expected: list[float],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
    suffix: str,
) -> None:
    content = write(table, tmp_path / f"rows{suffix}").read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    predict(project, "-", table_format=suffix[1:])  # type: ignore[arg-type]
    printed = tmp_path / f"printed{suffix}"
    printed.write_bytes(capfdbinary.readouterr().out)
    found = pa.ipc.open_stream(printed).read_all().to_pandas() if suffix == ".arrow" else read(printed)
    assert found["probability_1"].to_numpy() == pytest.approx(expected, abs=1e-12)


def test_partitions_are_columns(
    project: ProjectSettings, table: pd.DataFrame, expected: list[float], tmp_path: Path
) -> None:
    for value, part in table.groupby("pclass"):
        write(part.drop(columns="pclass"), tmp_path / f"rows/pclass={value}/a.parquet")
        write(part.drop(columns="pclass"), tmp_path / f"rows/pclass={value}/b.csv")
    predict(project, tmp_path / "rows", tmp_path / "out.parquet", key=["id", "pclass"])
    found = pd.read_parquet(tmp_path / "out.parquet")
    assert len(found) == 2 * len(table)
    by_id = dict(zip(table["id"], zip(table["pclass"], expected, strict=True), strict=True))
    for key, value, score in zip(found["id"], found["pclass"], found["probability_1"], strict=True):
        assert (int(value), pytest.approx(score, abs=1e-12)) == by_id[str(key).zfill(4)]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_bad_rows_are_put_aside_with_key_and_reason(
    project: ProjectSettings, table: pd.DataFrame, tmp_path: Path, suffix: str
) -> None:
    bad = table.assign(age=[-1.0 if n % 30 == 7 else age for n, age in enumerate(table["age"])])
    source = write(bad, tmp_path / f"rows{suffix}")
    predicted = predict(project, source, tmp_path / "out.csv", key=["id"], on_bad_rows="quarantine", max_bad="5%")
    assert (predicted.rows, predicted.bad_rows, predicted.rows_in) == (87, 3, 90)
    found = pd.read_csv(tmp_path / "out.csv", dtype={"id": str})
    aside = pd.read_csv(tmp_path / "out.bad.csv", dtype={"id": str})
    assert list(aside["id"]) == ["0007", "0037", "0067"]
    assert list(aside["bad_column"]) == ["age"] * 3
    assert list(aside["bad_value"]) == [-1.0] * 3
    assert "greater than or equal to 0" in aside["bad_rule"][0]
    assert list(found["id"]) == [key for key in table["id"] if key not in set(aside["id"])]


@pytest.mark.parametrize("limit", ["2", "3%"])
def test_more_bad_rows_than_allowed_leave_nothing(
    project: ProjectSettings, table: pd.DataFrame, tmp_path: Path, limit: str
) -> None:
    bad = table.assign(age=[-1.0 if n % 30 == 7 else age for n, age in enumerate(table["age"])])
    source = write(bad, tmp_path / "rows.parquet")
    with pytest.raises(SeatrialError, match=f"3 of 90 rows break the schema, more than --max-bad {limit} allows"):
        predict(project, source, tmp_path / "out.csv", on_bad_rows="quarantine", max_bad=limit)
    assert [file.name for file in tmp_path.iterdir()] == ["rows.parquet"]


def test_the_types_of_parquet_do_not_depend_on_the_first_rows(
    project: ProjectSettings, table: pd.DataFrame, tmp_path: Path
) -> None:
    bad = write(table.head(20).assign(age=-1.0), tmp_path / "a.parquet")
    good = write(table.tail(20), tmp_path / "b.parquet")
    predict(project, [bad, good], tmp_path / "out.parquet", on_bad_rows="quarantine", keep=True)
    schema = pq.read_schema(tmp_path / "out.parquet")
    assert [schema.field(name).type for name in ("prediction", "age", "sibsp")] == [
        pa.int64(),
        pa.float64(),
        pa.int64(),
    ]


KEYS = [  # of two files
    ([1, 2], ["007", "8"], None),
    ([True, False], [1, 2], None),
    ([1, 2], [1.5, 2.0], None),
    ([1, 2], ["7", "8"], [1, 2, 7, 8]),
    ([None, None], ["007", None], [None, None, "007", None]),
    ([1.5, None], [2, 3], [1.5, None, 2.0, 3.0]),
]


@pytest.mark.parametrize(("one", "other", "expected"), KEYS, ids=str)
@pytest.mark.parametrize("output", ["parquet", "arrow"])
def test_keys_of_another_type_are_not_changed(
    project: ProjectSettings, table: pd.DataFrame, tmp_path: Path, one: list, other: list, expected: object, output: str
) -> None:
    rows = pa.Table.from_pandas(table.head(2).drop(columns="id"), preserve_index=False)
    for name, keys in (("a", one), ("b", other)):
        pq.write_table(rows.append_column("id", pa.array(keys)), tmp_path / f"{name}.parquet")
    files = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    out = tmp_path / f"out.{output}"
    if expected is None:
        with pytest.raises(SeatrialError, match=r"Column id is of .* in earlier rows, and of .* in these"):
            predict(project, files, out, key=["id"])
        assert not out.exists()
        return
    predict(project, files, out, key=["id"])
    assert (pq.read_table(out) if output == "parquet" else feather.read_table(out))["id"].to_pylist() == expected


def test_a_key_that_arrow_has_no_type_for_is_refused(
    project: ProjectSettings, table: pd.DataFrame, tmp_path: Path
) -> None:
    row = json.loads(table.head(1).to_json(orient="records"))[0]
    source = tmp_path / "rows.jsonl"
    source.write_text("\n".join(json.dumps({**row, "id": key}) for key in (1, "x")))
    with pytest.raises(SeatrialError, match="Column id cannot be written as Arrow"):
        predict(project, source, tmp_path / "out.parquet", key=["id"])


@pytest.mark.parametrize("output", ["csv", "json", "jsonl", "parquet"])
def test_halves_of_surrogate_pairs_are_written_as_text(
    project: ProjectSettings, table: pd.DataFrame, tmp_path: Path, output: str
) -> None:
    row = json.loads(table.head(1).to_json(orient="records"))[0]
    source = tmp_path / "rows.jsonl"
    source.write_text("\n".join(json.dumps({**row, **changed}) for changed in ({"id": "\ud800"}, {"name": "\ud801"})))
    predict(project, source, tmp_path / f"out.{output}", key=["id"], on_bad_rows="quarantine")
    assert read(tmp_path / f"out.{output}")["id"].astype(str).tolist() == ["\\ud800"]
    assert read(tmp_path / f"out.bad.{output}")["bad_value"].tolist() == ["\\ud801"]


def test_bad_rows_are_not_put_in_place_of_an_input(
    project: ProjectSettings, table: pd.DataFrame, tmp_path: Path
) -> None:
    again = write(table.assign(age=-1.0), tmp_path / "out.bad.csv")
    before = again.read_bytes()
    with pytest.raises(SeatrialError, match=r"out\.bad\.csv is an input file"):
        predict(project, again, tmp_path / "out.csv", on_bad_rows="quarantine")
    assert again.read_bytes() == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"key": ["idd"]}, r"rows.parquet has no column `idd`, which --key names"),
        ({"resume": True}, "--resume is for a folder of parts"),
        ({"processes": 0}, "0 processes are not possible"),
        ({"max_bad": "many"}, "'many' is not a number of rows"),
        ({"max_bad": "101%"}, "'101%' is not a number of rows"),
        ({"on_bad_rows": "quarantine", "output": None}, "Bad rows need a file of their own"),
        ({"on_bad_rows": "skip"}, "'skip' is not a policy"),
        ({"output": "rows.parquet"}, r"rows.parquet is an input file"),
        ({"output": "out.txt"}, r"files that end in .txt cannot be written"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_written(
    project: ProjectSettings, table: pd.DataFrame, tmp_path: Path, options: dict[str, object], message: str
) -> None:
    source = write(table, tmp_path / "rows.parquet")
    before = source.read_bytes()
    output = options.get("output", "out.csv")
    options = {**options, "output": tmp_path / str(output) if output else None}
    with pytest.raises(SeatrialError, match=message):
        predict(project, source, **options)  # type: ignore[arg-type]
    assert [file.name for file in tmp_path.iterdir()] == ["rows.parquet"]
    assert source.read_bytes() == before


def test_nobody_gets_access_who_has_none_to_one_of_the_files(
    project: ProjectSettings, table: pd.DataFrame, tmp_path: Path
) -> None:
    files = [write(table.assign(age=-1.0), tmp_path / "open.csv"), write(table, tmp_path / "private.csv")]
    files[1].chmod(0o600)
    predict(project, files, tmp_path / "out.csv", on_bad_rows="quarantine")
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("out.csv", "out.bad.csv")] == [0o600, 0o600]


def test_a_dash_is_no_name_of_a_folder(
    project: ProjectSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SeatrialError, match="the default is standard output"):
        predict(project, project.data, "-")
    assert not [*tmp_path.iterdir()]


def test_lines_of_json_that_are_not_rows_are_named(project: ProjectSettings, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    for text, message in [
        ("[1]\n", "line 1 is not an object"),
        ('{"a": 1}\n{\n', "line 2"),
        ("\n", "contains no rows"),
        (json.dumps({"name": "x"}), "has no column `pclass`"),
    ]:
        path.write_text(text)
        with pytest.raises(SeatrialError, match=message):
            predict(project, path, tmp_path / "out.csv")


@pytest.mark.parametrize("output", ["in/out", "in", "in/deeper/out.csv", "in/../in/out.parquet"])
def test_an_output_among_the_input_files_is_refused(
    project: ProjectSettings, table: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    write(table, tmp_path / "in" / "rows.parquet")
    with pytest.raises(SeatrialError, match="is in the folder of input files in: the next run would read it"):
        predict(project, "in", output)
    assert [file.name for file in (tmp_path / "in").iterdir()] == ["rows.parquet"]


@pytest.mark.parametrize(
    ("pattern", "output"), [("in/*.parquet", "in/out.parquet"), ("in/**", "in/out"), ("i?/*", "./in/out.csv")]
)
def test_an_output_that_the_pattern_of_the_input_files_matches_is_refused(
    project: ProjectSettings,
    table: pd.DataFrame,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    pattern: str,
    output: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    write(table, tmp_path / "in" / "rows.parquet")
    with pytest.raises(SeatrialError, match="the pattern of input files: the next run would read it"):
        predict(project, pattern, output)
    assert [file.name for file in (tmp_path / "in").iterdir()] == ["rows.parquet"]


def test_a_file_of_bad_rows_that_the_pattern_matches_is_refused(
    project: ProjectSettings, table: pd.DataFrame, tmp_path: Path
) -> None:
    write(table, tmp_path / "rows.bad.parquet")
    pattern = str(tmp_path / "*.bad.parquet")
    with pytest.raises(SeatrialError, match="the next run would read it"):
        predict(project, pattern, tmp_path / "again.parquet", on_bad_rows="quarantine")
    assert predict(project, pattern, tmp_path / "again.parquet").rows_in == len(table)


def test_a_pipe_is_no_table(project: ProjectSettings, tmp_path: Path) -> None:
    for name in ("pipe.csv", "pipe.jsonl"):
        os.mkfifo(tmp_path / name)
        with pytest.raises(SeatrialError, match=rf"{name} is not a file\."):
            predict(project, tmp_path / name, tmp_path / "out.csv")


def test_a_pipe_is_not_replaced_by_a_file(project: ProjectSettings, table: pd.DataFrame, tmp_path: Path) -> None:
    write(table, tmp_path / "rows.parquet")
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    with pytest.raises(SeatrialError, match=r"pipe\.csv is neither a file nor a folder"):
        predict(project, tmp_path / "rows.parquet", pipe)
    assert pipe.is_fifo()


@pytest.mark.parametrize("output", ["out", "in_out.csv", "in/_out"])
def test_an_output_beside_the_input_files_is_written(
    project: ProjectSettings, table: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    write(table, tmp_path / "in" / "rows.parquet")
    assert predict(project, "in", output).rows == len(table)
    assert (tmp_path / output).exists()
