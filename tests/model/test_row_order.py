"""The order in which many rows go through trees."""

import numpy as np
import pytest

from seatrial.model.row_order import similar_rows


def _table(rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    numbers = generator.normal(size=(rows, columns))
    numbers[generator.random(numbers.shape) < 0.1] = np.nan
    return numbers, generator.choice(["a", "b", ""], size=(rows, 2)).astype(object)


@pytest.mark.parametrize("columns", [0, 1, 3, 40])
def test_every_row_is_in_the_order_once(columns):
    numbers, strings = _table(5000, columns)
    assert np.array_equal(np.sort(similar_rows(numbers, strings)), np.arange(5000))


def test_neighbours_have_the_same_texts_and_similar_numbers():
    numbers, strings = _table(20_000, 2)
    numbers = np.nan_to_num(numbers)
    order = similar_rows(numbers, strings)
    assert np.mean(strings[1:] == strings[:-1]) < 0.5
    assert np.mean(strings[order][1:] == strings[order][:-1]) > 0.95
    steps = np.abs(np.diff(numbers[order], axis=0)).mean()
    assert steps < 0.3 * np.abs(np.diff(numbers, axis=0)).mean()


@pytest.mark.parametrize("value", [np.nan, 1.0])
def test_columns_of_one_value_or_none_have_an_order_too(value):
    order = similar_rows(np.full((3000, 2), value), np.full((3000, 1), "", dtype=object))
    assert np.array_equal(np.sort(order), np.arange(3000))
