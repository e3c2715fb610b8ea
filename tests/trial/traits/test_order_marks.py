"""Faults that show in the order of the new rows."""

import numpy as np
from tests.trial.traits.orders_table import changed, compared, joined, orders

from seatrial.trial.records import Outcome
from seatrial.trial.traits.fit_marks import fit_marks
from seatrial.trial.traits.order_marks import order_marks
from seatrial.trial.traits.pool import make_pool

OLD = orders(1_200, seed=1)
NEW = orders(180, seed=2)


def first_summary(**columns: np.ndarray) -> str:
    (first, *_) = compared(changed(NEW, **columns), OLD)
    assert first.outcome in (Outcome.waiting, Outcome.blocked)
    return first.summary


def test_values_that_are_carried_forward_are_found() -> None:
    values = NEW.columns["weight"].copy()
    for row in range(1, 180):
        if row % 3 == 0:
            values[row] = values[row - 1]
    assert "`weight` has the value of the row before in 33" in first_summary(weight=values)


def test_a_run_of_one_label_is_found() -> None:
    labels = NEW.target.copy()
    labels[60:115] = 0
    assert "`late` is 0 in" in first_summary(late=labels)


def test_a_column_that_slipped_by_one_row_fits_the_row_before() -> None:
    new = changed(NEW, weight=np.roll(NEW.columns["weight"], 1))
    pool = make_pool(OLD, joined(OLD, new), np.arange(OLD.rows, OLD.rows + new.rows))
    marks, log_p, tests = order_marks(pool, fit_marks(pool)[1])
    assert marks[int(log_p.argmin())].words.startswith("`weight` fits the row before better than its own")
    assert float(log_p.min()) < np.log(1e-6 / tests)


def test_new_rows_that_are_sorted_by_a_column_pass() -> None:
    order = np.argsort(NEW.columns["segment"].astype(str), kind="stable")
    rows = {name: values[order] for name, values in NEW.columns.items()}
    assert compared(changed(NEW, late=NEW.target[order], **rows), OLD) == []
