"""The folds on which models are compared for a new project: as the project is going to split its table."""

from typing import Any

from seatrial.model.row_folds import RowFold, row_folds
from seatrial.template.inference.column_arrays import NUMERIC, codes_of, numbers_of
from seatrial.template.records import Examination


def folds_of(examination: Examination, rows: Any, target: Any, count: int, *, seed: int) -> list[RowFold]:
    """Split the table's rows at `rows` (n,), with their `target` (n,), as `row_folds` does; at most `count`."""
    split, by, keys = examination.split, "rows", None
    column = next((column for column in examination.columns if column.name == split.column), None)
    if column is not None and split.by == "group":
        by, keys = "group", codes_of(column, rows)
    elif column is not None and column.kind in NUMERIC:
        by, keys = "time", numbers_of(column)[rows]
    classes = examination.target.task != "regression"
    found = row_folds(by, keys, target, count, classes=classes, seed=seed)
    return found or row_folds("rows", None, target, count, classes=classes, seed=seed)
