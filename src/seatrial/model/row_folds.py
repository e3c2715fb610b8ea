"""The folds on which models of one table are compared: at random, of whole groups, or in the order of time."""

from typing import Any

import numpy as np

from seatrial.model.features import Array

RowFold = tuple[Array, Array]  # positions to train on, and to score


def row_folds(by: str, keys: Any, target: Array, count: int, *, classes: bool, seed: int) -> list[RowFold]:
    """Split rows (n,) with this `target` as a project splits its table: `by` is rows, time or group; at most `count`.

    `keys` (n,) are the rows' times or groups: there are no more folds than groups. Folds by time train on what came
    before; rows of one time are on one side. Folds that lack a class on one side are left out, if there are `classes`.
    There may be none: the caller decides what to do then.
    """
    from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold, TimeSeriesSplit

    found: list[RowFold] = []
    rows = np.arange(len(target))
    if by == "group":
        groups = min(count, len(np.unique(keys)))
        of_groups = StratifiedGroupKFold if classes else GroupKFold
        found = [] if groups < 2 else list(of_groups(groups, shuffle=True, random_state=seed).split(rows, target, keys))
    elif by == "time":
        order = np.argsort(keys, kind="stable")
        for train, test in TimeSeriesSplit(count).split(order):
            times = keys[order[test]]
            before = order[train][keys[order[train]] < times.min()]
            if len(before):
                found.append((before, order[test]))
    if classes and found:
        found = [fold for fold in found if all(len(np.unique(target[part])) == len(set(target)) for part in fold)]
    if by != "rows":
        return found
    kind = StratifiedKFold if classes else KFold
    return list(kind(count, shuffle=True, random_state=seed).split(rows, target))
