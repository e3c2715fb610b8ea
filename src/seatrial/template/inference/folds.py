"""The folds on which models are compared: at random, of whole groups, or of rows that follow those before them."""

from typing import Any

import numpy as np

from seatrial.template.inference.column_arrays import NUMERIC, codes_of, numbers_of
from seatrial.template.records import Examination

Fold = tuple[Any, Any]  # positions to train on, and to score


def folds_of(examination: Examination, rows: Any, target: Any, count: int, *, seed: int) -> list[Fold]:
    """Split the table's rows at `rows` (n,), with their `target` (n,), as the project will split them; at most `count`.

    Folds by time train on what came before. Those that lack a class on one side are left out; without any other, rows
    are split at random.
    """
    from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold, TimeSeriesSplit

    regression, split = examination.target.task == "regression", examination.split
    column = next((column for column in examination.columns if column.name == split.column), None)
    found: list[Fold] = []
    if column is not None and split.by == "group":
        groups = codes_of(column, rows)
        of_groups = GroupKFold if regression else StratifiedGroupKFold
        if len(np.unique(groups)) >= count:
            found = list(of_groups(count, shuffle=True, random_state=seed).split(rows, target, groups))
    elif column is not None and column.kind in NUMERIC:
        order = np.argsort(numbers_of(column)[rows], kind="stable")
        found = [(order[train], order[test]) for train, test in TimeSeriesSplit(count).split(order)]
    if not regression:
        found = [fold for fold in found if all(len(np.unique(target[part])) == len(set(target)) for part in fold)]
    kind = KFold if regression else StratifiedKFold
    return found or list(kind(count, shuffle=True, random_state=seed).split(rows, target))
