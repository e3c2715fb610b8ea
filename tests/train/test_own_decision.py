"""A release decides as the estimator does: thresholds are adopted, and other labels stop the training."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, make_scorer
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV, TunedThresholdClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from tests.train.projects import PIPELINE, compiles, table, two, write_project

from seatrial.core.errors import SeatrialError
from seatrial.core.project import ProjectSettings
from seatrial.model.decision import DecisionRule
from seatrial.train.own_decision import adopt_threshold, check_own_decision
from seatrial.train.run import train

RULE = DecisionRule("binary", ("no", "yes"))
generator = np.random.default_rng(0)
FRAME = pd.DataFrame({"x": generator.normal(size=600), "z": generator.normal(size=600)})
LABELS = np.where(FRAME["x"] + generator.normal(size=600) > 0, "yes", "no")


@pytest.fixture
def project(tmp_path: Path) -> ProjectSettings:
    return write_project(tmp_path, table(two))


def differs(rule: DecisionRule, pipeline: Any) -> int:
    """How many rows the rule decides otherwise than the pipeline's predict."""
    scores = pipeline.predict_proba(FRAME)
    return int((np.array(rule.labels(rule.decide(scores))) != pipeline.predict(FRAME)).sum())


@pytest.mark.parametrize(
    ("classifier", "positive"),
    [
        (FixedThresholdClassifier(LogisticRegression(), threshold=0.3), "yes"),
        (FixedThresholdClassifier(LogisticRegression(), threshold=0.3, pos_label="no"), "no"),
        (FixedThresholdClassifier(LogisticRegression()), "yes"),
        (TunedThresholdClassifierCV(LogisticRegression(), scoring=make_scorer(f1_score, pos_label="no")), "no"),
        (
            GridSearchCV(
                FixedThresholdClassifier(LogisticRegression(), pos_label="yes"), {"threshold": [0.2, 0.25]}, cv=2
            ),
            "yes",
        ),
    ],
    ids=["fixed", "other label", "auto", "tuned", "in a search"],
)
def test_a_threshold_of_the_estimator_is_adopted_with_its_positive_label(
    classifier: Any, positive: str, project: ProjectSettings
) -> None:
    pipeline = make_pipeline(StandardScaler(), classifier).fit(FRAME, LABELS)
    rule = adopt_threshold(RULE, pipeline, project)
    assert rule.classes[rule.positive] == positive
    assert differs(rule, pipeline) == 0
    check_own_decision(rule, pipeline, FRAME, pipeline.predict_proba(FRAME))


@pytest.mark.parametrize("threshold", [1.5, -0.1, float("nan")])
def test_a_threshold_that_is_no_probability_is_an_error(threshold: float, project: ProjectSettings) -> None:
    pipeline = FixedThresholdClassifier(LogisticRegression(), threshold=threshold).fit(FRAME, LABELS)
    with pytest.raises(SeatrialError, match=f"FixedThresholdClassifier's threshold is {threshold:g}, and") as refused:
        adopt_threshold(RULE, pipeline, project)
    assert "between 0 and 1" in refused.value.hint


def test_a_threshold_that_the_settings_contradict_is_an_error(project: ProjectSettings) -> None:
    pipeline = FixedThresholdClassifier(LogisticRegression(), threshold=0.3).fit(FRAME, LABELS)
    with pytest.raises(SeatrialError, match=r"threshold is 0.4, and FixedThresholdClassifier's is 0.3"):
        adopt_threshold(RULE, pipeline, replace(project, threshold=0.4))
    with pytest.raises(
        SeatrialError, match=r"positive is 'no', and FixedThresholdClassifier's positive label is 'yes'"
    ):
        adopt_threshold(replace(RULE, positive=0), pipeline, replace(project, positive="no"))
    assert adopt_threshold(RULE, pipeline, replace(project, threshold=0.3)).threshold == 0.3


def test_labels_that_the_probabilities_do_not_give_stop_the_training(project: ProjectSettings) -> None:
    fixed = FixedThresholdClassifier(LogisticRegression(), threshold=1.0, response_method="decision_function")
    pipeline = make_pipeline(StandardScaler(), fixed).fit(FRAME, LABELS)
    scores = pipeline.predict_proba(FRAME)
    count = differs(adopt_threshold(RULE, pipeline, project), pipeline)
    assert count > 50
    with pytest.raises(SeatrialError, match=rf"FixedThresholdClassifier predicts .* for {count} of 600") as caught:
        check_own_decision(RULE, pipeline, FRAME, scores)
    assert 'response_method="predict_proba"' in caught.value.hint


def test_a_threshold_of_the_settings_is_a_decision_about_the_model_not_a_difference() -> None:
    pipeline = LogisticRegression().fit(FRAME, LABELS)
    check_own_decision(replace(RULE, threshold=0.2), pipeline, FRAME, pipeline.predict_proba(FRAME))
    with pytest.raises(SeatrialError, match="LogisticRegression predicts another label"):
        check_own_decision(RULE, pipeline, FRAME, 1 - pipeline.predict_proba(FRAME))


def test_a_tie_is_not_a_difference() -> None:
    halves = FRAME.assign(x=0.0, z=0.0)
    pipeline = RandomForestClassifier(2, bootstrap=False).fit(halves, np.where(np.arange(600) % 2 == 0, "yes", "no"))
    assert (pipeline.predict_proba(halves) == 0.5).all()
    check_own_decision(RULE, pipeline, halves, pipeline.predict_proba(halves))


def test_several_classes_are_compared_too() -> None:
    labels = np.digitize(FRAME["x"], [-0.5, 0.5])
    rule = DecisionRule("multiclass", (0, 1, 2))
    pipeline = LogisticRegression().fit(FRAME, labels)
    check_own_decision(rule, pipeline, FRAME, pipeline.predict_proba(FRAME))
    with pytest.raises(SeatrialError, match="of 600 held-out rows"):
        check_own_decision(rule, pipeline, FRAME, pipeline.predict_proba(FRAME)[:, ::-1])


def test_a_release_has_the_threshold_of_its_estimator(tmp_path: Path) -> None:
    text = PIPELINE.replace(
        "LogisticRegression())", "FixedThresholdClassifier(LogisticRegression(), threshold=0.3, pos_label=0))"
    )
    text = "from sklearn.model_selection import FixedThresholdClassifier\n" + text
    run = train(write_project(tmp_path, table(two), pipeline=text), compiles)
    assert (run.metadata.threshold, run.metadata.positive) == (0.3, 0)
    assert run.metadata.threshold_by == "FixedThresholdClassifier"


@pytest.mark.filterwarnings("ignore:The `probability` parameter")
def test_support_vectors_whose_probabilities_contradict_their_labels_are_found() -> None:
    """SVC fits its probabilities apart from its labels."""
    labels = np.where(FRAME["x"] > 1.2, "yes", "no")
    pipeline = SVC(probability=True, C=0.05, random_state=0).fit(FRAME, labels)
    assert (pipeline.predict(FRAME) != np.array(RULE.classes)[pipeline.predict_proba(FRAME).argmax(axis=1)]).any()
    with pytest.raises(SeatrialError, match="SVC predicts another label") as caught:
        check_own_decision(RULE, pipeline, FRAME, pipeline.predict_proba(FRAME))
    assert "CalibratedClassifierCV" in caught.value.hint
