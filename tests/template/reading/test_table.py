"""The data file of a project: the source itself, or a clean copy."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.template.projects import examined, refused_rows, render

from seatrial.core.errors import SeatrialError
from seatrial.core.files import sha256
from seatrial.template.reading.table import write_data
from seatrial.template.records import Overrides


def test_a_clean_file_is_copied_byte_for_byte(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("size,colour,y\n" + "".join(f"{n}.50,{'red' if n % 3 else 'blue'},{n % 2}\n" for n in range(40)))
    data = write_data(examined(path, "y"), tmp_path / "data", "little")
    assert (data.changes, sha256(data.path)) == ((), sha256(path))


def test_a_file_that_changes_before_it_is_copied_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("size,y\n" + "".join(f"{n * 7 % 9},{n % 2}\n" for n in range(40)))
    examination = examined(path, "y")
    path.write_text(path.read_text() + "41,0\n")
    with pytest.raises(SeatrialError, match=r"t\.csv changed while it was being read"):
        write_data(examination, tmp_path / "data", "little")
    assert not (tmp_path / "data").exists()


def test_any_other_file_is_rewritten_and_the_changes_reported(tmp_path: Path) -> None:
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
    examination = examined(path, "y")
    project = render(tmp_path / "project", examination)
    assert project.data.suffix == ".parquet"
    assert refused_rows(project) == []


def test_a_clean_parquet_file_is_copied_and_its_rows_accepted(tmp_path: Path) -> None:
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
    examination = examined(path, "y")
    project = render(tmp_path / "project", examination)
    assert sha256(project.data) == sha256(path)
    assert refused_rows(project) == []


def test_dates_that_training_cannot_read_are_rewritten(tmp_path: Path) -> None:
    forms = {"padded": " 2024-03-{:02} ", "midnight": "2024-03-{:02} 00:00:00", "at": "2024-03-{:02}T10:00"}
    lines = [",".join([*(form.format(n % 28 + 1) for form in forms.values()), str(n // 3 % 2)]) for n in range(60)]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["padded,midnight,at,y", *lines[:-1], f"2024-03-01,,2024-03-05,{1}", ""]))
    examination = examined(path, "y", Overrides(keep=("midnight", "at")))
    assert [c.kind for c in examination.columns] == ["date", "date", "moment"]
    assert refused_rows(render(tmp_path / "project", examination)) == []
