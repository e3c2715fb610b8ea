"""Differences that come from changed code: named with the files, and blocked or waiting by the kind of change."""

from typing import Literal

import pytest

from seatrial.trial.equality_checks import AS_REDESIGN, judged_as, name_changed_code
from seatrial.trial.records import Check, Outcome

FOUND = Check("rebuild.scores", "rebuild", Outcome.blocked, "it differs", hint="Find out why.")
OTHERS = [
    Check("rebuild.scores", "rebuild", Outcome.passed, "nothing differs"),
    Check("total.flips", "total", Outcome.blocked, "many rows have another class"),
]


def test_changed_modules_are_named_where_a_difference_was_found():
    found, *others = name_changed_code([FOUND, *OTHERS], ["features.py", "pipeline.py"], "0.1.0")
    assert found.summary == "the code changed since 0.1.0 (features.py, pipeline.py): it differs"
    assert found.hint == AS_REDESIGN
    assert others == OTHERS


def test_many_modules_are_counted():
    (found,) = name_changed_code([FOUND], [f"{letter}.py" for letter in "abcdef"], "0.1.0")
    assert found.summary.startswith("the code changed since 0.1.0 (a.py, b.py, c.py, d.py and 2 more): ")


def test_without_changed_code_nothing_is_added():
    assert name_changed_code([FOUND, *OTHERS], [], "0.1.0") == [FOUND, *OTHERS]


@pytest.mark.parametrize(("kind", "outcome"), [("redesign", Outcome.waiting), ("retrain", Outcome.blocked)])
def test_only_differences_of_the_code_are_judged_by_the_kind(kind: Literal["redesign", "retrain"], outcome: Outcome):
    found, *others = judged_as(judged_as([FOUND, *OTHERS], "redesign"), kind)
    assert found.outcome is outcome
    assert found.hint == (AS_REDESIGN if outcome is Outcome.blocked else "")
    assert others == OTHERS
