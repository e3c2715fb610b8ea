"""The table of thresholds: the counts at each, the ones that are marked, and costs where the project sets them."""

import numpy as np

from seatrial.model.decision import DecisionRule
from seatrial.train.evaluation import Evaluation
from seatrial.train.figures.thresholds import ThresholdLine, threshold_lines

PROBABILITIES = np.array([0.05, 0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95])
TRUTH = np.array(["no", "no", "no", "yes", "no", "no", "yes", "no", "yes", "yes"], dtype=object)


def lines(costs: dict[str, float] | None = None, threshold: float = 0.5) -> dict[str, ThresholdLine]:
    rule = DecisionRule("binary", ("no", "yes"), threshold=threshold)
    scores = np.column_stack([1 - PROBABILITIES, PROBABILITIES])
    predicted = np.array(rule.classes, dtype=object)[rule.decide(scores)]
    evaluation = Evaluation(rule, TRUTH, scores, predicted, "no", ())
    return {line.threshold: line for line in threshold_lines(evaluation, costs or {})}


def test_each_threshold_counts_both_errors_per_thousand_rows() -> None:
    half = lines()["0.5"]
    assert (half.positive, half.precision, half.recall) == ("50\u00a0%", "60\u00a0%", "75\u00a0%")
    assert (half.f1, half.false_positives, half.false_negatives) == ("0.667", "200", "100")
    assert half.used
    assert half.notes == "in use"
    assert half.cost == ""


def test_the_threshold_with_the_lowest_cost_depends_on_the_costs() -> None:
    def cheapest(costs: dict[str, float]) -> ThresholdLine:
        return next(line for line in lines(costs).values() if "lowest cost" in line.notes)

    careful = cheapest({"false_positive": 1.0, "false_negative": 5.0})
    assert (careful.threshold, careful.false_negatives, careful.cost) == ("0.3", "0", "300")
    strict = cheapest({"false_positive": 5.0, "false_negative": 1.0})
    assert (strict.threshold, strict.false_positives, strict.cost) == ("0.8", "0", "200")


def test_thresholds_that_predict_the_same_rows_are_listed_once() -> None:
    assert list(lines()) == ["0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9"]
    assert "0.52" in lines(threshold=0.52)


def test_tasks_without_a_threshold_have_no_table() -> None:
    rule = DecisionRule("multiclass", ("a", "b", "c"))
    labels = np.array(["a", "b"], dtype=object)
    assert threshold_lines(Evaluation(rule, labels, np.full((2, 3), 1 / 3), labels, "a", ()), {}) == ()
    alone = np.array(["yes", "yes"], dtype=object)
    binary = DecisionRule("binary", ("no", "yes"))
    assert threshold_lines(Evaluation(binary, alone, np.full((2, 2), 0.5), alone, "yes", ()), {}) == ()
