"""Which column moved, of several that no longer fit each other."""

import numpy as np
from tests.trial.traits.orders_table import changed, joined, orders

from seatrial.trial.traits.attribution import order_by_misfit
from seatrial.trial.traits.fit import code_columns
from seatrial.trial.traits.pool import make_pool


def test_without_the_column_that_moved_the_others_fit_again() -> None:
    old, new = orders(1_200, seed=1), orders(180, seed=2)
    moved = changed(new, count=np.roll(new.columns["count"], 1))
    pool = make_pool(old, joined(old, moved), np.arange(old.rows, old.rows + new.rows))
    left = order_by_misfit(pool, code_columns(pool), ["weight", "count", "total"])
    assert min(left, key=lambda name: left[name]) == "count"
    assert left["count"] < 0.2 < left["weight"]
