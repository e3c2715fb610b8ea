"""Columns that have each other's values are recognized, also where they are much alike."""

import numpy as np
import pytest

from seatrial.watch.exchanged_columns import copied_share, exchanged_share

G = np.random.default_rng(7)
SOME = np.arange(1000) % 5 == 0


def pair() -> tuple[np.ndarray, np.ndarray]:
    """Years since a degree, and years of service: fewer, mostly."""
    years = np.round(G.gamma(3, 8, 1000))
    return years, np.round(years * G.beta(6, 2, 1000))


def exchanged(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    first, second = pair()
    return np.where(rows, second, first), np.where(rows, first, second)


def test_columns_that_are_alike_and_exchanged_in_some_rows():
    share, gain = exchanged_share(pair(), exchanged(SOME))
    assert share == pytest.approx(0.2, abs=0.06)
    assert gain > 20
    assert exchanged_share(pair(), exchanged(np.ones(1000, bool)))[0] > 0.9


def test_missing_values_do_not_matter():
    was, (first, second) = pair(), exchanged(SOME)
    missing = np.arange(1000) % 7 == 0
    assert exchanged_share(was, (np.where(missing, np.nan, first), second))[0] == pytest.approx(0.2, abs=0.07)
    assert exchanged_share(was, (np.full(1000, np.nan), second)) == (0.0, 0.0)


def test_what_happened_to_one_column_alone_is_not_an_exchange():
    was, (first, second) = pair(), pair()
    assert exchanged_share(was, (first, second)) == (0.0, 0.0)
    assert exchanged_share(was, (G.permutation(first), second)) == (0.0, 0.0)
    assert exchanged_share(was, (np.where(SOME, 12 * first, first), second)) == (0.0, 0.0)
    assert exchanged_share(was, (np.where(SOME, first / 2.54, first), second), (lambda v: v / 2.54,)) == (0.0, 0.0)


def test_a_column_that_has_the_values_of_another_one_in_some_rows():
    was, (first, second) = pair(), pair()
    assert copied_share(was, (np.where(SOME, second, first), second)) == pytest.approx(0.2, abs=0.03)
    missing = np.where(np.arange(1000) % 7 == 0, np.nan, second)
    assert copied_share(was, (missing, missing)) == pytest.approx(1.0)
    assert copied_share(was, (first, second)) == 0.0
    assert copied_share(was, (np.where(SOME, 12 * first, first), second)) == 0.0
    few = tuple(each[:100] for each in was)
    assert copied_share(few, (np.where(np.arange(1000) % 14 == 0, second, first), second)) == 0.0
    assert copied_share(was, (np.full(1000, 3.0), np.full(1000, 3.0))) == 0.0  # one value says nothing
