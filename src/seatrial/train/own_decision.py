"""The estimator's own decision is what serves: its threshold is adopted, and its labels are compared.

A release decides by the probabilities and one threshold (model/decision.py). An estimator whose `predict` does
otherwise would be released as another model than the one that was trained.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from seatrial.core.errors import SeatrialError
from seatrial.core.project import ProjectSettings
from seatrial.model.decision import DecisionRule
from seatrial.model.features import Array

TIE = 1e-6  # rows that are this close to two labels are decided by rounding, of single precision in some libraries
DEFAULT = 0.5


def last_estimator(pipeline: Any) -> Any:
    """The estimator that decides: a pipeline's last step, the best one of a search."""
    while True:
        if hasattr(pipeline, "steps"):
            pipeline = pipeline.steps[-1][1]
        elif hasattr(pipeline, "best_estimator_"):
            pipeline = pipeline.best_estimator_
        else:
            return pipeline


def adopt_threshold(rule: DecisionRule, pipeline: Any, project: ProjectSettings) -> DecisionRule:
    """Return the rule with the threshold and the positive label of a pipeline that has a threshold of its own.

    Raises SeatrialError where the project's settings say otherwise, and where it is no probability.
    """
    found = _own_threshold(pipeline) if rule.task == "binary" else None
    if found is None:
        return rule
    positive, threshold = found
    kind = type(last_estimator(pipeline)).__name__
    label = rule.classes[positive]
    if not 0 <= threshold <= 1:
        raise SeatrialError(
            f"{kind}'s threshold is {threshold:g}, and probabilities are between 0 and 1.",
            hint="Choose a threshold between 0 and 1 in pipeline.py.",
        )
    if project.positive is not None and positive != rule.positive:
        raise SeatrialError(
            f"[tool.seatrial] positive is {project.positive!r}, and {kind}'s positive label is {label!r}.",
            hint=f"Set pos_label of {kind} to the label in the settings, or remove the setting.",
        )
    if project.threshold not in (DEFAULT, threshold):
        raise SeatrialError(
            f"[tool.seatrial] threshold is {project.threshold:g}, and {kind}'s is {threshold:g}.",
            hint="Remove one of the two.",
        )
    return replace(rule, positive=positive, threshold=threshold)


def threshold_by(pipeline: Any, task: str) -> str:
    """The class of the estimator whose threshold `adopt_threshold` took; empty where it is the settings'."""
    return type(last_estimator(pipeline)).__name__ if task == "binary" and _own_threshold(pipeline) else ""


def _own_threshold(pipeline: Any) -> tuple[int, float] | None:
    """The positive label's position and the probability from which a threshold classifier predicts it; else None."""
    from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV

    decides = last_estimator(pipeline)
    if not isinstance(decides, FixedThresholdClassifier | TunedThresholdClassifierCV):
        return None
    if decides.response_method == "decision_function" or not hasattr(decides, "predict_proba"):
        return None  # its threshold is not a probability
    if isinstance(decides, TunedThresholdClassifierCV):
        label, threshold = decides._curve_scorer._get_pos_label(), float(decides.best_threshold_)
    else:
        label = decides.pos_label
        threshold = DEFAULT if decides.threshold == "auto" else float(decides.threshold)
    positions = np.flatnonzero(np.asarray(decides.classes_) == label) if label is not None else [1]
    return int(positions[0]), threshold


def check_own_decision(rule: DecisionRule, pipeline: Any, frame: Any, scores: Array) -> None:
    """Raise SeatrialError where the pipeline's `predict` and its probabilities disagree about rows of `frame`.

    A threshold of the project's settings is a decision about the pipeline's, so the pipeline is compared at its own.
    Rows at a tie are left to rounding.
    """
    if rule.task == "regression":
        return
    if rule.task == "binary" and _own_threshold(pipeline) is None:
        rule = replace(rule, threshold=DEFAULT)
    # Labels are compared by their positions: a library may have been given numbers in place of the classes.
    places = {
        str(label): place
        for place, label in enumerate(np.asarray(getattr(pipeline, "classes_", rule.classes)).tolist())
    }
    labels = np.ravel(np.asarray(pipeline.predict(frame))).tolist()
    predicted = np.array([places.get(str(label), -1) for label in labels])
    differ = int(((predicted != rule.decide(scores)) & (rule.margin(scores) > TIE)).sum())
    if differ:
        kind = type(last_estimator(pipeline)).__name__
        raise SeatrialError(
            f"{kind} predicts another label than its probabilities for {differ:,} of {len(labels):,} held-out rows, "
            "and a release decides by the probabilities.",
            hint=_hint(last_estimator(pipeline)),
        )


def _hint(decides: Any) -> str:
    if hasattr(decides, "response_method"):
        return f'Set response_method="predict_proba" in {type(decides).__name__}: then its threshold is adopted.'
    return "Wrap it in CalibratedClassifierCV, whose labels follow from its probabilities."
