"""Large tables: bounded parts are scored, every number of rows is in one note, and what must be equal is not sampled."""

import numpy as np
import pytest

from seatrial.model.features import Array, Columns
from seatrial.trial import large_tables
from seatrial.trial.compare.queries import Blocks, make_queries
from seatrial.trial.compare.row_matching import Table
from seatrial.trial.compare.scoring import Scoring
from seatrial.trial.difference_checks import check_data, check_gain
from seatrial.trial.large_tables import check_sampled
from seatrial.trial.policy import Policy
from seatrial.trial.recipes import MOST_MEASURED, Recipes, Training, some_of
from seatrial.trial.records import Outcome
from seatrial.trial.rows.answer_collection import CollectedAnswers
from seatrial.trial.rows.reference import LabelledRows

SCORING = Scoring("binary", (0, 1), 1)
UNASKED = CollectedAnswers(Blocks({}), np.zeros(0), np.zeros(0))


def training(rows: int, sizes: list[int], wrong: float = 0.0) -> Training:
    """A model of the sign of x, trained on a tenth of the rows; `wrong` of the last sixth of the labels are."""
    x, noise = (np.random.default_rng(seed).normal(size=rows) for seed in (2, 3))
    target = (x + noise > 0).astype(np.int64)
    late = (np.arange(rows) >= rows * 5 // 6) & (np.random.default_rng(4).random(rows) < wrong)
    target = np.where(late, 1 - target, target)

    def score(columns: Columns) -> Array:
        sizes.append(len(columns["x"]))
        p = 1 / (1 + np.exp(-1.5 * columns["x"]))
        return np.stack([1 - p, p], axis=1)

    trained, held_out = np.arange(rows // 10), np.arange(rows // 10, rows)
    columns = {"x": x}
    known = LabelledRows(columns, target).take(held_out)
    return Training(score, lambda _: score, Table(columns, target, "y"), trained, known)


@pytest.fixture
def smaller(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr("seatrial.trial.recipes.MOST_MEASURED", 300)
    monkeypatch.setattr("seatrial.trial.large_tables.MOST_MEASURED", 300)
    return 300


def test_losses_and_gains_take_bounded_parts_and_score_each_of_them_once(smaller: int) -> None:
    sizes: list[int] = []
    old, new = training(1_500, sizes), training(2_000, sizes)
    recipes = Recipes(new, old)
    check_data(recipes, {}, {}, Policy(), SCORING)
    (gain,) = check_gain(make_queries(SCORING, {"x": np.zeros(3)}, None), *[UNASKED] * 2, Policy(), recipes)
    assert gain.outcome is Outcome.passed
    assert sizes == [smaller] * 3  # the new rows, and the held-out ones of both


def test_wrong_labels_among_the_new_rows_are_found_in_a_part_of_them(smaller: int) -> None:
    old = training(2_000, [])
    checks = {
        wrong: {c.name: c.outcome for c in check_data(Recipes(new, old), {}, {}, Policy(), SCORING)}
        for wrong, new in ((0.0, training(2_400, [])), (0.5, training(2_400, [], wrong=0.5)))
    }
    assert checks[0.0]["data.surprise"] is Outcome.passed
    assert checks[0.5]["data.surprise"] is Outcome.waiting


def test_parts_are_the_same_each_time_and_in_order() -> None:
    assert some_of(5, 10).tolist() == [0, 1, 2, 3, 4]
    part = some_of(10_000, 100)
    assert part.tolist() == sorted(set(part.tolist())) == some_of(10_000, 100).tolist()


def test_a_note_says_what_was_sampled_and_is_absent_where_nothing_was(monkeypatch: pytest.MonkeyPatch) -> None:
    recipes = Recipes(training(9_000, []), training(5_000, []))
    assert check_sampled(recipes) == []
    assert check_sampled(Recipes()) == []
    monkeypatch.setattr(large_tables, "MOST_ROWS", 400)
    monkeypatch.setattr(large_tables, "MOST_MEASURED", 3_000)
    (note,) = check_sampled(recipes)
    assert (note.name, note.outcome) == ("total.sampled", Outcome.noted)
    assert "parts of 400 of the 500 training rows" in note.summary
    assert "at most 3,000 of the 4,500 and 8,100 held-out rows" in note.summary
    assert "3,000 of the new rows" in note.summary


def test_tables_within_the_bounds_are_used_whole() -> None:
    small = training(1_000, [])
    assert small.measured is small.held_out
    assert MOST_MEASURED >= 100_000
