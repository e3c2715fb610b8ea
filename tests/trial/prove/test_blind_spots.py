"""Advice about blind spots and false alarms: rows to add, and lines of the policy to change."""

import numpy as np
import pytest

from seatrial.trial.policy import Policy
from seatrial.trial.prove.blind_spots import looser_policy, revealing_rows, stricter_policy
from seatrial.trial.records import Check, Outcome


def test_the_rows_that_would_reveal_a_fault_are_named() -> None:
    size = 1000
    ports = np.array(["C", "Q", "S", "S"] * (size // 4), dtype=object)
    unseen = {"port": ports, "age": np.where(np.arange(size) % 7 == 0, np.nan, 30.0 + np.arange(size) % 40)}
    compared = {"port": np.array(["S"] * 50, dtype=object), "age": np.full(50, 33.0)}
    (advice,) = revealing_rows(unseen, ports == "Q", compared)
    assert advice == (
        "It shows in rows with `port` = Q; none of the 50 compared rows is of this kind: add some with `--data`."
    )
    assert "`age` missing; none of the 50" in revealing_rows(unseen, np.isnan(unseen["age"]), compared)[0]
    assert "labels but no score" in revealing_rows(unseen, np.zeros(size, dtype=bool), compared)[0]
    by_chance = np.random.default_rng(0).random(size) < 0.3
    assert "27.7% of made-up rows" in revealing_rows(unseen, by_chance, compared)[0]


@pytest.mark.parametrize(
    ("name", "changed", "words"),
    [
        ("x", lambda x, _: x == 0, "`x` = 0; 50 of the 100 compared rows are"),
        ("x", lambda x, _: x % 1 > 0, "a fraction in `x`"),
        ("x", lambda x, _: x > np.quantile(x, 0.97), "`x` above"),
        ("x", lambda x, _: x < np.quantile(x, 0.03), "`x` below"),
        ("t", lambda _, t: np.array([v is not None and v.startswith(" ") for v in t]), "padding in `t`"),
        ("t", lambda _, t: np.array([v is None for v in t]), "`t` missing"),
    ],
)
def test_each_kind_of_rows_is_described(name: str, changed, words: str) -> None:
    generator = np.random.default_rng(3)
    x = np.rint(generator.normal(0, 40, 1000))
    x[::9] += 0.5
    texts = np.array([f" {k}" if k % 5 == 0 else None if k % 7 == 0 else f"{k}" for k in range(1000)], dtype=object)
    compared = {"x": np.array([0.0, 3.0] * 50), "t": np.array(["1"] * 100, dtype=object)}
    assert words in revealing_rows({"x": x, "t": texts}, changed(x, texts), compared)[0]


def candidate_without(share: float):
    """The data suite of a candidate that lost this share of its rows."""

    def run_suite(name: str, policy: Policy) -> list[Check]:
        stops = name == "data" and share > policy.max_fewer_rows
        return [Check("data.rows", "data", Outcome.blocked if stops else Outcome.passed, "rows are missing")]

    return run_suite


def test_a_policy_line_is_tried_before_it_is_advised_and_its_price_named() -> None:
    loose = Policy(max_fewer_rows=1.0)
    (advice,) = stricter_policy(candidate_without(0.2), [candidate_without(0.0)], loose)
    assert advice == "`max_fewer_rows = 0.1` would stop it (data.rows)."
    (advice,) = stricter_policy(candidate_without(0.2), [candidate_without(0.15), candidate_without(0.0)], loose)
    assert "it would also stop 1 of 2 harmless changes" in advice
    (advice,) = stricter_policy(candidate_without(0.0), [], loose)
    assert "No single policy line" in advice
    (advice,) = stricter_policy(candidate_without(0.2), [], Policy(max_fewer_rows=0.05))
    assert "max_fewer_rows" not in advice  # 0.1 would be looser


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("metrics.worse[accuracy]", "`margin`"),
        ("metrics.rows", "`min_rows`"),
        ("x.y", "trial"),
        ("data.rows", "`max_fewer_rows`"),
        ("data.tie", "`false_alarms`"),
        ("reproduce.candidate", "seed"),
    ],
)
def test_a_false_alarm_comes_with_what_governs_it(name: str, line: str) -> None:
    assert line in looser_policy(name)[0]
