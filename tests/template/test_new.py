"""`seatrial new`: a project that works, by options or by answers, created completely or not at all."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.template.commands import GIT, git, new, quick, seatrial, write_table

from seatrial.core.errors import SeatrialError
from seatrial.core.project import find_project
from seatrial.core.split_settings import SplitSettings
from seatrial.template.project_name import project_name
from seatrial.template.prompts import change, overrides_of
from seatrial.template.records import Overrides
from seatrial.template.render import unfinished


def tool(name: str, *words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a tool of this environment as if it were activated."""
    path = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    command = [sys.executable, "-m", name, *words]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, env={**os.environ, **path})


EVERYTHING = ("--licence", "apache", "--ci", "github", "--deploy", "docker,railway,kubernetes")


def test_the_project_passes_its_lint_types_and_the_doctor_untouched(tmp_path):
    name = "c" * 64  # the longest name, so that it makes no line too long
    project = new(tmp_path, *EVERYTHING, name=name)
    for command in (("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy",)):
        done = tool(*command, cwd=project)
        assert done.returncode == 0, done.stdout + done.stderr
    examined = quick("doctor", cwd=project)
    assert examined.returncode == 0, examined.stdout
    assert git("status", "--porcelain", cwd=project) == ""
    assert git("log", "--format=%s", cwd=project) == f"Start {name}-model\n"
    assert (project / "LICENSE").read_text().lstrip().startswith("Apache License")


@pytest.mark.soak
def test_the_project_passes_its_own_tests_untouched(tmp_path):
    project = new(tmp_path, *EVERYTHING)
    assert seatrial("train", cwd=project).returncode == 0
    done = tool("pytest", "-p", "no:cacheprovider", cwd=project)
    assert done.returncode == 0, done.stdout
    assert "passed" in done.stdout
    assert git("status", "--porcelain", cwd=project) == ""


def test_the_examination_and_the_next_step_are_shown(tmp_path):
    table = write_table(tmp_path / "customers.csv")
    done = seatrial("new", "churn", "--data", str(table), "--target", "left", cwd=tmp_path)
    assert done.returncode == 0
    assert "customers.csv: 120 rows, 5 columns" in done.stderr
    assert "Predicts left, binary: no (" in done.stderr
    line = next(line for line in done.stderr.splitlines() if line.startswith("customer_id"))
    assert "identifier" in line
    assert "cd churn" in done.stdout


def test_derived_features_are_reported(tmp_path, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)  # in a pipe, one line for each column
    lines = write_table(tmp_path / "customers.csv").read_text().splitlines()
    notes = [
        f"{line},2024-{n % 12 + 1:02}-03,{'late' if n % 3 else 'paid'} once more {n}"
        for n, line in enumerate(lines[1:])
    ]
    (tmp_path / "notes.csv").write_text("\n".join([f"{lines[0]},since,said", *notes]))
    done = quick("new", "churn", "--data", "notes.csv", "--target", "left", "--kind", "said=text", cwd=tmp_path)
    assert re.search(r"^since +split into month, weekday, days: models need numbers$", done.stderr, re.MULTILINE)
    how = "words, and whether it contains paid: words chosen by their number of rows, without the target"
    assert re.search(rf"^said +reduced to its length and number of {how}$", done.stderr, re.MULTILINE)
    features = (tmp_path / "churn/src/churn_model/features.py").read_text()
    assert "def since_weekday(" in features
    assert "def said_words(" in features


def test_a_key_that_repeats_is_said_and_splits_the_project_by_group(tmp_path):
    lines = write_table(tmp_path / "customers.csv", rows=200).read_text().splitlines()
    table = tmp_path / "visits.csv"
    table.write_text("\n".join([lines[0], *(f"C{n // 4:05d}{line[6:]}" for n, line in enumerate(lines[1:]))]))
    words = ("new", "visits", "--data", "visits.csv", "--target", "left", "--yes")
    done = quick(*words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "all rows with the same customer_id are on one side of the split" in done.stderr
    assert find_project(tmp_path / "visits").split == SplitSettings(by="group", column="customer_id")
    settings = (tmp_path / "visits" / "pyproject.toml").read_text()
    assert 'by = "group" # a model can recognize a value' in settings
    done = quick("new", "again", *words[2:], "--split", "rows", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert find_project(tmp_path / "again").split == SplitSettings()
    assert "[tool.seatrial.split]" not in (tmp_path / "again" / "pyproject.toml").read_text()


def test_the_next_step_quotes_a_folder_with_a_space(tmp_path):
    table = write_table(tmp_path / "customers.csv")
    done = quick("new", "churn", "--data", str(table), "--target", "left", "--into", "my models", cwd=tmp_path)
    assert "    cd 'my models/churn'\n" in done.stdout


def test_everything_can_be_answered_through_a_pipe(tmp_path):
    write_table(tmp_path / "customers.csv")
    answers = (
        "churn\ncustomers.csv\nleft\nleave out spnt\nleave out spent\nage is nonsense\n\ngitlab\nbsd\nlocal,docker\n"
    )
    done = seatrial("new", cwd=tmp_path, text=answers)
    assert done.returncode == 0, done.stderr
    assert "Its columns: customer_id, age, plan, spent, left" in done.stderr
    assert "customers.csv has no column `spnt`." in done.stderr  # and the next change is still made
    assert "'age is nonsense' is not a change." in done.stderr
    schema = (tmp_path / "churn/src/churn_model/schema.py").read_text()
    assert "- spent: as requested" in schema
    assert {".gitlab-ci.yml", "LICENSE", "deploy"} <= {path.name for path in (tmp_path / "churn").iterdir()}


def test_answers_that_end_early_create_nothing(tmp_path):
    done = seatrial("new", cwd=tmp_path, text="churn\n")
    assert done.returncode == 1
    assert "error: No answer to: Table" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--yes",), "The name or the table is missing."),
        (("churn", "--data", "customers.csv"), "The column to predict is missing."),
        (("churn", "--data", "customer.csv", "--target", "left"), "customer.csv does not exist."),
        (("churn", "--data", "customers.csv", "--target", "lefd"), "customers.csv has no column `lefd`."),
        (
            ("churn", "--data", "customers.csv", "--target", "left", "--deploy", "moon"),
            "'moon' is not a deployment target.",
        ),
        (("churn", "--data", "customers.csv", "--target", "left", "--kind", "age"), "does not name a column."),
        (("churn", "--data", "customers.csv", "--target", "left", "--separator", "::"), "'::' is not a separator:"),
        (("class", "--data", "customers.csv", "--target", "left"), "'class' is a Python keyword"),
        (
            ("full", "--data", "customers.csv", "--target", "left"),
            "full already exists and is not empty: it contains mine.txt.",
        ),
        (("file", "--data", "customers.csv", "--target", "left"), "file already exists and is not a folder."),
    ],
)
def test_errors_are_one_clear_line_and_leave_nothing(tmp_path, words, message):
    write_table(tmp_path / "customers.csv")
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine.txt").write_text("mine")
    (tmp_path / "file").write_text("")
    before = sorted(tmp_path.rglob("*"))
    done = quick("new", *words, cwd=tmp_path)
    assert done.returncode == 1
    errors = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert len(errors) == 1
    assert message in errors[0]
    assert "Traceback" not in done.stderr
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "'' is not a valid project name."),
        ("my churn", "'my churn' is not a valid project name."),
        ("../churn", "'../churn' is not a valid project name."),
        ("/tmp/churn", "'/tmp/churn' is not a valid project name."),
        ("9lives", "'9lives' is not a valid project name."),
        ("änderung", "'änderung' is not a valid project name."),
        ("a--b", "'a--b' is not a valid project name."),
        ("x" * 65, "is not a valid project name."),
        ("import", "'import' is a Python keyword and cannot be a project name."),
        ("None", "'None' is a Python keyword and cannot be a project name."),
        ("match", "'match' is a Python keyword and cannot be a project name."),
        ("json", "'json' is used by Python's standard library and cannot be a project name."),
        ("Random", "'Random' is used by Python's standard library and cannot be a project name."),
        ("con", "'con' is used by Windows and cannot be a project name."),
        ("numpy", "'numpy' is taken by something that every project needs."),
        ("tests", "'tests' is taken by something that every project needs."),
    ],
)
def test_an_invalid_name_is_reported_with_a_suggestion(name, message):
    with pytest.raises(SeatrialError) as caught:
        project_name(name)
    assert message in caught.value.message
    assert caught.value.hint


def test_names_are_derived():
    assert project_name("churn").package == "churn_model"
    assert project_name("my-Churn").name == "my-churn-model"
    assert project_name("titanic_model").package == "titanic_model"
    assert project_name("titanic", "titanic_survival").name == "titanic-survival"
    with pytest.raises(SeatrialError, match="'json' is used by Python's standard library and cannot be a package name"):
        project_name("churn", "json")


def test_changes_in_words():
    target, overrides = change("zip is a category", "left", Overrides())
    _, overrides = change("Keep price", target, overrides)
    _, overrides = change("leave out first name.", target, overrides)
    _, overrides = change("task regression", target, overrides)
    assert overrides == Overrides("regression", None, ("price",), ("first name",), {"zip": "category"})
    assert change("target price", "left", overrides)[0] == "price"
    assert change("split by rows", "left", Overrides())[1].split == "rows"
    assert change("Split by Group customer id", "left", Overrides())[1].split == "group:customer id"
    with_label = Overrides(positive="yes")
    assert change("task binary", "left", with_label)[1] == Overrides(task="binary", positive="yes")
    assert change("task regression", "left", with_label)[1] == Overrides(
        task="regression"
    )  # which has no positive label


def test_a_column_is_kept_or_left_out():
    with pytest.raises(SeatrialError, match="`age` is both kept and left out"):
        overrides_of(["plan", "age"], ["age"], [], None, None)


def test_a_killed_rendering_leaves_no_project_and_the_next_one_cleans_up(tmp_path):
    table = write_table(tmp_path / "customers.csv")
    words = [sys.executable, "-m", "seatrial", "new", "churn", "--data", str(table), "--target", "left"]
    making = subprocess.Popen(
        words, cwd=tmp_path, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, env={**os.environ, **GIT}
    )
    while making.poll() is None and not list(tmp_path.glob(".churn.*/churn/*")):
        time.sleep(0.001)
    assert making.poll() is None, "it was made before it could be killed"
    making.kill()
    making.wait()
    assert not (tmp_path / "churn").exists()
    assert list(tmp_path.glob(".churn.*"))
    new(tmp_path, table=table)
    assert (tmp_path / "churn/pyproject.toml").is_file()
    assert not list(tmp_path.glob(".churn.*"))


def test_an_interrupted_rendering_leaves_nothing(tmp_path):
    def stop() -> None:
        with unfinished(tmp_path / "churn") as folder:
            (folder / "half").write_text("half")
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(10)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs of a shell ignore it
    try:
        with pytest.raises(KeyboardInterrupt):
            stop()
    finally:
        signal.signal(signal.SIGINT, before)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_filled_in_the_meantime_is_not_touched(tmp_path):
    def make() -> None:
        with unfinished(tmp_path / "churn") as folder:
            (folder / "ours").write_text("ours")
            (tmp_path / "churn").mkdir()
            (tmp_path / "churn/theirs").write_text("theirs")

    with pytest.raises(SeatrialError, match="churn already exists and is not empty: it contains theirs"):
        make()
    assert [p.name for p in tmp_path.rglob("*")] == ["churn", "theirs"]


@pytest.mark.parametrize("words", [("--no-git",), ("--package", "leaving"), ("--into", "deeper/still")])
def test_options_do_what_they_say(tmp_path, words):
    new_ = quick(
        "new", "churn", "--data", str(write_table(tmp_path / "c.csv")), "--target", "left", *words, cwd=tmp_path
    )
    assert new_.returncode == 0, new_.stderr
    project = tmp_path / ("deeper/still/churn" if "--into" in words else "churn")
    assert (project / ".git").exists() is ("--no-git" not in words)
    package = "leaving" if "--package" in words else "churn_model"
    assert (project / "src" / package / "schema.py").is_file()
    assert (project / "data/churn.csv").read_bytes() == (tmp_path / "c.csv").read_bytes()


def test_a_table_that_the_users_own_excludes_ignore_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "excludes").write_text("*.csv\n")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "core.excludesFile")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", str(tmp_path / "excludes"))
    table = write_table(tmp_path / "customers.csv")
    done = quick("new", "churn", "--data", str(table), "--target", "left", cwd=tmp_path)
    assert done.returncode == 0
    assert "Git ignores data/churn.csv, so a clone of the repository lacks them." in done.stderr
