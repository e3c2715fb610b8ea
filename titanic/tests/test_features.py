"""Tests of the feature functions, with real passengers."""

import pytest

from titanic_model import features


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("Allen, Miss. Elisabeth Walton", "Miss"),
        ("Brown, Mrs. James Joseph (Margaret Tobin)", "Mrs"),
        ("Allison, Master. Hudson Trevor", "Master"),
        ("Astor, Col. John Jacob", "rare"),
        ("Rothes, the Countess. of (Lucy Noel Martha Dyer-Edwards)", "rare"),
        ("Sagesser, Mlle. Emma", "Miss"),
        ("nobody", "rare"),
    ],
)
def test_title_follows_the_family_name(name: str, title: str) -> None:
    assert features.title(name) == title


@pytest.mark.parametrize(
    ("cabin", "deck"), [("C85", "C"), ("C22 C26", "C"), (" e10 ", "E"), (None, None), ("  ", None)]
)
def test_deck_is_the_letter_of_the_cabin(cabin: str | None, deck: str | None) -> None:
    assert features.deck(cabin) == deck


def test_family_size_includes_the_passenger() -> None:
    assert features.family_size(0, 0) == 1
    assert features.family_size(1, 2) == 4


def test_fare_is_divided_by_the_family_size() -> None:
    assert features.fare_per_head(151.55, 4) == pytest.approx(37.8875)
    assert features.fare_per_head(None, 4) is None
