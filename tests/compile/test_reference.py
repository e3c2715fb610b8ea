"""What a release of XGBoost states: its scores in double, in measures, golden rows and answers, and never natively."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import VotingClassifier
from sklearn.feature_selection import SelectFromModel
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.pipeline import make_pipeline
from tests.compile.boosters.conftest import library
from tests.train.projects import XGBOOST, number, table, three, two, write_project

from seatrial.compile import reference_scorer
from seatrial.compile.boosters import library_title
from seatrial.compile.reference import reference_of
from seatrial.core.errors import CompileError, SeatrialError
from seatrial.core.project import ProjectSettings, importable
from seatrial.model import Release
from seatrial.steps.train import train
from seatrial.train.recipe import read_recipe

library("xgboost")

REGRESSOR = XGBOOST.replace("XGBClassifier", "XGBRegressor")


def golden_difference(project: ProjectSettings) -> float:
    """How far a release's answers are from its golden rows."""
    golden = json.loads((project.artifacts / "golden.json").read_bytes())
    with importable(project):
        release = Release("little_model").load()
        answers = release.predict(golden["rows"])
    key = "probabilities" if "probabilities" in answers[0] else "prediction"
    given = [list(a[key].values()) if key == "probabilities" else a[key] for a in answers]
    return float(np.abs(np.array(given) - np.array(golden["scores"])).max() / np.abs(np.array(golden["scores"])).max())


@pytest.mark.parametrize(
    ("labels", "pipeline"), [(two, XGBOOST), (three, XGBOOST), (number, REGRESSOR)], ids=lambda one: ""
)
def test_golden_rows_and_measures_are_of_the_sums_in_double(tmp_path: Path, labels: Any, pipeline: str) -> None:
    project = write_project(tmp_path, table(labels, rows=200), pipeline=pipeline)
    run = train(project)
    assert run.native_reason == ""
    assert golden_difference(project) < 1e-12  # the library's own scores are 1e-8 away
    proof = run.metadata.proof
    assert proof["paths"] > 100_000 * 40
    assert proof["paths_differ"] == 0
    assert 1e-9 < proof["library_difference"] < 1e-5
    for page in (run.report.read_text(), (project.artifacts / "card.md").read_text()):
        assert "ends in XGBoost" in page
        assert "paths through trees were compared" in page
    again = read_recipe(project, reference=reference_scorer).fit()
    assert np.array_equal(again(read_recipe(project).held_out), run.evaluation.scores)


def test_the_release_needs_neither_xgboost_nor_scikit_learn(tmp_path: Path) -> None:
    project = write_project(tmp_path, table(two), pipeline=XGBOOST)
    train(project)
    code = (
        "import sys\n"
        "sys.modules.update(dict.fromkeys(['xgboost', 'sklearn', 'scipy', 'pandas', 'onnx', 'skops']))\n"
        "from seatrial.model import Release\n"
        "print(Release('little_model').load().predict({'size': 95.0, 'colour': 'red'})[0]['prediction'])\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(project.source), *filter(None, sys.path)])}
    answer = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert (answer.stdout, answer.stderr) == ("1\n", "")


def test_labels_may_be_text(tmp_path: Path) -> None:
    project = write_project(tmp_path, table(three, rows=200), pipeline=XGBOOST)
    run = train(project)
    assert run.metadata.classes == ("high", "low", "middle")
    with importable(project):
        (answer,) = Release("little_model").load().predict({"size": 5.0, "colour": "red"})
    assert answer["prediction"] == "low"


def test_what_does_not_compile_stops_the_training_with_the_reason(tmp_path: Path) -> None:
    pipeline = XGBOOST.replace("n_jobs=1", 'objective="binary:hinge"')
    project = write_project(tmp_path, table(two), pipeline=pipeline)
    with pytest.raises(
        SeatrialError, match=r"its objective binary:hinge is not one of .* only served compiled"
    ) as stop:
        train(project)
    assert not isinstance(stop.value, CompileError)  # training would fall back to the pipeline itself
    assert "docs/models.md" in stop.value.hint
    assert not project.artifacts.exists()


def test_an_own_class_is_not_served_natively_either(tmp_path: Path) -> None:
    own = XGBOOST.replace("XGBClassifier(n", "Own(n") + "\n\nclass Own(XGBClassifier):\n    pass\n"
    project = write_project(tmp_path, table(two), pipeline=own)
    with pytest.raises(SeatrialError, match=r"Own .* does not compile: .* Models of XGBoost are only served compiled"):
        train(project)


def test_an_ensemble_of_models_that_round_states_what_it_makes_of_their_exact_sums(tmp_path: Path) -> None:
    bagged = XGBOOST.replace("XGBClassifier(", "BaggingClassifier(XGBClassifier(").replace("n_jobs=1)", "n_jobs=1), 2)")
    bagged = bagged.replace(
        "\nfrom sklearn.comp", "\nfrom sklearn.ensemble import BaggingClassifier\nfrom sklearn.comp"
    )
    project = write_project(tmp_path, table(two), pipeline=bagged)
    proof = train(project).metadata.proof
    assert proof["paths"] > 0
    assert 0 < proof["library_difference"] < 1e-6
    assert "what BaggingClassifier makes of their sums in double precision" in proof["statement"]
    assert golden_difference(project) <= 1e-9


def test_a_model_that_only_selects_columns_may_be_any() -> None:
    from xgboost import XGBClassifier

    values = np.random.default_rng(0).normal(size=(100, 4))
    pipeline = make_pipeline(SelectFromModel(XGBClassifier(n_estimators=3)), LogisticRegression())
    reference = reference_of(pipeline.fit(values, values[:, 1] > 0))
    assert reference.booster is None
    assert np.array_equal(reference.scores(values), pipeline.predict_proba(values))


def test_the_scores_of_other_models_are_their_own() -> None:
    assert reference_scorer(LogisticRegression()) is None


def test_the_model_behind_a_threshold_is_proven_path_by_path() -> None:
    lightgbm = library("lightgbm")
    rows, labels = np.arange(400.0).reshape(200, 2), np.arange(200) % 2
    model = lightgbm.LGBMClassifier(n_estimators=3, verbose=-1, n_jobs=1)
    threshold = FixedThresholdClassifier(model, threshold=0.4).fit(rows, labels)
    assert reference_of(threshold).booster is not None


def test_a_library_that_rounds_is_found_beside_another() -> None:
    lightgbm, xgboost = library("lightgbm"), library("xgboost")
    vote = VotingClassifier([("one", lightgbm.LGBMClassifier()), ("other", xgboost.XGBClassifier())])
    assert library_title(vote) == "XGBoost"
