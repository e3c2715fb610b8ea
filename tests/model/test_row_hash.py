"""A row's hash depends only on its content, and hashes are uniform."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.model import row_hash
from seatrial.model.categorical import categorical
from seatrial.model.row_hash import occurrences, row_hashes

NAMES = ["a", "b"]
KNOWN = [0.9052071490091498, 0.8737168558605245, 0.6737875425905334]


def table(rows):
    numbers = np.array([row[0] for row in rows], dtype=np.float64)
    texts = np.array([row[1] for row in rows], dtype=object)
    return {"a": numbers, "b": texts}, np.array([row[2] for row in rows])


def hashes(rows, seed=0):
    columns, target = table(rows)
    return row_hashes(columns, NAMES, target, seed=seed)


ROWS = st.lists(st.tuples(st.floats(), st.none() | st.text(max_size=3), st.integers(0, 1)), min_size=1, max_size=30)


def test_known_rows_have_known_hashes():
    """They are written into releases: this must never change."""
    result = hashes([(1.0, "x", 0), (np.nan, None, 1), (1.0, "x", 0)], seed=1912)
    assert result.tolist() == KNOWN


@given(ROWS, st.randoms(use_true_random=False))
def test_order_does_not_matter(rows, random):
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert sorted(hashes(rows)) == sorted(hashes(shuffled))


@given(ROWS, ROWS)
def test_added_rows_do_not_move_the_others(rows, more):
    assert set(hashes(rows)) <= set(hashes(rows + more))


def test_hashes_are_uniform_even_for_equal_and_similar_rows():
    for rows in ([(float(i), "x", 0) for i in range(20_000)], [(1.0, "x", 1)] * 20_000):
        counts = np.histogram(hashes(rows), bins=20, range=(0, 1))[0]
        assert counts.sum() == 20_000
        assert abs(counts - 1000).max() < 150


def test_seeds_give_independent_hashes():
    rows = [(float(i), "x", 0) for i in range(5_000)]
    assert abs(np.corrcoef(hashes(rows, 1), hashes(rows, 2))[0, 1]) < 0.05


def test_all_zeros_are_equal_and_all_nans_are_equal():
    negative = np.array([np.nan]).view(np.uint64) | np.uint64(1 << 63)
    assert hashes([(0.0, "", 0)])[0] == hashes([(-0.0, "", 0)])[0]
    assert hashes([(np.nan, "", 0)])[0] == hashes([(negative.view(np.float64)[0], "", 0)])[0]


def test_equal_values_are_numbered_the_same_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).integers(0, 40, 1000, dtype=np.uint64) * np.uint64(2**58 + 1)
    whole = occurrences(values)
    monkeypatch.setattr(row_hash, "PART", 10)
    assert occurrences(values).tolist() == whole.tolist()
    assert whole.max() > 5


def test_texts_with_codes_have_the_hashes_of_texts() -> None:
    codes = np.array([0, 2, 1, 0])
    texts = categorical(np.array(["a", "b", None], dtype=object), codes)
    plain, target = np.array(["a", None, "b", "a"], dtype=object), np.zeros(4)
    one, other = (row_hashes({"x": values}, ["x"], target, seed=1) for values in (texts, plain))
    assert one.tolist() == other.tolist()


def test_hashes_do_not_depend_on_how_many_rows_are_hashed_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(0)
    columns = {"x": generator.normal(size=50), "text": np.array(list("ab") * 25, dtype=object)}
    whole = row_hash.content_hashes(columns, 50, [1, 2])
    monkeypatch.setattr(row_hash, "BLOCK", 7)
    assert row_hash.content_hashes(columns, 50, [1, 2]).tolist() == whole.tolist()
    assert len(np.unique(whole)) == 100
