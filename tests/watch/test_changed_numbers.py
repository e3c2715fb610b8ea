"""The change that explains new values best is named, with its share of the rows."""

import numpy as np
import pytest

from seatrial.watch.changed_numbers import changed_numbers, mixture_shares

G = np.random.default_rng(3)
OLD, NEW = (np.round(G.gamma(3, 10, rows) + 1, 1) for rows in (2000, 3000))
SOME = np.arange(3000) % 10 == 0


@pytest.mark.parametrize(
    ("new", "kind", "words", "share"),
    [
        (np.where(SOME, NEW * 100, NEW), "unit", "100 times", 0.1),
        (np.where(SOME, -NEW, NEW), "sign", "wrong sign", 0.1),
        (NEW / 2.54, "unit", "1/2.54", 1.0),
        (NEW * 1.12, "scaled", "about 1.1 times", 1.0),
        (NEW - 12.5, "shifted", "about 13 less", 1.0),
        (np.where(SOME, NEW + 150, NEW), "shifted", "more", 0.1),
        (NEW * 1.8 + 32, "unit", "Fahrenheit", 1.0),
        (np.log1p(NEW), "unit", "logarithm", 1.0),
    ],
)
def test_changes(new, kind, words, share):
    found = changed_numbers(OLD, new)
    assert found is not None
    assert (found.kind, words in found.words) == (kind, True), found.words
    assert found.share == pytest.approx(share, abs=0.04)


def test_what_no_change_explains_is_not_named():
    assert changed_numbers(OLD, NEW) is None
    assert changed_numbers(OLD, NEW[:10]) is None
    assert changed_numbers(OLD, np.where(np.arange(3000) % 2 == 0, 20.0, 60.0)) is None


def test_the_share_of_a_mixture_is_the_most_likely_one():
    usual, other = np.array([0.5, 0.4, 0.1]), np.array([[0.1, 0.1, 0.8], [0.8, 0.1, 0.1]])
    counts = 1000 * (0.7 * usual + 0.3 * other[0])
    shares, gains = mixture_shares(counts, usual, other)
    assert shares[0] == pytest.approx(0.3, abs=1e-6)
    assert gains[0] > 50
    assert (shares[1], gains[1]) == (pytest.approx(0, abs=1e-6), pytest.approx(0, abs=1e-4))
