"""The tables by which a trial's time and memory are bounded."""

import pytest
from benchmarks.trial_bounds import BOUNDS, USUAL, Bounds, made_up


@pytest.mark.parametrize("bounds", [BOUNDS[name] for name in USUAL], ids=str)
def test_a_made_up_table_has_the_size_and_the_classes_of_its_bounds(bounds: Bounds) -> None:
    table = made_up(bounds)
    assert (table.num_columns, table.num_rows) == (bounds.columns + 1, bounds.rows)
    labels = table["label"].value_counts().field("counts").to_pylist()
    assert len(labels) == bounds.classes
    assert min(labels) >= 20


def test_the_goals_are_those_of_the_issue() -> None:
    assert (BOUNDS["wide"].seconds, BOUNDS["wide"].megabytes) == (60, 1_500)
    assert BOUNDS["classes"].seconds == 120
    assert (BOUNDS["millions"].rows, BOUNDS["millions"].seconds, BOUNDS["millions"].megabytes) == (
        5_000_000,
        300,
        4_000,
    )
