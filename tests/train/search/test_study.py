"""A search finds better values, goes on where it ended, and never looks at a held-out row."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.train.projects import PIPELINE, number, table, three, two, write_project

from seatrial.core.errors import SeatrialError
from seatrial.core.progress import silent
from seatrial.core.project import ProjectSettings
from seatrial.train.recipe import Recipe, _Frames, read_recipe
from seatrial.train.run import decision_rule
from seatrial.train.search.fold_scores import WrongParameterError
from seatrial.train.search.study import SearchLimits, SearchResult, search

WEAK = PIPELINE.replace("LogisticRegression()", "LogisticRegression(C=0.0001)")
OWN = (
    PIPELINE
    + """

def space(trial):
    return {"logisticregression__C": trial.suggest_float("C", 1e-4, 10, log=True)}
"""
)


def searched(
    project: ProjectSettings,
    recipe: Recipe | None = None,
    *,
    trials: int = 4,
    progress: Any = silent,
    minutes: float = 5,
) -> SearchResult:
    recipe = recipe or read_recipe(project)
    limits = SearchLimits(trials, minutes)
    return search(recipe, decision_rule(recipe), limits, folds=3, folder=project.runs / "tune", progress=progress)


def tried(result: SearchResult) -> list[Any]:
    return [(trial.values, trial.scores, trial.state) for trial in result.trials]


def with_rows(recipe: Recipe, rows: Any, change: Callable[[Any], Any]) -> Recipe:
    """The recipe with other sizes and labels in some rows, and the split that it had."""
    size, target = recipe.table.columns["size"].copy(), recipe.table.target.copy()
    size[rows], target[rows] = change(size[rows]), 1 - target[rows]
    poisoned = replace(recipe.table, columns={**recipe.table.columns, "size": size}, target=target)
    frames = _Frames(recipe.columns, recipe.features, poisoned.columns)
    return replace(recipe, table=poisoned, _frames=frames)


def test_a_search_finds_better_values_than_the_code_has(tmp_path: Path) -> None:
    result = searched(write_project(tmp_path, table(two, rows=200), pipeline=WEAK), trials=6)
    assert result.measure.name == "roc_auc"
    assert len(result.trials) == 6
    assert result.best is not None
    assert len(result.best.scores) == len(result.current.scores) == result.folds == 3
    assert result.best.mean == max(trial.mean for trial in result.trials if trial.state == "complete")
    assert result.current.values == {"logisticregression__C": 0.0001}


def test_an_error_is_minimized_and_r2_maximized(tmp_path: Path) -> None:
    pipeline = PIPELINE.replace("LogisticRegression()", "Ridge(alpha=3000.0)").replace("LogisticRegression", "Ridge")
    result = searched(write_project(tmp_path, table(number, rows=200), pipeline=pipeline), trials=5)
    assert result.measure.name == "r2"
    assert result.better
    assert result.best is not None
    assert result.best.values["ridge__alpha"] < 3000


def test_poisoned_held_out_rows_change_nothing(tmp_path: Path) -> None:
    clean = read_recipe(project := write_project(tmp_path / "clean", table(two, rows=200)))
    other = write_project(tmp_path / "other", table(two, rows=200))
    poisoned = with_rows(replace(clean, project=other), clean.split.test, lambda size: np.full_like(size, 1e300))
    assert tried(searched(project, clean)) == tried(searched(other, poisoned))


def test_a_poisoned_training_row_would_be_seen(tmp_path: Path) -> None:
    clean = read_recipe(project := write_project(tmp_path / "clean", table(two, rows=200)))
    other = write_project(tmp_path / "other", table(two, rows=200))
    poisoned = with_rows(replace(clean, project=other), clean.split.train[:1], lambda size: 100 - size)
    assert tried(searched(project, clean)) != tried(searched(other, poisoned))


def test_a_second_search_continues_the_first_with_other_values(tmp_path: Path) -> None:
    project = write_project(tmp_path, table(two))
    first = searched(project, trials=3)
    second = searched(project, trials=2)
    assert second.id == first.id
    assert tried(second)[:3] == tried(first)
    assert len(second.trials) == 5
    assert len({repr(trial.values) for trial in second.trials}) == 5


def test_a_study_survives_that_its_values_are_written_into_the_code(tmp_path: Path) -> None:
    first = searched(project := write_project(tmp_path, table(two)), trials=2)
    file = project.source / "little_model" / "pipeline.py"
    file.write_text(file.read_text().replace("LogisticRegression()", "LogisticRegression(C=0.5)"))
    assert searched(project, trials=0).id == first.id
    file.write_text(file.read_text().replace("StandardScaler()", "StandardScaler(with_mean=False)"))
    assert searched(project, trials=0).id != first.id


def test_ctrl_c_keeps_the_trials_that_are_complete(tmp_path: Path) -> None:
    project = write_project(tmp_path, table(two))
    lines: list[str] = []

    def interrupting(line: str) -> None:
        lines.append(line)

    source = OWN.replace("    return {", "    if trial.number == 2:\n        raise KeyboardInterrupt\n    return {")
    (project.source / "little_model" / "pipeline.py").write_text(source)
    result = searched(project, trials=10, progress=interrupting)
    assert result.interrupted
    assert [trial.state for trial in result.trials] == ["complete", "complete", "failed"]
    assert "best so far" in lines[-1]
    assert not searched(project, trials=1).interrupted


def test_ctrl_c_between_two_trials_keeps_them_too(tmp_path: Path) -> None:
    def interrupting(line: str) -> None:
        if line.startswith("trying 3 of"):
            raise KeyboardInterrupt

    result = searched(write_project(tmp_path, table(two)), trials=10, progress=interrupting)
    assert result.interrupted
    assert [trial.state for trial in result.trials] == ["complete", "complete"]


def test_the_time_ends_a_search(tmp_path: Path) -> None:
    result = searched(write_project(tmp_path, table(two)), trials=10, minutes=0)
    assert result.trials == ()
    assert result.best is None


def test_a_space_of_ones_own_is_used(tmp_path: Path) -> None:
    result = searched(write_project(tmp_path, table(two), pipeline=OWN))
    assert {name for trial in result.trials for name in trial.values} == {"logisticregression__C"}
    assert all(1e-4 <= trial.values["logisticregression__C"] <= 10 for trial in result.trials)


def test_a_parameter_that_the_pipeline_lacks_is_named(tmp_path: Path) -> None:
    project = write_project(tmp_path, table(two), pipeline=OWN.replace("logisticregression__C", "logistic__C"))
    with pytest.raises(WrongParameterError, match="Invalid parameter 'logistic'"):
        searched(project)


def test_values_that_cannot_be_fitted_end_the_search_with_their_error(tmp_path: Path) -> None:
    own = OWN.replace('trial.suggest_float("C", 1e-4, 10, log=True)', 'trial.suggest_float("C", -2, -1)')
    with pytest.raises(SeatrialError, match=r"5 trials in a row failed: .*'C' parameter"):
        searched(write_project(tmp_path, table(two), pipeline=own), trials=20)


def test_bad_values_are_stopped_before_the_last_fold(tmp_path: Path) -> None:
    own = OWN.replace("1e-4, 10", "1e-4, 10 if trial.number < 5 else 1.1e-4")
    result = searched(write_project(tmp_path, table(three, rows=200), pipeline=own), trials=12)
    early = [trial for trial in result.trials if trial.state == "stopped early"]
    assert early
    assert all(0 < len(trial.scores) < result.folds for trial in early)
