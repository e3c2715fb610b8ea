"""Settings and libraries that do not mean what the baseline's do."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from seatrial.model.inputs import Inputs
from seatrial.model.metadata import Metadata
from seatrial.trial.compare.scoring import Scoring
from seatrial.trial.policy import Policy
from seatrial.trial.records import Check, Kind, Outcome
from seatrial.trial.sandbox.answers import Description
from seatrial.trial.settings_checks import check_exchanged, check_libraries, check_settings
from seatrial.trial.verdict import judge

LIBRARIES = {"python": "3.12.1", "scikit-learn": "1.9.1", "numpy": "2.4.0", "seatrial": "0.1.0"}
META = Metadata(
    "loans-model", "binary", "repaid", "onnx", Inputs(("x",), ()), {}, {}, (0, 1), {"0": "defaulted", "1": "repaid"}, 1,
    split={"test_rows": 200, "train_rows": 600, "seed": 1912}, environment=LIBRARIES,
)  # fmt: skip


def checks(version: str = "0.1.1", kind: Kind = "retrain", **changes: Any) -> dict[str, Check]:
    old = Description("0.1.0", META, (), {})
    new = Description(version, replace(META, **changes), (), {})
    return {check.name: check for check in check_settings(old, new, Policy(kind=kind))}


def test_equal_settings_pass():
    assert {name: check.outcome for name, check in checks().items()} == {"settings.same": Outcome.passed}


def test_labels_that_are_exchanged_are_blocked():
    check = checks(labels={"0": "repaid", "1": "defaulted"})["settings.labels"]
    assert check.outcome is Outcome.blocked
    assert "the labels are exchanged: 0 was `defaulted`, and is `repaid`" in check.summary


def test_labels_with_other_words_are_noted():
    check = checks(labels={"0": "lost", "1": "paid back"})["settings.labels"]
    assert check.outcome is Outcome.noted


@pytest.mark.parametrize(
    ("version", "kind", "outcome"),
    [
        ("0.1.1", "retrain", Outcome.blocked),
        ("0.1.1", "redesign", Outcome.waiting),
        ("0.2.0", "retrain", Outcome.blocked),  # a version is raised by whoever made the change
    ],
)
def test_a_positive_class_that_is_turned_is_named(version: str, kind: Kind, outcome: Outcome):
    check = checks(version, kind, positive=0)["settings.positive"]
    assert check.outcome is outcome
    assert "it was `1`, and is `0`" in check.summary


@pytest.mark.parametrize("version", ["0.1.1", "0.2.0", "1.0.0"])
@pytest.mark.parametrize(("kind", "outcome"), [("repackage", Outcome.blocked), ("retrain", Outcome.waiting)])
def test_a_threshold_that_moved_is_named_with_its_effect(kind: Kind, outcome: Outcome, version: str):
    check = checks(version, kind, threshold=0.7)["settings.threshold"]
    assert check.outcome is outcome
    assert "the threshold was 0.5, and is 0.7" in check.summary
    assert "fewer rows" in check.summary


TUNED = "TunedThresholdClassifierCV"


def tuned(now: float, kind: Kind = "retrain") -> Check:
    old = Description("0.1.0", replace(META, threshold_by=TUNED), (), {})
    new = Description("0.1.1", replace(META, threshold=now, threshold_by=TUNED), (), {})
    return {check.name: check for check in check_settings(old, new, Policy(kind=kind))}["settings.threshold"]


@pytest.mark.parametrize(
    ("now", "kind", "outcome"),
    [
        (0.53, "retrain", Outcome.noted),
        (0.6, "retrain", Outcome.waiting),
        (0.53, "redesign", Outcome.noted),
        (0.53, "repackage", Outcome.blocked),
    ],
)
def test_a_threshold_that_each_training_finds_may_move_a_little(now: float, kind: Kind, outcome: Outcome):
    check = tuned(now, kind)
    assert check.outcome is outcome
    assert f"TunedThresholdClassifierCV found the threshold {now:g}, and 0.5 before" in check.summary
    kept = "FixedThresholdClassifier(..., threshold=0.5) in pipeline.py keeps the baseline's"
    assert (kept in check.hint) is (outcome is not Outcome.noted)


def test_a_threshold_that_was_not_found_by_both_trainings_waits():
    check = checks(threshold=0.51, threshold_by=TUNED)["settings.threshold"]
    assert check.outcome is Outcome.waiting
    assert "that of TunedThresholdClassifierCV in pipeline.py" in check.summary
    assert "Undo it in pipeline.py" in check.hint


@pytest.mark.parametrize(
    ("test", "train", "shrunk"),
    [(200, 600, False), (150, 450, False), (12, 788, True), (90, 710, True), (260, 2000, True), (101, 300, False)],
)
def test_a_hold_out_that_shrank_waits(test: int, train: int, shrunk: bool):
    found = checks(split={"test_rows": test, "train_rows": train, "seed": 1912})
    assert ("settings.hold_out" in found) is shrunk
    if shrunk:
        assert found["settings.hold_out"].outcome is Outcome.waiting
        assert f"{test:,} rows, 200 before" in found["settings.hold_out"].summary


def test_another_engine_is_noted_and_not_repackaged():
    assert checks(engine="native")["settings.engine"].outcome is Outcome.noted
    assert checks(kind="repackage", engine="native")["settings.engine"].outcome is Outcome.blocked


@pytest.mark.parametrize(
    ("split", "words"),
    [
        ({"test_rows": 200, "train_rows": 600, "seed": 7}, "seed 1912 -> 7"),
        ({"test_rows": 320, "train_rows": 480, "seed": 7}, "seed 1912 -> 7, 25% -> 40% of the rows"),
        ({"test_rows": 320, "train_rows": 480, "seed": 1912}, "25% -> 40% of the rows"),
        ({"test_rows": 260, "train_rows": 790, "seed": 1912}, ""),
        (
            {"test_rows": 200, "train_rows": 600, "seed": 1912, "by": "group", "column": "customer"},
            "split by rows -> by group customer",
        ),
    ],
)
def test_another_hold_out_is_in_the_first_line(split: dict[str, int], words: str):
    found = checks(split=split)
    _, cause = judge([Check("golden.scores", "golden", Outcome.passed, "equal"), *found.values()], Policy())
    assert cause.partition("passed. ")[2] == (f"Another hold-out since 0.1.0: {words}." if words else "")


@pytest.mark.parametrize(("kind", "outcome"), [("retrain", Outcome.noted), ("repackage", Outcome.blocked)])
def test_another_weight_is_said(kind: str, outcome: Outcome):
    found = checks(kind=kind, split={"test_rows": 200, "train_rows": 600, "seed": 1912, "weight": "w"})
    assert found["settings.weight"].outcome is outcome
    assert found["settings.weight"].summary == "rows count by `w` in fitting and in metrics, the same before"


@pytest.mark.parametrize(("kind", "outcome"), [("retrain", Outcome.noted), ("repackage", Outcome.blocked)])
def test_another_sample_is_said(kind: str, outcome: Outcome):
    sampled = {"test_rows": 200, "train_rows": 400, "sampled_from": 600, "seed": 1912}
    found = checks(kind=kind, split=sampled)
    assert found["settings.sample"].outcome is outcome
    summary = "it is fitted on a sample of 400 of the rows that are not held out, on all before"
    assert found["settings.sample"].summary == summary
    assert "settings.hold_out" not in found


DIFFERS = [Check("rebuild.scores", "rebuild", Outcome.blocked, "it differs")]


@pytest.mark.parametrize(
    ("kind", "version", "rebuild", "outcome"),
    [
        ("repackage", "1.8.0", [], Outcome.blocked),  # older
        ("repackage", "1.10.0", [], Outcome.noted),  # newer is what a repackage is for; all scores must be equal
        ("retrain", "1.8.0", [], Outcome.noted),
        ("retrain", "1.8.0", DIFFERS, Outcome.waiting),
        ("retrain", "1.10.0", DIFFERS, Outcome.waiting),
    ],
)
def test_libraries_of_other_versions_are_shown(kind: Kind, version: str, rebuild: list[Check], outcome: Outcome):
    new = replace(META, environment={**LIBRARIES, "scikit-learn": version})
    (check,) = check_libraries(META, new, Policy(kind=kind), rebuild)
    assert check.outcome is outcome
    assert f"scikit-learn {version} (1.9.1 before)" in check.summary


def test_the_same_libraries_pass_whatever_seatrials_own_version_is():
    new = replace(META, environment={**LIBRARIES, "seatrial": "0.2.0"})
    (check,) = check_libraries(META, new, Policy(kind="repackage"), [])
    assert check.outcome is Outcome.passed


def exchanged(old: np.ndarray, new: np.ndarray, classes: tuple[str, ...]) -> list[Check]:
    scoring = Scoring("multiclass", classes)
    return check_exchanged(scoring, old, new, classes, Policy())


def test_classes_whose_answers_are_exchanged_are_named():
    old = np.random.default_rng(0).dirichlet([1, 1, 1], 200)
    assert exchanged(old, old, ("a", "b", "c")) == []
    assert exchanged(old, np.random.default_rng(1).dirichlet([1, 1, 1], 200), ("a", "b", "c")) == []
    (check,) = exchanged(old, old[:, [0, 2, 1]], ("a", "b", "c"))
    assert check.outcome is Outcome.blocked
    assert "the answers of `b` and `c` are exchanged" in check.summary


def test_two_classes_that_are_exchanged_are_found_and_a_worse_model_is_not():
    p = np.random.default_rng(0).uniform(size=300)
    old, noisy = np.stack([1 - p, p], axis=1), np.random.default_rng(1).uniform(size=300)
    assert len(exchanged(old, old[:, ::-1], ("no", "yes"))) == 1
    assert exchanged(old, np.stack([1 - noisy, noisy], axis=1), ("no", "yes")) == []
    assert exchanged(old[:5], old[:5, ::-1], ("no", "yes")) == []  # too few rows
