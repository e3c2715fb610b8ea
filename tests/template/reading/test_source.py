"""Sources by name: files, URLs and data sets."""

import pickle
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.template.projects import examined, refused_rows, render
from tests.template.tables import WriteFile, error_of, table

from seatrial.core.errors import SeatrialError
from seatrial.template.reading.source import read_source


def source_error(name: str | Path, **options: Any) -> str:
    """The message and the hint of the error that reading a source raises."""
    with pytest.raises(SeatrialError) as caught:
        read_source(str(name), **options)
    return f"{caught.value.message} {caught.value.hint}"


def test_a_folder_and_a_missing_file(tmp_path: Path, write_file: WriteFile) -> None:
    write_file(table())
    assert error_of(tmp_path) == f"{tmp_path} is a folder. It contains table.csv."
    assert f"Did you mean {tmp_path / 'table.csv'}?" in error_of(tmp_path / "tabel.csv")


def test_a_file_of_another_format(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    path.write_bytes(b"PK")
    assert error_of(path) == (
        "book.xlsx is not an Excel or OpenDocument file, or it is damaged: Cannot detect file format. "
        "Open it in a spreadsheet program, and save it again as .xlsx."
    )
    other = tmp_path / "book.pdf"
    other.write_bytes(b"%PDF")
    assert error_of(other) == "book.pdf is a PDF. Save the table as CSV."
    other.write_bytes(pickle.dumps({"size": [1, 2]}))
    assert error_of(other) == "book.pdf is a pickle. Save the table as CSV or Parquet."


def test_a_single_column(write_file: WriteFile) -> None:
    assert "table.csv has only one column, 'y'" in error_of(write_file("y\n" + "1\n0\n" * 20))


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    rows = 60
    pq.write_table(
        pa.table(
            {
                "whole": pa.array([None if n == 3 else n % 9 for n in range(rows)], pa.int32()),
                "small": pa.array([n / 7 for n in range(rows)], pa.float32()),
                "name": pa.array(["a", "b", None] * 20).dictionary_encode(),
                "flag": [n % 3 == 0 for n in range(rows)],
                "at": pa.array([n * 3_600_000 for n in range(rows)], pa.timestamp("ms", "Europe/Berlin")),
                "odd": [[n] for n in range(rows)],
                "y": [n % 2 for n in range(rows)],
            }
        ),
        path,
    )
    examination = examined(path, "y")
    assert [(c.name, c.kind, c.missing) for c in examination.columns][:5] == [
        ("whole", "integer", 1),
        ("small", "number", 0),
        ("name", "category", 20),
        ("flag", "boolean", 0),
        ("at", "moment", 0),
    ]
    assert refused_rows(render(tmp_path / "project", examination)) == []


def test_a_damaged_parquet_file(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    path.write_bytes(b"PAR1 and nothing more")
    assert "t.parquet cannot be read as Parquet" in source_error(path)
    path.write_bytes(b"")
    assert "t.parquet is empty." in source_error(path)


def test_columns_with_the_same_name_in_a_parquet_file(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    rows = [pa.array([n * k % 11 / 2 for n in range(30)]) for k in (3, 5)]
    pq.write_table(pa.table([*rows, pa.array(["a", "b"] * 15)], names=["size", "size", "y"]), path)
    examination = examined(path, "y")
    assert [(c.name, c.maximum) for c in examination.columns] == [("size", 5.0), ("size_2", 5.0)]
    assert refused_rows(render(tmp_path / "project", examination)) == []


def test_what_is_not_encrypted_is_not_downloaded() -> None:
    error = source_error("http://me:secret@host.example/t.csv?key=secret")
    assert error.startswith("http://host.example/t.csv is not encrypted")
    assert "secret" not in error
    assert source_error("file:///data/t.csv").startswith("file:///data/t.csv is a URL of this machine.")


def test_a_path_in_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "t.csv").write_text("size,y\n1,a\n2,b\n")
    assert read_source("~/t.csv").rows == 2
    assert f"Did you mean {tmp_path / 't.csv'}?" in source_error("~/tt.csv")


@pytest.mark.parametrize("name", ["t.csv", "sklearn:iris"])
def test_a_query_is_for_databases(name: str) -> None:
    assert source_error(name, query="SELECT 1").startswith(f"{name} is not a database, so it cannot be queried.")


def test_data_sets_by_name() -> None:
    assert read_source("sklearn:wine").target == "target"
    assert source_error("sklearn:irs") == "scikit-learn has no data set 'irs'. Did you mean iris?"


def test_openml_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    import urllib.request

    def no_network(*_: Any, **__: Any) -> None:
        raise urllib.error.URLError("no network")

    monkeypatch.setattr("sklearn.datasets._openml.urlopen", no_network)
    assert "The OpenML data set 'adult' cannot be downloaded: no network Check its name" in source_error("openml:adult")
