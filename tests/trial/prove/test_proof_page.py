"""The page of a gate proof."""

import re
from dataclasses import replace

from tests.trial.prove.proofs import SOUND, attempt, proof

from seatrial.trial.prove.proof_page import to_html, weak_spots


def test_weak_spots_name_the_column_first_and_put_like_alarms_together() -> None:
    spots = weak_spots(
        proof(
            attempt("rounded", "missed", "output", columns=()),
            attempt("constant[embarked]", "missed", "columns", columns=("embarked",), advice=("More rows.",)),
            attempt("a", "blocked", "harmless", check="metrics.rows"),
            attempt("b", "blocked", "harmless", check="metrics.rows"),
        )
    )
    assert [spot.summary for spot in spots[:2]] == [
        "Nothing would notice if `embarked` were constant.",
        "Nothing would notice that what rounded is.",
    ]
    assert spots[0].advice == ("More rows.",)
    assert len(spots) == 3
    assert "2 harmless changes were blocked" in spots[2].summary


def test_the_page_is_one_file_without_scripts_or_external_resources() -> None:
    evil = attempt("<script>x</script>", "missed", columns=("<img src=http://x>",), advice=("<b>\x1b[31m</b>",))
    page = to_html(replace(SOUND, attempts=(*SOUND.attempts, evil)))
    assert "<script" not in page
    assert "<img" not in page
    assert "\x1b" not in page
    assert not re.search(r"(?:src|href)=\"(?!#)", page)
    assert "2 of 3 injected faults were caught" in page
    assert page.index("Blind spots and false alarms") < page.index("All results")
    assert 'Only <span class="mono">golden.scores</span> catches 1' in page


def test_the_matrix_shows_each_column_and_what_cannot_happen_to_it() -> None:
    page = to_html(
        proof(
            attempt("constant[age]", "caught", "columns"),
            attempt("shuffled[age]", "unchanged", "columns"),
            attempt("constant[sex]", "missed", "columns", columns=("sex",)),
        )
    )
    table = page[page.index('<table class="matrix">') :].partition("</table>")[0]
    age, sex = table.split("<tr>")[2:]
    assert "golden.scores" in age
    assert "not possible" in age  # it may not be missing
    assert "not used" in age
    assert "missed" in sex


def test_a_fault_that_few_answers_show_is_listed() -> None:
    page = to_html(proof(attempt("drop", "caught", changed=9, rows=900)))
    assert "9 of 900 answers change." in page
    assert "answers change." not in to_html(proof(attempt("drop", "caught", changed=10, rows=900)))
