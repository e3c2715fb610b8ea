"""Tuning writes the best parameters into pipeline.py, and says so where it cannot."""

from pathlib import Path
from typing import Any

import pytest
from tests.train.projects import REGRESSION, number, table, write_project

from seatrial.core.errors import SeatrialError, UsageError
from seatrial.core.project import ProjectSettings
from seatrial.steps import tune as steps
from seatrial.steps.tune import tune

WEAK = REGRESSION.replace("Ridge()", "Ridge(alpha=3000.0)") + "\n# the end\n"


def project_of(root: Path, pipeline: str = WEAK) -> ProjectSettings:
    return write_project(root, table(number, rows=160), pipeline=pipeline)


def test_the_best_parameters_are_in_the_code_and_nothing_else_changes(tmp_path: Path) -> None:
    tuned = tune(project_of(tmp_path), trials=4, folds=3)
    assert tuned.written
    (change,) = tuned.changes
    assert change.name == "ridge__alpha"
    assert change.before == 3000.0
    assert tuned.file.read_text() == WEAK.replace("alpha=3000.0", f"alpha={change.after!r}")
    page = tuned.report.read_text()
    assert "pipeline.py as it is has" in page
    assert "Person" not in page
    assert "tune/" in (tmp_path / "runs" / "index.html").read_text()


def test_tuning_again_continues_and_has_nothing_to_change(tmp_path: Path) -> None:
    first = tune(project := project_of(tmp_path), trials=4, folds=3)
    text = first.file.read_text()
    again = tune(project, trials=0, folds=3)
    assert again.search.id == first.search.id
    assert len(again.search.trials) == 4
    assert again.changes == ()
    assert first.file.read_text() == text
    assert "pipeline.py has the best values that were found" in again.report.read_text()


def test_without_write_the_code_stays(tmp_path: Path) -> None:
    tuned = tune(project_of(tmp_path), trials=3, folds=3, write=False)
    assert not tuned.written
    assert tuned.changes
    assert tuned.file.read_text() == WEAK


def test_code_that_cannot_be_changed_surely_stays_with_the_reason(tmp_path: Path) -> None:
    pipeline = WEAK.replace("Ridge(alpha", "(Ridge if True else Ridge)(alpha")
    tuned = tune(project_of(tmp_path, pipeline), trials=3, folds=3)
    assert not tuned.written
    assert tuned.reason == "no call of Ridge is in it"
    assert tuned.file.read_text() == pipeline


def test_code_that_was_changed_during_the_search_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = project_of(tmp_path)
    texts = iter([WEAK, WEAK + "# edited\n"])
    monkeypatch.setattr(steps, "_text", lambda file: next(texts))
    tuned = tune(project, trials=3, folds=3)
    assert not tuned.written
    assert tuned.reason == "it was changed during the search"


@pytest.mark.parametrize("options", [{"trials": -1}, {"minutes": -0.5}, {"folds": 1}])
def test_limits_that_make_no_search_are_refused(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="at least 0 trials"):
        tune(project_of(tmp_path), **options)


def test_a_missing_optuna_is_named_with_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SeatrialError, match="needs Optuna") as raised:
        tune(project_of(tmp_path))
    assert "seatrial[tune]" in raised.value.hint


def test_a_study_that_is_damaged_is_named(tmp_path: Path) -> None:
    tuned = tune(project := project_of(tmp_path), trials=1, folds=3, write=False)
    (tuned.search.folder / "study.db").write_bytes(b"no database" * 100)
    with pytest.raises(SeatrialError, match=r"study\.db cannot be opened"):
        tune(project, trials=1, folds=3)
