"""Numbers with more decimals than training saw. That the watch finds them in few rows is in test_log_watch.py."""

import numpy as np
import pyarrow as pa
import pytest

from seatrial.model.schema import Column
from seatrial.watch.longer_numbers import _cause
from seatrial.watch.number_causes import is_longer, most_decimals
from seatrial.watch.release_reference import column_bins, number_values

G = np.random.default_rng(3)
PRICES = np.round(G.random(400) * 1e5, 2)


def test_the_decimals_of_a_column_are_limited_where_all_its_numbers_are_written_so():
    assert most_decimals(PRICES) == 2
    assert most_decimals(np.append(np.arange(100.0), np.nan)) == 0
    assert most_decimals(np.append(PRICES, 0.123)) == 2  # one of a hundred is no rule
    assert most_decimals(np.append(PRICES, G.random(50))) is None
    assert most_decimals(G.random(400)) is None
    assert most_decimals(PRICES[:20]) is None  # too few to say


def test_a_number_is_longer_only_by_more_than_the_error_of_binary_fractions():
    large = np.array([0.1 + 0.2, float(np.float32(1234.56)), 99_999.99, -12.34, np.nan, 0.0])
    assert not is_longer(large, 2).any()
    assert is_longer(np.array([0.125, 12.3456, 1e4 + 0.005]), 2).all()


def test_bins_of_a_column_know_how_many_decimals_it_has():
    bins = column_bins(Column("price", "number", nullable=True, required=False), PRICES, {})
    assert bins is not None
    assert bins.decimals == 2
    numbers = number_values(pa.array([1.25, None, 2.125, 3.0]))
    assert is_longer(numbers, bins.decimals).tolist() == [False, False, True, False]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda v: v + 19.3, "is shifted: about "),
        (lambda v: v * 1.0837, "is about 1.1 times what it was"),
        (lambda v: v / 2.54, "is 1/2.54 of what it was"),
        (lambda v: np.full(len(v), 54.21), "is stuck at one value, 54.21"),
        (lambda v: v + 0.5, "has more decimals than training saw, which had none"),
    ],
)
def test_what_was_done_is_told_from_the_longer_numbers_alone(change, words):
    ages, new = (G.integers(18, 90, n).astype(float) for n in (5000, 8000))
    some = np.arange(8000) % 8 == 0
    new[some] = change(new[some])
    cause = _cause(ages, new, 0)
    assert cause.words.startswith(words), cause.words
    assert cause.share is None or cause.share == pytest.approx(0.125, abs=0.01)
