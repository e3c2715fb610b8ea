"""Models are compared on folds that are split as the project will be."""

import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa

from seatrial.template.inference.examination import examine
from seatrial.template.inference.folds import folds_of
from seatrial.template.records import Examination, Overrides, TableSource

ROWS = np.arange(200)
GROUPS = [f"K{n // 4:03d}" for n in range(200)]
DAYS = [dt.date(2023, 1, 1) + dt.timedelta(days=n) for n in range(200)]
LABELS = np.arange(200) % 2


def examined(split: str, labels: Any = LABELS) -> Examination:
    x = np.random.default_rng(1).normal(size=200)
    table = pa.table({"x": x, "customer_id": GROUPS, "sold_at": DAYS[::-1], "y": [str(label) for label in labels]})
    return examine(TableSource("t", table), "y", Overrides(split=split))


def test_folds_by_group_keep_each_group_on_one_side() -> None:
    folds = folds_of(examined("group:customer_id"), ROWS, LABELS, 5, seed=1)
    assert len(folds) == 5
    assert all(not {n // 4 for n in train} & {n // 4 for n in test} for train, test in folds)


def test_folds_by_time_train_on_what_came_before() -> None:
    folds = folds_of(examined("time:sold_at"), ROWS, LABELS, 5, seed=1)
    assert len(folds) == 5
    assert all(min(train) > max(test) for train, test in folds)  # the table's last row is the oldest


def test_folds_that_lack_a_class_are_left_out() -> None:
    late = (np.arange(200) < 60).astype(int)  # all of one class are among the newest
    assert len(folds_of(examined("time:sold_at", late), ROWS, late, 5, seed=1)) == 5  # at random
    mixed = np.where(np.arange(200) < 120, LABELS, 0)
    assert 0 < len(folds_of(examined("time:sold_at", mixed), ROWS, mixed, 5, seed=1)) < 5


def test_folds_are_random_otherwise() -> None:
    folds = folds_of(examined("rows"), ROWS, LABELS, 5, seed=1)
    assert sorted(np.concatenate([test for _, test in folds]).tolist()) == ROWS.tolist()
