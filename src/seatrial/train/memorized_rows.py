"""Finds estimators that consist of training rows, such as nearest neighbours: the model itself carries them."""

from collections.abc import Iterator
from typing import Any

import numpy as np

# What scikit-learn calls the rows that an estimator keeps; support vectors are some of them.
KEPT = ("_fit_X", "X_train_", "X_fit_", "support_vectors_")
DEEPEST = 8


def memorizing(pipeline: Any, rows: int) -> tuple[str, ...]:
    """The names of the estimators in a fitted pipeline that keep the values of their `rows` training rows."""
    found = (type(each).__name__ for each in _estimators(pipeline, DEEPEST) if _keeps_rows(each, rows))
    return tuple(sorted(set(found)))


def _estimators(part: Any, depth: int) -> Iterator[Any]:
    if not depth:
        return
    if isinstance(part, list | tuple):
        for each in part[:100]:
            yield from _estimators(each, depth - 1)
    elif isinstance(part, dict):
        yield from _estimators(list(part.values()), depth)
    elif hasattr(part, "get_params") and not isinstance(part, type):
        yield part
        yield from _estimators(list(vars(part).values()), depth - 1)


def _keeps_rows(estimator: Any, rows: int) -> bool:
    for name, value in vars(estimator).items():
        table = np.ndim(value) == 2 if isinstance(value, np.ndarray) else hasattr(value, "tocsr")
        if table and (name in KEPT or value.shape[0] == rows > value.shape[1]):
            return True
    return False
