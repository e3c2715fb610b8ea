"""The decision rule: thresholds, ties, the most probable class, and labels that come back as text."""

import numpy as np
import pytest

from seatrial.model.decision import DecisionRule, decision_rule

SCORES = np.array([[0.7, 0.3], [0.5, 0.5], [0.2, 0.8]])


def test_a_probability_equal_to_the_threshold_is_the_positive_class():
    rule = DecisionRule("binary", ("no", "yes"))
    assert rule.decide(SCORES).tolist() == [0, 1, 1]
    assert rule.labels(rule.decide(SCORES)) == ["no", "yes", "yes"]


@pytest.mark.parametrize(("threshold", "expected"), [(0.1, [1, 1, 1]), (0.6, [0, 0, 1]), (0.9, [0, 0, 0])])
def test_the_threshold_decides(threshold, expected):
    assert DecisionRule("binary", (0, 1), threshold=threshold).decide(SCORES).tolist() == expected


def test_the_positive_class_may_come_first():
    rule = DecisionRule("binary", ("no", "yes"), positive=0, threshold=0.6)
    assert rule.decide(SCORES).tolist() == [0, 1, 1]


def test_of_several_classes_the_most_probable_is_predicted_and_the_first_of_equals():
    rule = DecisionRule("multiclass", ("a", "b", "c"))
    scores = np.array([[0.2, 0.5, 0.3], [0.4, 0.2, 0.4], [0.1, 0.1, 0.8]])
    assert rule.labels(rule.decide(scores)) == ["b", "a", "c"]


def test_a_regressions_scores_are_its_predictions():
    rule = DecisionRule("regression")
    scores = np.array([1.5, -2.0])
    assert rule.decide(scores) is scores
    assert rule.labels(rule.decide(scores)) == [1.5, -2.0]
    assert rule.positions(["1.5", -2]).tolist() == [1.5, -2.0]


def test_positions_are_found_for_labels_and_for_their_texts():
    rule = DecisionRule("multiclass", (1, 2, 10))
    assert rule.positions([10, 1, "2", 3]).tolist() == [2, 0, 1, -1]
    assert rule.positions(np.array([2, 2])).tolist() == [1, 1]


def test_a_release_has_the_rule_of_its_metadata(titanic):
    assert titanic.decision == decision_rule(titanic.metadata)
    assert titanic.decision == DecisionRule("binary", (0, 1), 1, titanic.metadata.threshold)
    assert titanic.decide(SCORES) == titanic.decision.labels(titanic.decide_index(SCORES)) == [0, 1, 1]


@pytest.mark.parametrize("classes", [(0, 1), (True, False), ("no", "yes"), (0, True), (1.5, 2.5), (0, 2**70)])
def test_a_column_of_labels_has_the_labels_and_their_types(classes):
    rule = DecisionRule("binary", classes)
    column = rule.label_column(np.array([0, 1, 1]))
    plain = column.tolist() if isinstance(column, np.ndarray) else column
    assert plain == [classes[0], classes[1], classes[1]]
    assert [type(value) for value in plain] == [type(classes[0]), type(classes[1]), type(classes[1])]
