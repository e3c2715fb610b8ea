"""Numbers that are rounded are told from others by the grid that they are on, and by their distribution."""

import numpy as np
import pytest

from seatrial.watch.rounded_numbers import rounded

G = np.random.default_rng(3)
OLD, NEW = (np.round(G.gamma(3, 10, 600), 1) for _ in range(2))


@pytest.mark.parametrize(("places", "words"), [(0, "whole numbers"), (-1, "multiples of 10")])
def test_it_says_to_what(places, words):
    some = np.arange(600) % 3 > 0
    found = rounded(OLD, np.where(some, np.round(NEW, places), np.nan))
    assert found is not None
    assert found.words == f"is rounded to {words}"
    assert found.share == pytest.approx(1.0)
    assert (found.rows == some).all()
    assert rounded(OLD / 100, np.round(NEW / 100, 1)).words == "is rounded to 1 decimal"


@pytest.mark.parametrize(
    "new",
    [NEW, NEW * 1.2345, np.round(NEW * 1.02, 2), NEW * 1000, np.full(600, 20.0), np.minimum(NEW, 20.0), NEW[:5],
     np.where(np.arange(600) % 3 == 0, 0.0, NEW), np.where(np.arange(600) % 3 == 0, -999.0, NEW)],
)  # fmt: skip
def test_what_is_not_rounded_is_not_called_so(new):
    assert rounded(OLD, new) is None
    assert rounded(np.round(OLD), new[:5]) is None
