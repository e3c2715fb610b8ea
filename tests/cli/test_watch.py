"""`seatrial watch` as people and schedulers call it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.commands import run_here
from tests.projects.tiny import make_project
from tests.watch.watched import finding, watched

from seatrial.core.errors import SeatrialError
from seatrial.watch.watch_records import Level, Watched

UNKNOWN = finding("traffic.release", Level.unknown, part="traffic", summary="0.1.0 is not on the index")


@pytest.fixture(name="root")
def _root(tmp_path: Path) -> Path:
    return make_project(tmp_path / "tiny-model")


@pytest.fixture(name="see")
def _see(monkeypatch: pytest.MonkeyPatch) -> Callable[[Watched], None]:
    return lambda seen: monkeypatch.setattr("seatrial.steps.watch.watch", lambda *_, **__: seen)


@pytest.mark.parametrize(
    ("seen", "code", "line"),
    [
        (watched(), 0, "All well: 12,340 requests"),
        (watched(finding()), 1, "Alarm: `fare` is 100 times what it was"),
        (watched(UNKNOWN), 3, "Unknown: 0.1.0 is not on the index."),
    ],
)
def test_one_line_and_an_exit_code(root: Path, see: Any, seen: Watched, code: int, line: str) -> None:
    see(seen)
    result = run_here("watch", cwd=root)
    assert (result.returncode, result.stdout.startswith(line)) == (code, True), result.stdout + result.stderr
    assert json.loads(run_here("watch", "--json", cwd=root).stdout)["line"] in result.stdout.replace("\n", " ")


@pytest.mark.parametrize(
    "error", [PermissionError(13, "Permission denied", "log"), ZeroDivisionError("division by zero")]
)
def test_whatever_fails_is_never_taken_for_an_alarm(
    root: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def watch(*_: Any, **__: Any) -> Watched:
        raise error

    monkeypatch.setattr("seatrial.steps.watch.watch", watch)
    assert run_here("watch", cwd=root).returncode == 3
    (root / "pyproject.toml").write_text("[tool.seatrial]\nunknown = 1\n")
    assert run_here("watch", cwd=root).returncode == 3


def test_what_keeps_it_from_looking_is_exit_code_3(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def watch(*_: Any, **__: Any) -> Watched:
        raise SeatrialError("The log's destination cannot be reached.", hint="Look at the network.")

    monkeypatch.setattr("seatrial.steps.watch.watch", watch)
    result = run_here("watch", cwd=root)
    assert (result.returncode, result.stdout) == (3, "")
    assert "error: The log's destination cannot be reached." in result.stderr
    assert "hint: Look at the network." in result.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--at", "yesterday"), "is not a time"),
        (("--output", "x.pdf"), "ends in .pdf"),
        (("folder",), "Folders are named with --all"),
        (("--all", "nowhere"), "nowhere is not a folder"),
        (("--all", ".", "--serve"), "--all does not go with --serve"),
        (("--all", ".", "--output", "x.md"), "does not end in .html"),
        (("--serve", "--at", "1d"), "--serve does not go with --at"),
        (("--serve", "--metrics", "x.prom"), "--serve does not go with --metrics"),
        (("--every", "5min"), "--every is for --serve"),
        (("--output", "pyproject.toml/x.html"), "pyproject.toml is a file, not a folder"),
        (("--output", "pyproject.toml/x"), "pyproject.toml is a file, not a folder"),
        (("--metrics", "."), "--metrics . is a folder"),
        (("--metrics", "pyproject.toml/x"), "pyproject.toml is a file, not a folder"),
    ],
)
def test_a_usage_error_is_exit_code_2(root: Path, see: Any, words: tuple[str, ...], message: str) -> None:
    see(watched())
    result = run_here("watch", *words, cwd=root)
    assert result.returncode == 2
    assert message in result.stderr


def test_an_alarm_is_listed_and_acknowledged(root: Path, see: Any) -> None:
    see(watched(finding()))
    run_here("watch", cwd=root)
    [alarm] = json.loads(run_here("watch", "alarms", "--json", cwd=root).stdout)
    assert alarm["code"] in run_here("watch", "alarms", cwd=root).stdout
    words = ("watch", "ack", alarm["code"], "--reason", "new tariff", "--by", "Ann", "--until", "2099-01-31")
    result = run_here(*words, cwd=root)
    assert "drift.unit[fare] acknowledged by Ann until 2099-01-31." in result.stderr
    assert run_here("watch", cwd=root).returncode == 0
    listed = run_here("watch", "alarms", cwd=root).stdout.split()  # a narrow terminal folds the words
    assert {"acknowledged", "until", "2099-01-31"} <= {*listed}
    assert run_here("watch", "ack", "nothing", "--reason", "x", cwd=root).returncode == 1
    run_here("watch", "ack", alarm["code"], "--reason", "\x1b[31mred\nnew", cwd=root)
    listed = run_here("watch", "alarms", cwd=root).stdout.split()
    assert {r"\x1b[31mred", "new"} <= {*listed}


def test_details_files_and_gauges(root: Path, see: Any) -> None:
    noted = finding("traffic.refusals", Level.noted, part="traffic", summary="0.9 % are refused")
    see(watched(finding(), noted, notes=["weekdays need 8 weeks"]))
    result = run_here("watch", "-v", "--output", "out", "--metrics", "seatrial.prom", cwd=root)
    assert "0.9 % are refused" in result.stdout.replace("\xa0", " ")
    assert "weekdays need 8 weeks" in result.stdout
    assert (root / "out" / "watch.html").is_file()
    gauges = (root / "seatrial.prom").read_text()
    assert 'seatrial_watch_alarms{project="titanic-model",state="raised"} 1.0' in gauges
    assert run_here("watch", "alarms", cwd=make_project(root.parent / "other")).stderr == "No alarm is active.\n"


def test_all_projects_have_a_line_each_and_one_page(root: Path, see: Any) -> None:
    make_project(root.parent / "second-model")
    see(watched(finding()))
    result = run_here("watch", "--all", "tiny-model", "second-model", "--output", "page.html", cwd=root.parent)
    assert result.returncode == 1
    assert result.stdout.count("Alarm: ") == 2
    assert (root.parent / "page.html").read_text().count("<li") == 2
    document = json.loads(run_here("watch", "--all", ".", "--json", cwd=root.parent).stdout)
    assert [each["state"] for each in document] == ["alarm", "alarm"]
