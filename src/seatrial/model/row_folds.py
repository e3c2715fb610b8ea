"""The folds on which models of one table are compared: at random, of whole groups, or in the order of time."""

from typing import Any

import numpy as np

from seatrial.model.features import Array

RowFold = tuple[Array, Array]  # positions to train on, and to score


def row_folds(by: str, keys: Any, target: Array, count: int, *, classes: bool, seed: int) -> list[RowFold]:
    """Split rows (n,) with this `target` as a project splits its table: `by` is rows, time or group; at most `count`.

    `keys` (n,) are the rows' times or groups. Folds by time train on what came before. Those that lack a class on one
    side are left out, if there are `classes`; without any other, rows are split at random.
    """
    from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold, TimeSeriesSplit

    found: list[RowFold] = []
    rows = np.arange(len(target))
    if by == "group" and len(np.unique(keys)) >= count:
        of_groups = StratifiedGroupKFold if classes else GroupKFold
        found = list(of_groups(count, shuffle=True, random_state=seed).split(rows, target, keys))
    elif by == "time":
        order = np.argsort(keys, kind="stable")
        found = [(order[train], order[test]) for train, test in TimeSeriesSplit(count).split(order)]
    if classes:
        found = [fold for fold in found if all(len(np.unique(target[part])) == len(set(target)) for part in fold)]
    kind = StratifiedKFold if classes else KFold
    return found or list(kind(count, shuffle=True, random_state=seed).split(rows, target))
