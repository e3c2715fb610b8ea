"""The summary: what a result means in each case, and whether it counts as good."""

import numpy as np
import pytest

from seatrial.model.decision import DecisionRule
from seatrial.train.evaluation import Evaluation, Metric
from seatrial.train.figures.summary import Summary, summarize

SIX = DecisionRule("multiclass", tuple("abcdef"))
BINARY = DecisionRule("binary", ("no", "yes"))


def summary(value: float, low: float | None, high: float | None, baseline: float, *more: Metric) -> Summary:
    accuracy = Metric("accuracy", "accuracy", value, low, high, baseline, higher_is_better=True)
    labels = np.array(["no"] * 200, dtype=object)
    evaluation = Evaluation(BINARY, labels, np.empty((200, 2)), labels, "no", (accuracy, *more))
    return summarize(evaluation, "churned", str, "customer")


@pytest.mark.parametrize(
    ("values", "meaning", "good"),
    [
        ((0.8, 0.75, 0.85, 0.6), "clearly better", True),
        ((0.65, 0.58, 0.72, 0.6), "may be chance", False),
        ((0.6, 0.55, 0.65, 0.6), "no better than ignoring the columns", False),
        ((0.8, None, None, 0.6), "too few held-out rows", False),
        ((1.0, None, None, 0.6), "too good to be true", False),
    ],
)
def test_the_meaning_depends_on_baseline_and_interval(values: tuple[float, ...], meaning: str, good: bool) -> None:
    result = summary(*values)
    assert meaning in result.meaning
    assert result.good is good


def test_the_result_names_rows_interval_and_baseline() -> None:
    text = summary(0.8, 0.75, 0.85, 0.6).result.replace("\u00a0", " ")
    assert (
        text
        == "Correct for 80 % of 200 held-out customers (75 to 85 %); always predicting “no” would be correct for 60 %."
    )


def test_the_area_under_the_roc_curve_is_explained_as_a_ranking() -> None:
    auc = Metric("roc_auc", "ROC AUC", 0.9, 0.85, 0.95, 0.5, higher_is_better=True)
    text = summary(0.8, 0.75, 0.85, 0.6, auc).meaning.replace("\u00a0", " ")
    assert text.endswith(
        "Given one “yes” row and one “no” row, it gives the first the higher probability 90 % of the time."
    )


def test_of_a_regression_lower_errors_are_better() -> None:
    def of(value: float, low: float, high: float) -> Summary:
        mae = Metric("mae", "mean absolute error", value, low, high, 10.0, higher_is_better=False)
        labels = np.zeros(50)
        evaluation = Evaluation(DecisionRule("regression"), labels, labels, labels, 7.0, (mae,))
        return summarize(evaluation, "price", str, "house sale")

    assert of(4.0, 3.0, 5.0).good
    assert of(4.0, 3.0, 5.0).result == (
        "The predicted price is off by 4 on average over 50 held-out house sales (3 to 5); always predicting the mean, 7, "
        "would be off by 10."
    )
    assert not of(9.0, 8.0, 11.0).good
    assert "no better" in of(11.0, 10.0, 12.0).meaning


def test_a_model_that_never_predicts_some_classes_is_not_called_good() -> None:
    labels = np.array(list("aaabbbcccdef" * 20), dtype=object)
    accuracy = Metric("accuracy", "accuracy", 0.75, 0.7, 0.8, 0.25, higher_is_better=True)

    def of(predicted: str) -> tuple[Evaluation, Summary]:
        answers = np.array(list(predicted * 20), dtype=object)
        evaluation = Evaluation(SIX, labels, np.empty((len(labels), 6)), answers, "a", (accuracy,))
        return evaluation, summarize(evaluation, "plan", str, "row")

    evaluation, result = of("aaabbbcccabc")
    assert evaluation.never_predicted == ("d", "e", "f")
    assert not result.good
    assert "not for every class" in result.meaning
    evaluation, result = of("aaabbbcccdef")
    assert evaluation.never_predicted == ()
    assert result.good
