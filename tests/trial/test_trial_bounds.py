"""The tables by which a trial's time and memory are bounded."""

import pytest
from benchmarks.trial_bounds import BOUNDS, Bounds, made_up


@pytest.mark.parametrize("bounds", BOUNDS.values(), ids=str)
def test_a_made_up_table_has_the_size_and_the_classes_of_its_bounds(bounds: Bounds) -> None:
    table = made_up(bounds)
    assert len(table) == bounds.columns + 1
    assert {len(values) for values in table.values()} == {bounds.rows}
    assert len(set(table["label"])) == bounds.classes
    assert min(table["label"].count(label) for label in set(table["label"])) >= 20


def test_the_goals_are_those_of_the_issue() -> None:
    assert (BOUNDS["wide"].seconds, BOUNDS["wide"].megabytes) == (60, 1_500)
    assert BOUNDS["classes"].seconds == 120
