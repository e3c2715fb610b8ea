"""Scores that must be equal: what counts as equal, what blocks, and the cause that is named."""

import dataclasses

import numpy as np
import pytest
from tests.trial.compare.formula_models import (
    BINARY,
    NUMBER,
    SEVERAL,
    faulty,
    odds,
    one_at_a_time,
    passengers,
    survival,
    together,
)

from seatrial.trial.compare.exact import Sameness, compare_exact
from seatrial.trial.policy import Policy
from seatrial.trial.records import Outcome

ROWS = together(passengers(60), one_at_a_time(passengers(60)))
POLICY = Policy()


def compare(scores, *, scoring=BINARY, rows=ROWS, expected=None, other=None, **more):
    expected = survival(rows) if expected is None else expected
    same = Sameness(
        "golden.scores", "golden", scoring, rows, expected, scores, "what was stored", "the wheel", other=other
    )
    return compare_exact(same, POLICY, **more)


def cause(scores, **more):
    (check,) = compare(scores, **more)
    assert check.outcome is Outcome.blocked
    return check


def test_equal_scores_pass_and_so_do_differences_below_the_tolerance():
    assert [c.outcome for c in compare(survival(ROWS))] == [Outcome.passed]
    assert [c.outcome for c in compare(survival(ROWS) + 9e-10)] == [Outcome.passed]


def test_one_row_that_is_off_by_more_than_the_tolerance_blocks():
    scores = survival(ROWS)
    scores[7] += [2e-9, -2e-9]
    check = cause(scores)
    assert "1 of 72 golden rows" in check.summary
    assert check.evidence["rows"][0] == 7


def test_a_regression_is_compared_relative_to_its_size():
    expected = np.array([1e6, 2e6, 3e6])
    rows = {"x": np.arange(3.0)}
    assert compare(expected + 1e-4, scoring=NUMBER, rows=rows, expected=expected)[0].outcome is Outcome.passed
    assert compare(expected + 1e-2, scoring=NUMBER, rows=rows, expected=expected)[0].outcome is Outcome.blocked


def test_nan_scores_block():
    scores = survival(ROWS)
    scores[3] = np.nan
    assert "not finite" in cause(scores).summary


def test_dropped_rows_and_other_classes_are_distinguished():
    assert "rows were dropped" in cause(survival(ROWS)[:-2]).summary
    assert "the classes differ" in cause(np.tile(1 / 3, (72, 3))).summary


def test_no_rows_are_inconclusive():
    none = {n: v[:0] for n, v in ROWS.items()}
    assert compare(survival(none), rows=none)[0].outcome is Outcome.inconclusive


def test_a_moved_threshold_is_found_though_all_scores_are_equal():
    other = dataclasses.replace(BINARY, threshold=0.6)
    checks = compare(survival(ROWS), other=other)
    assert [c.name for c in checks if c.outcome is Outcome.blocked] == ["golden.labels"]
    assert "the threshold moved from 0.5 to 0.6" in checks[1].summary


def test_the_difference_of_a_redesign_waits():
    assert compare(survival(ROWS) ** 2, differs=Outcome.waiting)[0].outcome is Outcome.waiting


@pytest.mark.parametrize(
    ("column", "change"),
    [
        ("fare", lambda v: v * 0.01),
        ("fare", lambda v: np.full_like(v, 20.0)),
        ("age", lambda v: -v),
        ("sex", lambda v: np.full(len(v), "male", dtype=object)),
        ("deck", lambda v: np.array(["A"] * len(v), dtype=object)),
    ],
)
def test_the_faulty_column_is_named(column, change):
    check = cause(faulty(lambda c: {**c, column: change(c[column])})(ROWS))
    assert check.subject == column
    assert f"`{column}`" in check.summary


def test_a_lost_column_is_reported_as_ignored():
    check = cause(faulty(lambda c: {**c, "fare": np.full(len(c["fare"]), 20.0)})(ROWS))
    assert "it ignores `fare`" in check.summary


def test_a_fault_in_missing_values_is_named():
    check = cause(faulty(lambda c: {**c, "age": np.nan_to_num(c["age"], nan=0.0)})(ROWS))
    assert "`age` is missing" in check.summary


def test_a_fault_in_one_category_is_named():
    check = cause(faulty(lambda c: {**c, "deck": np.where(c["deck"] == "B", "?", c["deck"])})(ROWS))
    assert "`deck` is 'B'" in check.summary


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: np.roll(s, 1, axis=0), "shifted by 1 row"),
        (lambda s: s[np.argsort(s[:, 0])], "in another order"),
        (lambda s: s[:, ::-1], "order of the classes"),
        (lambda s: np.round(s, 2), "rounded to 2 digits"),
        (lambda s: s.astype(np.float16).astype(float), "precision"),
        (lambda s: np.clip(s, 0.2, 0.8), "clipped at the ends"),
        (lambda s: np.tile([0.4, 0.6], (len(s), 1)), "every row the same score"),
        (lambda s: s**0.5 / (s**0.5).sum(axis=1, keepdims=True), "a temperature of 2"),
        (lambda s: s + 1e-6 * np.sin(np.arange(len(s)))[:, None] * [1, -1], "lost precision"),
    ],
)
def test_a_change_after_the_model_is_named(change, words):
    assert words in cause(change(survival(ROWS))).summary


def test_a_temperature_is_named_for_several_classes_too():
    logits = np.stack([odds(ROWS), np.zeros(72), -odds(ROWS)], axis=1)

    def softmax(z):
        return np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)

    check = cause(softmax(logits / 1.5), scoring=SEVERAL, expected=softmax(logits))
    assert "a temperature of 1.5" in check.summary


def test_a_difference_that_depends_on_no_column_names_none():
    scores = survival(ROWS)
    noise = 0.2 * np.random.default_rng(5).random(len(scores))
    scores = np.clip(scores + noise[:, None] * [1, -1], 0, 1)
    assert "is missing" not in cause(scores).summary
