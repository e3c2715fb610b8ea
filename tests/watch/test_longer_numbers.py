"""Numbers with more decimals than training saw. That the watch finds them in few rows is in test_log_watch.py."""

import numpy as np
import pyarrow as pa

from seatrial.model.schema import Column
from seatrial.watch.number_causes import is_longer, most_decimals
from seatrial.watch.release_reference import column_bins

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


def test_bins_of_a_column_say_which_rows_of_the_log_are_longer():
    bins = column_bins(Column("price", "number", nullable=True, required=False), PRICES, {})
    assert bins is not None
    assert bins.decimals == 2
    assert bins.longer(pa.array([1.25, None, 2.125, 3.0])).tolist() == [0, 0, 1, 0]
    assert bins.longer(pa.array([1, 2], pa.int64())).tolist() == [0, 0]
