"""What is said of texts: a class is not a word for a missing value, and neither is a number among numbers."""

import numpy as np
import pytest

from seatrial.trial.traits.pool import PooledColumn
from seatrial.trial.traits.text_marks import text_marks

MISSING = "is one of the usual words for a missing value"


def marked(texts: tuple[str, ...], *, label: bool = False) -> list[np.ndarray]:
    codes = np.arange(200.0) % len(texts)
    column = PooledColumn("kind", "text", codes, texts, label)
    return [mark.values for mark in text_marks(column) if mark.words.endswith(MISSING)]


@pytest.mark.parametrize("texts", [("0", "1"), ("0", "1", "9"), ("other", "unknown"), ("default", "repaid")])
def test_a_class_is_no_word_for_a_missing_value(texts: tuple[str, ...]) -> None:
    assert marked(texts, label=True) == []


def test_a_number_among_numbers_is_no_word_for_a_missing_value() -> None:
    assert marked(("0", "1", "2", "9", "99")) == []
    (rows,) = marked(("0", "1", "2", "9", "n/a"))
    assert rows.sum() == 40


def test_words_for_a_missing_value_are_marked() -> None:
    (rows,) = marked(("red", "green", "n/a", "999"))
    assert rows.sum() == 100
