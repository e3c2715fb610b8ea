"""What is said of a number's digits: only what its values show."""

import numpy as np

from seatrial.trial.traits.number_marks import number_marks
from seatrial.trial.traits.pool import PooledColumn


def words(values: np.ndarray) -> list[str]:
    return [mark.words for mark in number_marks(PooledColumn("mpg", "number", values))]


def test_whole_numbers_among_decimals_have_lost_no_separator() -> None:
    """As in the table mpg: 18.0 and 15.0 beside 17.5."""
    values = np.round(np.random.default_rng(0).uniform(9, 47, 400) * 2) / 2
    values[:5] = [9.0, 9.5, 43.5, 46.0, 46.5]
    said = words(values)
    assert "`mpg` is a whole number above 44" in said
    assert not [each for each in said if "separator" in each]


def test_numbers_that_lost_their_separator_are_said_to() -> None:
    values = np.round(np.random.default_rng(0).uniform(9, 47, 400), 1)
    values[360:] = np.rint(10 * values[360:])
    (mark,) = [
        mark
        for mark in number_marks(PooledColumn("mpg", "number", values))
        if "lost its decimal separator" in mark.words
    ]
    assert mark.values[360:].mean() > 0.9
    assert not mark.values[:360].any()
