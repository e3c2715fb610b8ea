"""Which rows of a table were appended, where its order was kept."""

import numpy as np

from seatrial.trial.compare.row_matching import Table, match


def table(values, target=None):
    values = np.asarray(values, dtype=float)
    return Table({"x": values}, np.zeros(len(values), dtype=int) if target is None else target, "y")


def test_appended_rows_are_new_though_they_repeat_rows_that_left():
    old = table([7, 8, 9, *range(100, 130)])
    new = table([*range(100, 130), 7, 8, 9])
    assert match(old, new).new_rows.tolist() == [30, 31, 32]
    assert match(old, new).kept.sum() == 30


def test_without_an_order_rows_are_known_by_what_they_hold():
    shuffled = np.random.default_rng(0).permutation([*range(100, 130), 7, 8, 9])
    matched = match(table([7, 8, 9, *range(100, 130)]), table(shuffled))
    assert matched.kept.all()
    assert not len(matched.new_rows)


def test_a_few_rows_out_of_order_do_not_hide_the_order():
    old = [5, 6, *range(100, 150)]
    new = [*range(100, 150), 5, 6, 1, 2, 3]  # two of the new rows are like rows that left, by chance
    assert match(table(old), table(new)).new_rows.tolist() == [50, 51, 52, 53, 54]


def test_appended_rows_are_new_where_every_row_has_a_twin():
    answers = np.random.default_rng(3).integers(0, 4, 600).astype(float)
    matched = match(table(answers[:500]), table(answers[100:]))
    assert matched.new_rows.tolist() == list(range(400, 500))
    assert matched.kept.sum() == 400


def test_rows_rewritten_at_the_end_of_the_old_table_are_no_new_rows():
    target = np.zeros(40, dtype=int)
    old, new = (
        table(range(40), target),
        table(range(50), np.r_[target[:30], np.ones(10, dtype=int), np.zeros(10, dtype=int)]),
    )
    matched = match(old, new)
    assert len(matched.rewritten["y"][0]) == 10
    assert matched.new_rows.tolist() == list(range(40, 50))
