"""What makes a policy looser, key by key."""

from typing import Any

import pytest

from seatrial.trial.policy import Policy
from seatrial.trial.policy_changes import LOOSER, NEUTRAL, looser, policy_changes


@pytest.mark.parametrize(
    ("key", "old", "new"),
    [
        ("margin", 0.01, 1.0),
        ("tolerance", 1e-9, 1e-3),
        ("false_alarms", 0.01, 1e-6),
        ("expected_change", 0.3, 2.0),
        ("replicas", 12, 5),
        ("min_slice", 30, 1000),
        ("min_rows", 30, 10),
        ("min_rows", 30, 10_000),
        ("min_golden", 16, 1),
        ("max_rewritten", 0.05, 1.0),
        ("slices", [], ["sex"]),
        ("slices", ["sex", "age"], ["sex"]),
        ("changing", [], ["age"]),
        ("inconclusive", "wait", "note"),
        ("second_person", True, False),
        ("acceptance_days", 90, 3650),
    ],
)
def test_a_change_is_looser_in_one_direction(key: str, old: Any, new: Any) -> None:
    (change,) = looser(policy_changes({key: old}, {key: new}))
    assert str(change).startswith(f"{key} ")
    assert " -> " in str(change)
    if key != "min_rows":
        assert looser(policy_changes({key: new}, {key: old})) == []


def test_limits_of_resources_and_the_kind_are_not_rules() -> None:
    assert policy_changes({"timeout": 1.0, "kind": "retrain", "threads": 1}, {"timeout": 9.0, "kind": "redesign"}) == []


def test_what_an_older_release_lacks_has_its_default_and_what_is_unknown_is_ignored() -> None:
    assert policy_changes({}, Policy().model_dump()) == []  # type: ignore[call-arg]
    assert policy_changes({"removed_in_2028": 7}, {}) == []


def test_traffic_that_is_not_replayed_any_more_is_looser() -> None:
    assert looser(policy_changes({"traffic": "7d"}, {"traffic": ""}))
    assert not looser(policy_changes({"traffic": ""}, {"traffic": "7d"}))
    assert not looser(policy_changes({"traffic": "7d"}, {"traffic": "30d"}))


def test_every_key_has_a_direction_or_counts_as_looser_whenever_it_changes() -> None:
    known = {*LOOSER, *NEUTRAL, "slices", "changing", "inconclusive", "second_person", "traffic"}
    assert {*LOOSER, *NEUTRAL} <= set(Policy.model_fields)
    for key in set(Policy.model_fields) - known:
        assert looser(policy_changes({key: "before"}, {key: "now"}))
