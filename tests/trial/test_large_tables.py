"""Large tables: bounded parts are scored, every number of rows is in one note, and what must be equal is not sampled."""

import numpy as np
import pytest

from seatrial.model.features import Array, Columns
from seatrial.model.row_hash import row_hashes
from seatrial.trial import large_tables
from seatrial.trial.compare.queries import Blocks, make_queries
from seatrial.trial.compare.row_matching import Table, match
from seatrial.trial.compare.scoring import Scoring
from seatrial.trial.compare.table_history import compare_history
from seatrial.trial.difference_checks import check_data, check_gain
from seatrial.trial.large_tables import check_sampled, compared_tables
from seatrial.trial.policy import Policy
from seatrial.trial.recipes import MOST_MEASURED, Recipes, Training, held_out_of, some_of
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
    assert small.measured.target.tolist() == small.held_out.target.tolist()
    assert small.measured.columns["x"].tolist() == small.held_out.columns["x"].tolist()
    assert MOST_MEASURED >= 100_000


def test_of_held_out_rows_a_column_is_copied_where_it_is_used() -> None:
    table = Table({"x": np.arange(6.0), "z": np.arange(6.0) * 2}, np.arange(6), "y", keys=np.arange(6.0))
    held_out = held_out_of(table, np.array([1, 4, 5]))
    assert not isinstance(held_out.columns, dict)
    assert (held_out.rows, list(held_out.columns), held_out.columns["z"].tolist()) == (3, ["x", "z"], [2.0, 8.0, 10.0])
    some = held_out.take(np.array([True, False, True]))
    assert (some.columns["x"].tolist(), some.target.tolist(), some.keys.tolist()) == ([1.0, 5.0], [1, 5], [1.0, 5.0])


def sampled(rows: int, wrong: float = 0.0, *, below: float = 0.3, seed: int = 1) -> Training:
    """A training that has the rows with low hashes, and some others, of a table in no order that has grown."""
    draw = np.random.default_rng(5)
    columns = {"a": draw.integers(0, 30, 8_000).astype(float), "b": draw.integers(0, 40, 8_000).astype(float)}
    columns["c"] = np.round(draw.normal(size=8_000), 2)
    target = draw.integers(0, 2, 8_000)
    target = np.where(draw.random(8_000) < wrong, 1 - target, target)
    order = row_hashes({name: values[:rows] for name, values in columns.items()}, list("abc"), target[:rows], seed=seed)
    there = draw.permutation(np.flatnonzero((order <= below) | (draw.random(rows) < 0.05)))
    table = Table(columns, target, "y").take(there)
    known = LabelledRows(table.columns, table.target).take(np.arange(100))
    part = training(100, [])
    return Training(part.score, part.refit, table, np.arange(100, len(there)), known, False, order[there], seed, below)


def rewritten(old: Training, new: Training) -> list[tuple[str, Outcome]]:
    before, after, seen = compared_tables(old, new)
    checks = compare_history(before, after, Policy(), match(before, after, seen), seen=seen)
    return [(check.subject, check.outcome) for check in checks if check.name == "data.rewritten"]


def test_rows_that_left_a_sample_because_the_table_grew_are_not_taken_for_rewritten_ones() -> None:
    old, new = sampled(4_000, below=0.6), sampled(8_000)
    assert rewritten(old, new) == [("", Outcome.passed)]
    whole = compare_history(old.table, new.table, Policy(), match(old.table, new.table))
    assert Outcome.blocked in {check.outcome for check in whole}  # as if no training had said what it has
    assert compared_tables(old, sampled(8_000, seed=2))[2] == 1  # hashes of another seed say nothing


def test_labels_rewritten_in_a_sampled_table_are_counted_as_in_the_whole_one() -> None:
    assert rewritten(sampled(8_000), sampled(8_000, wrong=0.12))[0][1] is Outcome.blocked
    assert {outcome for _, outcome in rewritten(sampled(8_000), sampled(8_000, wrong=0.02))} == {Outcome.noted}


def test_too_few_rows_in_common_are_not_compared_alone() -> None:
    old, new = sampled(4_000, below=0.01), sampled(8_000)
    assert compared_tables(old, new) == (old.table, new.table, 1.0)
