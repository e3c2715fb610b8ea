"""The baseline's losses on new rows, against those on rows held out from its training."""

import numpy as np
from tests.trial.compare.formula_models import BINARY, passengers, survival

from seatrial.trial.compare.new_row_losses import compare_new_row_losses
from seatrial.trial.policy import Policy
from seatrial.trial.records import Outcome

POLICY = Policy()
ALPHA = 0.01 / 12
COLUMNS = passengers(1_500, seed=3)
TARGET = (np.random.default_rng(3).random(1_500) < survival(COLUMNS)[:, 1]).astype(np.int64)


def predicted(rows, target=TARGET):
    columns = {n: v[rows] for n, v in COLUMNS.items()}
    return columns, survival(columns), target[rows]


def test_new_rows_that_fit_pass_and_wrong_labels_wait():
    old, new = predicted(slice(0, 700)), predicted(slice(1_000, 1_500))
    assert [c.outcome for c in compare_new_row_losses(BINARY, old, new, POLICY, ALPHA)] == [Outcome.passed]
    wrong = np.where(np.random.default_rng(1).random(1_500) < 0.4, 1 - TARGET, TARGET)
    (check,) = compare_new_row_losses(BINARY, old, predicted(slice(1_000, 1_500), wrong), POLICY, ALPHA)
    assert check.outcome is Outcome.waiting
    assert "do not fit" in check.summary
    assert check.subject == ""


def test_wrong_labels_of_a_group_name_the_group():
    wrong = np.where(COLUMNS["sex"] == "female", 1 - TARGET, TARGET)
    old, new = predicted(slice(0, 700)), predicted(slice(1_000, 1_300), wrong)
    (check,) = compare_new_row_losses(BINARY, old, new, POLICY, ALPHA)
    assert check.subject == "sex = female"


def test_losses_of_one_population_are_no_alarm():
    g = np.random.default_rng(5)
    outcomes = []
    for _ in range(40):
        order = g.permutation(1_500)
        old, new = predicted(order[:300]), predicted(order[300:360])
        outcomes += [c.outcome for c in compare_new_row_losses(BINARY, old, new, POLICY, ALPHA)]
    assert outcomes == [Outcome.passed] * 40


def test_too_few_new_rows_are_not_judged():
    (check,) = compare_new_row_losses(BINARY, predicted(slice(0, 700)), predicted(slice(1_000, 1_008)), POLICY, ALPHA)
    assert check.outcome is Outcome.noted
