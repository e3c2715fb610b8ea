"""Parquet files and data sets by name; and the data file of a project."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.template.projects import examined, refused_rows, render

from seatrial.core.errors import SeatrialError
from seatrial.core.files import sha256
from seatrial.template.reading.csv_file import CsvOptions
from seatrial.template.reading.source import read_source
from seatrial.template.reading.table import write_data
from seatrial.template.records import Overrides


def refusal(name: str | Path, **options: Any) -> str:
    with pytest.raises(SeatrialError) as caught:
        read_source(str(name), **options)
    return f"{caught.value.message} {caught.value.hint}"


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
    found = examined(path, "y")
    assert [(c.name, c.kind, c.missing) for c in found.columns][:5] == [
        ("whole", "integer", 1),
        ("small", "number", 0),
        ("name", "category", 20),
        ("flag", "boolean", 0),
        ("at", "moment", 0),
    ]
    assert refused_rows(render(tmp_path / "project", found)) == []


def test_a_damaged_parquet_file(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    path.write_bytes(b"PAR1 and nothing more")
    assert "t.parquet cannot be read as Parquet" in refusal(path)
    path.write_bytes(b"")
    assert "t.parquet is empty." in refusal(path)


def test_columns_of_one_name_in_a_parquet_file(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    rows = [pa.array([n * k % 11 / 2 for n in range(30)]) for k in (3, 5)]
    pq.write_table(pa.table([*rows, pa.array(["a", "b"] * 15)], names=["size", "size", "y"]), path)
    found = examined(path, "y")
    assert [(c.name, c.maximum) for c in found.columns] == [("size", 5.0), ("size_2", 5.0)]
    assert refused_rows(render(tmp_path / "project", found)) == []


@pytest.mark.parametrize("name", ["https://me:secret@host.example/t.csv?key=secret", "http://host.example/t.csv"])
def test_an_address_is_not_fetched(name: str) -> None:
    told = refusal(name)
    assert told.endswith(
        "://host.example/t.csv is a URL, and files are not downloaded. Download the file, and name its path."
    )
    assert "secret" not in told
    assert refusal("file:///data/t.csv").startswith("file:///data/t.csv is a URL, and files are not downloaded.")


def test_a_path_from_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "t.csv").write_text("size,y\n1,a\n2,b\n")
    assert read_source("~/t.csv").rows == 2
    assert f"Did you mean {tmp_path / 't.csv'}?" in refusal("~/tt.csv")


@pytest.mark.parametrize("name", ["t.csv", "sklearn:iris"])
def test_a_query_is_for_databases(name: str) -> None:
    assert refusal(name, query="SELECT 1").startswith(f"{name} is not a database, so it cannot be queried.")


@pytest.mark.parametrize("separator", ["::", "", "§", '"'])
def test_a_separator_is_one_character(separator: str) -> None:
    with pytest.raises(SeatrialError, match="is not a separator: it must be a single character other than a quote"):
        CsvOptions(separator)


def test_data_sets_by_name() -> None:
    assert read_source("sklearn:wine").target == "target"
    assert refusal("sklearn:irs") == "scikit-learn has no data set 'irs'. Did you mean iris?"


def test_openml_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    import urllib.request

    def no_network(*_: Any, **__: Any) -> None:
        raise urllib.error.URLError("no network")

    monkeypatch.setattr("sklearn.datasets._openml.urlopen", no_network)
    assert "The OpenML data set 'adult' cannot be downloaded: no network Check its name" in refusal("openml:adult")


def test_a_clean_file_is_copied_byte_for_byte(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("size,colour,y\n" + "".join(f"{n}.50,{'red' if n % 3 else 'blue'},{n % 2}\n" for n in range(40)))
    data = write_data(examined(path, "y"), tmp_path / "data", "little")
    assert (data.changes, sha256(data.path)) == ((), sha256(path))


def test_a_file_that_changes_before_it_is_copied_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("size,y\n" + "".join(f"{n * 7 % 9},{n % 2}\n" for n in range(40)))
    found = examined(path, "y")
    path.write_text(path.read_text() + "41,0\n")
    with pytest.raises(SeatrialError, match=r"t\.csv changed while it was being read"):
        write_data(found, tmp_path / "data", "little")
    assert not (tmp_path / "data").exists()


def test_any_other_file_is_written_anew_and_the_changes_told(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    colours = ["NA", '"rot; hell"', "blau"]
    rows = [f"{n},50;{colours[n % 3]};{n % 28 + 1}.03.2024;{n % 2}" for n in range(40)]
    text = "\n".join(["größe;farbe;Am;y", *rows, ""])
    path.write_text(text, encoding="latin-1")
    before = sha256(path)
    data = write_data(examined(path, "y"), tmp_path / "data", "little")
    assert data.path.read_text().splitlines()[:3] == [
        "groesse,farbe,Am,y",
        "0.5,,2024-03-01,0",
        "1.5,rot; hell,2024-03-02,1",
    ]
    assert "'größe' renamed to groesse" in data.changes
    assert "Am: dates written as ISO" in data.changes
    assert sha256(path) == before


def test_large_tables_are_written_as_parquet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seatrial.template.reading.table.LARGE", 50)
    path = tmp_path / "t.csv"
    path.write_text("size,ok,y\n" + "".join(f"{n % 7},{'yes' if n % 3 else 'no'},{'ab'[n % 2]}\n" for n in range(60)))
    found = examined(path, "y")
    project = render(tmp_path / "project", found)
    assert project.data.suffix == ".parquet"
    assert refused_rows(project) == []


def test_a_clean_parquet_file_is_copied_and_every_row_of_it_accepted(tmp_path: Path) -> None:
    import datetime as dt

    path = tmp_path / "t.parquet"
    rows = range(60)
    start = dt.datetime(2024, 1, 1, 8, 30)
    pq.write_table(
        pa.table(
            {
                "bit": [None if n == 4 else n % 3 % 2 for n in rows],
                "flag": [n % 5 == 0 for n in rows],
                "size": [float("nan") if n == 7 else n / 3 for n in rows],
                "name": [None if n == 9 else "abc"[n % 3] for n in rows],
                "day": pa.array([start.date() + dt.timedelta(n) for n in rows], pa.date32()),
                "at": pa.array([start + dt.timedelta(hours=7 * n) for n in rows], pa.timestamp("us")),
                "y": ["no", "yes"] * 30,
            }
        ),
        path,
    )
    found = examined(path, "y")
    project = render(tmp_path / "project", found)
    assert sha256(project.data) == sha256(path)
    assert refused_rows(project) == []


def test_dates_that_training_would_not_read_are_written_anew(tmp_path: Path) -> None:
    forms = {"padded": " 2024-03-{:02} ", "midnight": "2024-03-{:02} 00:00:00", "at": "2024-03-{:02}T10:00"}
    lines = [",".join([*(form.format(n % 28 + 1) for form in forms.values()), str(n // 3 % 2)]) for n in range(60)]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["padded,midnight,at,y", *lines[:-1], f"2024-03-01,,2024-03-05,{1}", ""]))
    found = examined(path, "y", Overrides(keep=("midnight", "at")))
    assert [c.kind for c in found.columns] == ["date", "date", "moment"]
    assert refused_rows(render(tmp_path / "project", found)) == []
