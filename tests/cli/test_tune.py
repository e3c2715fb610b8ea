"""`seatrial tune`: what it prints, as JSON too, and Ctrl-C in the middle."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from tests.commands import run_here
from tests.steps.test_tune import WEAK, project_of


def complete_trials(project: Path) -> int:
    for file in project.glob("runs/tune/*/study.db"):
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
            try:
                return int(database.execute("SELECT count(*) FROM trials WHERE state = 'COMPLETE'").fetchone()[0])
            except sqlite3.OperationalError:
                return 0
    return 0


def test_it_prints_the_gain_the_parameters_and_what_the_score_is_worth(tmp_path: Path) -> None:
    project_of(tmp_path)
    done = run_here("tune", "--trials", "3", "--folds", "3", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "3 trials of the study" in done.stdout
    assert "The best mean R² is" in done.stdout
    assert "ridge__alpha" in done.stdout
    assert "too good by chance" in done.stdout
    assert "pipeline.py has the best parameters" in done.stdout
    assert "seatrial train" in done.stderr


def test_as_json_it_is_for_scripts(tmp_path: Path) -> None:
    project_of(tmp_path)
    done = run_here("tune", "--trials", "2", "--folds", "3", "--no-write", "--json", cwd=tmp_path)
    document = json.loads(done.stdout)
    assert document["metric"] == "r2"
    assert document["trials"] == 2
    assert not document["written"]
    before, after = document["changes"]["ridge__alpha"]
    assert before == 3000.0
    assert after == document["best"]["parameters"]["ridge__alpha"]


def test_where_the_code_cannot_be_changed_the_line_to_add_is_printed(tmp_path: Path) -> None:
    project_of(tmp_path, WEAK.replace("Ridge(alpha", "(Ridge if True else Ridge)(alpha"))
    done = run_here("tune", "--trials", "2", "--folds", "3", cwd=tmp_path)
    assert "was not changed: no call of Ridge is in it" in done.stdout
    assert "pipeline.set_params(ridge__alpha=" in done.stdout


@pytest.mark.slow
def test_ctrl_c_keeps_what_was_found_and_the_next_call_takes_it(tmp_path: Path) -> None:
    project_of(tmp_path)
    pipeline = tmp_path / "src" / "little_model" / "pipeline.py"
    command = [sys.executable, "-m", "seatrial", "tune", "--trials", "100000", "--folds", "3"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        until = time.monotonic() + 120
        while complete_trials(tmp_path) < 2 and time.monotonic() < until and process.poll() is None:
            time.sleep(0.1)
        os.kill(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "seatrial tune --trials 0" in err
    assert "The best mean R² is" in out
    assert pipeline.read_text() == WEAK
    found = complete_trials(tmp_path)
    assert found >= 2
    assert run_here("tune", "--trials", "0", "--folds", "3", cwd=tmp_path).returncode == 0
    assert complete_trials(tmp_path) == found
    assert "alpha=3000.0" not in pipeline.read_text()
