"""`seatrial refresh --from-log`: labelled rows of the log join the table once, with their newest label."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from tests.prediction_log.made_up_log import predictions, write
from tests.projects.tiny import make_project

from seatrial import Project
from seatrial.cli.app import run
from seatrial.core.errors import SeatrialError
from seatrial.prediction_log.labels import LABEL_SCHEMA

SCHEMA = """\
from datetime import date
import seatrial
from pydantic import Field


class Row(seatrial.Schema):
    fare: float = Field(ge=0)
    sex: str
    joined: date | None = None
"""
INPUTS = {"fare": pa.float64(), "sex": pa.string(), "joined": pa.date32()}
TABLE = "fare,sex,joined,note,y\n" + "".join(f"{n}.5,m,2026-01-0{n},old,{n % 2}\n" for n in range(1, 7))


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = make_project(tmp_path / "tiny-model")
    (folder / "src" / "tiny_model" / "schema.py").write_text(SCHEMA)
    (folder / "data.csv").write_text(TABLE)
    monkeypatch.chdir(folder)
    return folder


def log(root: Path, rows: Sequence[Mapping[str, Any]], inputs: Mapping[str, pa.DataType] = INPUTS) -> None:
    write(root / ".seatrial" / "log", predictions(rows, inputs, ("0", "1"), pa.int64()))


def answered(number: int, **values: Any) -> dict[str, Any]:
    row = {"id": f"r{number}", "fare": 100.0 + number, "sex": "f", "joined": date(2026, 2, 1), "prediction": 0}
    return {**row, **values}


def label(root: Path, labels: Mapping[str, Any], minute: int = 0) -> None:
    from seatrial.prediction_log.log_settings import LogSettings
    from seatrial.prediction_log.reading import PredictionLog

    moment = datetime(2026, 12, 1, tzinfo=UTC) + timedelta(minutes=minute)
    table = pa.table(
        {
            "time": [moment] * len(labels),
            "request_id": [*labels],
            "row": [0] * len(labels),
            "label": [json.dumps(value) for value in labels.values()],
            "source": ["x.csv"] * len(labels),
        }
    )
    PredictionLog(LogSettings(to=str(root / ".seatrial" / "log"))).store.add_labels(table.cast(LABEL_SCHEMA))


def lines(root: Path) -> list[str]:
    return (root / "data.csv").read_text().splitlines()


def project(root: Path) -> Project:
    return Project(root, progress=False)


def test_labelled_rows_join_the_table_once(root: Path) -> None:
    log(root, [answered(n) for n in range(4)])
    label(root, {"r0": 1, "r2": 0})
    added = project(root).refresh_from_log()
    assert (added.rows, added.new, added.gone) == (8, 2, 0)
    assert lines(root)[:7] == TABLE.splitlines()
    assert lines(root)[7:] == ["100,f,2026-02-01,,1", "102,f,2026-02-01,,0"]
    assert "2 of the 4 rows of the log have a label" in added.changes
    assert "not in the log, so missing in the new rows: note" in added.changes
    before = lines(root)
    again = project(root).refresh_from_log()
    assert again.new == 0
    assert lines(root) == before


def test_a_dry_run_writes_nothing(root: Path) -> None:
    log(root, [answered(1)])
    label(root, {"r1": 1})
    before = lines(root)
    shown = project(root).refresh_from_log(dry_run=True)
    assert (shown.rows, shown.new, shown.written) == (7, 1, False)
    assert lines(root) == before


def test_a_corrected_label_replaces_the_row_with_the_older_one(root: Path) -> None:
    log(root, [answered(1), answered(2)])
    label(root, {"r1": 1, "r2": 1})
    project(root).refresh_from_log()
    label(root, {"r1": 0}, minute=5)
    corrected = project(root).refresh_from_log()
    assert (corrected.rows, corrected.new, corrected.gone) == (8, 1, 1)
    assert sorted(lines(root)[7:]) == ["101,f,2026-02-01,,0", "102,f,2026-02-01,,1"]
    assert any("1 rows of the table had a label that was corrected" in each for each in corrected.changes)
    assert project(root).refresh_from_log().new == 0


def test_a_repeated_request_is_one_row_and_equal_rows_of_two_requests_are_two(root: Path) -> None:
    log(root, [answered(1), answered(1, minutes=9), answered(3, fare=7.0), answered(4, fare=7.0)])
    label(root, {"r1": 1, "r3": 0, "r4": 0})
    assert project(root).refresh_from_log().new == 3
    assert sorted(line.split(",")[0] for line in lines(root)[7:]) == ["101", "7", "7"]


def test_rows_that_break_the_schema_or_are_too_young_are_left_out_and_counted(root: Path) -> None:
    with (root / "pyproject.toml").open("a") as file:
        file.write('\n[tool.seatrial.log]\nlabel_delay = "30 days"\n')
    young = datetime.now(UTC) - datetime(2026, 11, 30, 12, tzinfo=UTC)
    old = young - timedelta(days=60)
    log(
        root,
        [
            answered(1, minutes=old.total_seconds() // 60),
            answered(2, fare=-1.0, minutes=old.total_seconds() // 60),
            answered(3, minutes=young.total_seconds() // 60 - 1),
        ],
    )
    label(root, {"r1": 1, "r2": 1, "r3": 1})
    added = project(root).refresh_from_log()
    assert added.new == 1
    assert "1 rows that break the schema left out" in added.changes
    assert any(each.startswith("1 rows are younger than the label delay") for each in added.changes)


def test_selective_labels_are_said_with_their_shares(root: Path) -> None:
    log(root, [answered(n, prediction=int(n < 100)) for n in range(200)])
    label(root, {f"r{n}": 1 for n in range(92)} | {f"r{n}": 0 for n in range(100, 131)})
    added = project(root).refresh_from_log(dry_run=True)
    words = next(each for each in added.changes if "selective" in each)
    assert "only 31% of the rows that were answered '0' have a label, and 92% of those that were answered '1'" in words
    label(root, {f"r{n}": 0 for n in range(131, 192)})
    assert not any("selective" in each for each in project(root).refresh_from_log(dry_run=True).changes)


def test_the_time_that_rows_are_split_by_is_that_of_the_request(root: Path) -> None:
    with (root / "pyproject.toml").open("a") as file:
        file.write('\n[tool.seatrial.split]\nby = "time"\ncolumn = "seen"\n')
    (root / "data.csv").write_text(TABLE.replace("note", "seen").replace("old", "2026-03-01"))
    log(root, [answered(1)])
    label(root, {"r1": 1})
    project(root).refresh_from_log()
    assert lines(root)[-1] == "101,f,2026-02-01,2026-11-30,1"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ('[tool.seatrial.log]\nhashed = ["sex"]', "The log has only a keyed hash of `sex`"),
        ('[tool.seatrial.log]\ncolumns = ["fare"]', "The log does not keep `sex`, `joined`"),
        ('[tool.seatrial.split]\nby = "group"\ncolumn = "note"', "`note` is what the rows are split by"),
        ('[tool.seatrial.log]\nto = ""', "There is no prediction log"),
    ],
)
def test_what_the_log_does_not_keep_is_refused_in_words(root: Path, settings: str, message: str) -> None:
    log(root, [answered(1)])
    label(root, {"r1": 1})
    with (root / "pyproject.toml").open("a") as file:
        file.write(f"\n{settings}\n")
    with pytest.raises(SeatrialError) as caught:
        project(root).refresh_from_log()
    assert message in caught.value.message
    assert lines(root) == TABLE.splitlines()


def test_rows_that_were_logged_while_an_input_was_hashed_stay_out(root: Path) -> None:
    log(root, [answered(1, sex="0123456789abcdef" * 2), answered(2)])
    label(root, {"r1": 1, "r2": 1})
    added = project(root).refresh_from_log()
    assert added.new == 1
    assert "1 rows were logged while an input was hashed, and are left out" in added.changes
    assert "0123456789abcdef" not in (root / "data.csv").read_text()


def test_a_log_without_labels_or_with_none_in_the_window_is_an_error(root: Path) -> None:
    log(root, [answered(1)])
    with pytest.raises(SeatrialError, match="No prediction in the log of tiny-model has a label"):
        project(root).refresh_from_log()
    label(root, {"r9": 1})
    with pytest.raises(SeatrialError, match="None of the 1 rows of tiny-model in the log has a label"):
        project(root).refresh_from_log()


def test_rows_of_other_projects_in_the_same_log_stay_out(root: Path) -> None:
    log(root, [answered(1)])
    write(root / ".seatrial" / "log", predictions([answered(2)], INPUTS, ("0", "1"), pa.int64()), release="other-model")
    label(root, {"r1": 1, "r2": 1})
    assert project(root).refresh_from_log().new == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["x.csv", "--from-log"], "--from-log and FILE exclude each other"),
        (["--from-log", "--replace"], "--from-log and --replace exclude each other"),
        ([], "There is no table to read"),
        (["x.csv", "--since", "3d"], "--since needs --from-log"),
        (["--from-log", "--since", "soon"], "--since 'soon' is not a time"),
    ],
)
def test_words_that_do_not_go_together(
    root: Path, capfd: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    log(root, [answered(1)])
    label(root, {"r1": 1})
    assert run(["refresh", *words]) != 0
    assert message in capfd.readouterr().err


def test_the_command_says_what_came(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    log(root, [answered(1)])
    label(root, {"r1": 1})
    assert run(["refresh", "--from-log", "--dry-run"]) == 0
    captured = capfd.readouterr()
    assert "would have 7 rows; it had 6: 1 are new, 0 are gone" in captured.out
    assert "1 of the 1 rows of the log have a label" in captured.err
    assert run(["refresh", "--from-log", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["new"] == 1
