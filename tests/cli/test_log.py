"""`seatrial log` as people type it."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.prediction_log.log_lines import FACTS, line, make_spool, write_segment
from tests.prediction_log.made_up_log import predictions, write
from tests.projects.tiny import make_project

from seatrial.cli.app import run


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = make_project(tmp_path / "tiny-model")
    inputs = {"fare": pa.float64(), "name": pa.string()}
    rows = [{"id": f"r{n}", "fare": float(n), "name": f"P{n % 3}\n[b]"} for n in range(30)]
    write(root / ".seatrial" / "log", predictions(rows, inputs))
    monkeypatch.chdir(root)
    monkeypatch.setenv("COLUMNS", "120")
    return root


def out(capfd: pytest.CaptureFixture[str], *words: str, code: int = 0) -> tuple[list[str], str]:
    capfd.readouterr()
    assert run(["log", *words]) == code
    captured = capfd.readouterr()
    return captured.out.splitlines(), captured.err


def test_the_newest_rows_as_a_table(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    lines, _ = out(capfd, "-n", "2")
    assert lines[0].split() == ["time", "prediction", "probability_yes", "fare", "name"]
    assert lines[1].split() == ["2026-11-30", "12:29:00", "no", "0.5", "29", "P2", "[b]"]
    assert len(lines) == 3
    assert len(out(capfd)[0]) == 21
    assert out(capfd, "--where", "fare > 27", "--columns", "fare,request_id")[0][1:] == ["  29  r29", "  28  r28"]
    assert out(capfd, "--request-id", "r7", "--columns", "fare")[0][1:] == ["   7"]
    assert out(capfd, "--where", "fare > 100") == ([], "No rows.\n")


def test_rows_that_are_not_delivered_yet_have_a_star(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    spool = make_spool(project / ".seatrial/log/.spool", {**FACTS, "name": "tiny-model"})
    write_segment(spool, 1, [{**line(1), "t": 1_800_000_000_000_000}])
    lines, notes = out(capfd, "-n", "2", "--columns", "time")
    assert lines[1:] == ["2027-01-15 08:00:00 *", "2026-11-30 12:29:00"]
    assert notes == "* not delivered yet\n"


def test_json_has_a_line_for_each_row(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    lines, _ = out(capfd, "--json", "-n", "3", "--since", "2026-11-30", "--until", "2026-11-30T12:10")
    assert [json.loads(each)["request_id"] for each in lines] == ["r9", "r8", "r7"]


def test_export(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert "3 rows in x.csv" in out(capfd, "export", "x.csv", "--where", "fare < 3")[1]
    assert (project / "x.csv").read_text().count('"P') == 3
    out(capfd, "export", "x.parquet", "--columns", "fare")
    assert pq.read_table("x.parquet").num_rows == 30
    lines, _ = out(capfd, "export", "-", "--format", "jsonl", "--where", "fare < 3")
    assert [json.loads(each)["input_fare"] for each in lines] == [0, 1, 2]
    assert ".csv, .parquet or .jsonl" in out(capfd, "export", "x.xlsx", code=2)[1]


def test_an_export_that_fails_leaves_the_old_file(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (project / "x.csv").write_text("old")
    (file,) = project.rglob("day=2026-11-30/*.parquet")
    good = file.read_bytes()
    file.write_bytes(good[:200] + bytes(len(good) - 1500) + good[-1300:])
    assert out(capfd, "export", "x.csv", code=1)[1]
    assert (project / "x.csv").read_text() == "old"
    assert list(project.glob(".x.csv*")) == []


def test_forget_asks_first(project: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert "2 predictions: fare > '27'" in out(capfd, "forget", "--where", "fare > 27", "--dry-run")[1]
    monkeypatch.setattr("typer.confirm", lambda *_, **__: (_ for _ in ()).throw(SystemExit(1)))
    out(capfd, "forget", "--where", "fare > 27", code=1)
    assert len(out(capfd, "--where", "fare > 27")[0]) == 3
    assert "Removed." in out(capfd, "forget", "--where", "fare > 27", "--yes")[1]
    assert out(capfd, "--where", "fare > 27")[1] == "No rows.\n"
    assert "No rows." in out(capfd, "forget", "--where", "fare > 27", "--yes")[1]
    assert "Which rows are to be forgotten?" in out(capfd, "forget", code=2)[1]


def test_labels(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (project / "outcomes.csv").write_text("request_id,y\nr1,yes\nr2,no\nr99,no\n")
    notes = out(capfd, "labels", "outcomes.csv")[1]
    assert "2 of 3 rows joined." in notes
    assert "1 found no prediction (line 4)" in notes
    lines, _ = out(capfd, "labels", "outcomes.csv", "--json")
    assert json.loads("".join(lines))["known"] == 2
    assert "has no column `survived`" in out(capfd, "labels", "outcomes.csv", "--label", "survived", code=1)[1]
    (project / "none.csv").write_text("request_id,y\nr98,yes\nr99,no\n")
    out(capfd, "labels", "none.csv", code=1)


def test_labels_from_a_database(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    import sqlite3

    with sqlite3.connect(project / "shop.db") as connection:
        connection.execute("CREATE TABLE outcomes (id TEXT, y TEXT)")
        connection.executemany("INSERT INTO outcomes VALUES (?, ?)", [("r1", "yes"), ("r2", "no")])
    words = ("labels", "sqlite:///shop.db", "--query", "SELECT id AS request_id, y FROM outcomes")
    assert "2 of 2 rows joined." in out(capfd, *words)[1]


def test_a_summary_by_day(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    lines, _ = out(capfd, "summary")
    assert lines[-1].split() == ["2026-11-30", "tiny-model", "0.1.0", "30"]


def test_without_a_project_the_log_is_named(
    project: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    assert len(out(capfd, "--from", str(project / ".seatrial/log"), "-n", "2")[0]) == 3
    assert "No Seatrial project" in out(capfd, code=1)[1]
    assert "there is no such destination" in out(capfd, "--from", "ftp://x", code=1)[1]


def test_what_callers_sent_cannot_control_the_terminal(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    rows = [{"id": "evil", "fare": 99.0, "name": "\x1b[2J\x07\x9b\u202eAnn\u200b\n[bold red]"}]
    write(project / ".seatrial" / "log", predictions(rows, {"fare": pa.float64(), "name": pa.string()}))
    lines, _ = out(capfd, "--where", "fare > 90", "--columns", "name")
    assert lines[1].strip() == "\ufffd[2J\ufffd\ufffd\ufffdAnn\ufffd [bold red]"
