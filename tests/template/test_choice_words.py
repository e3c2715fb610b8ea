"""The words for the choices of `seatrial new`: those that it shows are accepted, and a wrong one lists the right ones."""

import pytest

from seatrial.core.errors import SeatrialError
from seatrial.template.choice_words import CI_WORDS, KIND_WORDS, LICENCE_WORDS, MODEL_WORDS, TASK_WORDS, Words, chosen
from seatrial.template.prompts import change, overrides_of
from seatrial.template.records import KINDS, Overrides


@pytest.mark.parametrize(
    ("text", "words", "choice"),
    [
        ("boosted trees", MODEL_WORDS, "boosting"),
        ("Boosted-Trees", MODEL_WORDS, "boosting"),
        ("logistic_regression", MODEL_WORDS, "logistic"),
        ("random forest", MODEL_WORDS, "forest"),
        ("Binary", TASK_WORDS, "binary"),
        ("multi-class", TASK_WORDS, "multiclass"),
        ("classification", TASK_WORDS, "classification"),
        ("GitHub Actions", CI_WORDS, "github"),
        ("MIT", LICENCE_WORDS, "mit"),
        ("Apache-2.0", LICENCE_WORDS, "apache"),
    ],
)
def test_a_choice_may_be_named_as_people_write_it(text: str, words: Words, choice: str) -> None:
    assert chosen(text, words, "a choice") == choice


def test_every_kind_is_accepted_in_the_words_that_are_shown() -> None:
    assert {kind: chosen(shown, KIND_WORDS, "a kind") for kind, shown in KINDS.items()} == {
        kind: kind for kind in KINDS
    }
    assert overrides_of([], [], ["zip=whole numbers", "when=dates and times"], None, None).kinds == {
        "zip": "integer",
        "when": "moment",
    }
    _, changed = change("zip code is free text", "y", Overrides())
    assert changed.kinds == {"zip code": "text"}
    _, changed = change("when is dates and times", "y", Overrides())
    assert changed.kinds == {"when": "moment"}


def test_no_word_names_two_choices() -> None:
    for words in (MODEL_WORDS, TASK_WORDS, CI_WORDS, LICENCE_WORDS, KIND_WORDS):
        named = [word for choice, others in words.items() for word in (choice, *others)]
        assert len(set(named)) == len(named)


def test_a_wrong_word_lists_the_right_ones() -> None:
    with pytest.raises(SeatrialError) as failed:
        overrides_of([], [], ["zip=colour"], None, None)
    assert failed.value.message == "'colour' is not a kind of column."
    assert "category (categories)" in failed.value.hint
    with pytest.raises(SeatrialError, match="'clustering' is not a task"):
        change("task clustering", "y", Overrides())
