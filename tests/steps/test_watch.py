"""`Project.watch` reads a project's log and its releases on the index, and says what is wrong with either."""

import shutil
from pathlib import Path

import pyarrow as pa
import pytest
from tests.steps.test_load import wheel_of
from tests.watch.made_logs import at, day_table, deliver, held_out_rows

import seatrial
from seatrial.core.errors import SeatrialError
from seatrial.core.project import find_project
from seatrial.release import FolderIndex
from seatrial.steps import watch as step
from seatrial.watch.release_reference import ReleaseReference
from seatrial.watch.watch_records import Level, Watched
from seatrial.watch.watch_words import headline

DAYS, ROWS = 4, 120


@pytest.fixture(scope="module")
def reference(titanic, titanic_project: Path) -> ReleaseReference:
    return held_out_rows(titanic, titanic_project)


@pytest.fixture
def project(titanic_project: Path, tmp_path: Path) -> Path:
    """The trained project with 0.1.0 on its index."""
    folder = tmp_path / "titanic"
    shutil.copytree(titanic_project, folder, ignore=shutil.ignore_patterns("log"))
    settings = find_project(folder)
    index = FolderIndex(Path(str(settings.index)))
    index.publish([wheel_of(titanic_project, tmp_path / "wheels", "0.1.0")])
    return folder


def watch(project: Path, **options) -> Watched:
    return seatrial.Project(project, progress=False).watch(at=at(DAYS), **options)


def log_days(project: Path, titanic, reference, version: str = "0.1.0", days=range(DAYS), **more) -> None:
    for day in days:
        table = day_table(titanic, reference.columns, day, ROWS)
        deliver(project / ".seatrial" / "log", version, day, table, **more)


def test_a_log_is_watched_with_the_release_that_served(project, titanic, reference):
    log_days(project, titanic, reference)
    found = watch(project)
    assert (found.level, found.rows, found.versions) == (Level.well, ROWS, ["0.1.0"])
    assert found.since == at(DAYS - 1)
    assert 0 < found.spent < 0.01
    rows = next(series for series in found.series if series.title == "Rows")
    assert [point.value for point in rows.points] == [ROWS] * DAYS
    assert any("4 whole windows" in note for note in found.notes)


def test_an_empty_log_is_said_to_be_empty(project):
    found = watch(project)
    assert (found.level, found.rows) == (Level.well, 0)
    assert "is empty: no request was logged yet" in found.notes[0]


def test_the_log_of_another_project_is_recognized(project, titanic, reference):
    log_days(project, titanic, reference, name="churn-model", days=[0])
    assert "it has requests of churn-model: is it the log of another project?" in watch(project).notes[0]


def test_a_version_that_never_served_is_named_with_those_that_did(project, titanic, reference):
    log_days(project, titanic, reference, days=[0])
    assert "has no request of 9.9; it has requests of 0.1.0" in watch(project, release="9.9").notes[0]


def test_a_log_without_recent_requests_says_when_the_last_was(project, titanic, reference):
    log_days(project, titanic, reference, days=[-200])
    assert "no request in the last 90d; the newest is of 2026-02-19" in watch(project).notes[0]


def test_a_release_that_is_no_longer_on_the_index_is_reported(project, titanic, reference):
    log_days(project, titanic, reference)
    log_days(project, titanic, reference, version="0.0.9", days=[DAYS - 1])
    found = watch(project)
    gone = next(each for each in found.findings if each.name == "traffic.release")
    assert (gone.level, gone.version) == (Level.unknown, "0.0.9")
    assert "0.0.9 is in the log, and no longer on" in gone.summary


def test_a_release_that_no_longer_serves_may_leave_the_index(project, titanic, reference):
    log_days(project, titanic, reference)
    log_days(project, titanic, reference, version="0.0.9", days=[0])
    found = watch(project)
    assert found.level == Level.noted  # or each look would end with exit code 3 for 90 days
    assert [(each.name, each.version, each.level) for each in found.findings if each.version == "0.0.9"] == [
        ("traffic.release", "0.0.9", Level.noted)
    ]


def test_without_any_known_release_nothing_is_compared(project, titanic, reference):
    log_days(project, titanic, reference, version="0.0.9", days=[DAYS - 1])
    found = watch(project)
    assert (found.level, found.rows, found.series) == (Level.unknown, 0, ())


def test_requests_of_unknown_releases_that_no_longer_come_are_not_well(project, titanic, reference):
    log_days(project, titanic, reference, version="0.0.9", days=[0])
    assert headline(watch(project)).exit_code == 3


def test_a_wheel_without_held_out_rows_is_reported(titanic_project, project, titanic, reference, tmp_path):
    bare = tmp_path / "bare"
    shutil.copytree(titanic_project, bare)
    release = bare / "src/titanic_model/artifacts/release.json"
    text = release.read_text()
    assert '"reference": "full"' in text
    release.write_text(text.replace('"reference": "full"', '"reference": "none"'))
    FolderIndex(Path(str(find_project(project).index))).publish([wheel_of(bare, tmp_path / "more", "0.1.1")])
    log_days(project, titanic, reference, version="0.1.1")
    found = watch(project)
    assert "The wheel of 0.1.1 carries no held-out rows" in found.findings[0].summary


def test_wrong_settings_are_refused_with_what_they_mean(project):
    file = project / "pyproject.toml"
    text = file.read_text()
    for setting, message in (
        ('windows = "1d"', "unknown key `windows`"),
        ('false_alarms = "few"', "is not a number of false alarms"),
        ('false_alarms = "0 a year"', "is not a number of false alarms"),
        ('window = "5min"', "it is from 1h to 31d long"),
        ('history = "2d"', "fewer than 3 windows"),
        ("margin = 2", "margin = 2"),
    ):
        file.write_text(f"{text}\n[tool.seatrial.watch]\n{setting}\n")
        with pytest.raises(SeatrialError) as raised:
            watch(project)
        assert message in f"{raised.value.message} {raised.value.hint}"


def test_files_of_few_rows_are_counted_together(monkeypatch):
    monkeypatch.setattr(step, "ENOUGH", 5)
    batches = [pa.record_batch({"n": list(range(first, first + 2))}) for first in range(0, 12, 2)]
    joined = list(step._joined(batches))
    assert [batch.num_rows for batch in joined] == [6, 6]
    assert [n for batch in joined for n in batch["n"].to_pylist()] == list(range(12))
    assert list(step._joined([])) == []
