"""Which leaves XGBoost itself says that rows end in."""

from copy import copy
from functools import cached_property
from typing import Any

import numpy as np

from seatrial.compile.boosters.booster import blocks
from seatrial.compile.single import LARGEST
from seatrial.core.errors import CompileError
from seatrial.model.features import Array


class OwnLeaves:
    """Asks a fitted estimator, which has a sum for each of its groups of trees.

    `infinite_splits` says that it compares with infinity somewhere.
    """

    def __init__(self, estimator: Any, groups: int, *, infinite_splits: bool) -> None:
        self._estimator = estimator
        self._groups = groups
        self._infinite_splits = infinite_splits

    def __call__(self, rows: Any) -> Array:
        """Return the leaves of an array or DataFrame (n, features): (n, trees), or raise CompileError as `_finite`."""
        finite = _finite(rows, infinite_splits=self._infinite_splits)
        found = [part.apply(finite, rounds).reshape(rows.shape[0], -1).astype(np.int32) for part, rounds in self._parts]
        return found[0] if len(found) == 1 else np.concatenate(found, axis=1)

    @cached_property
    def _parts(self) -> list[tuple[Any, tuple[int, int]]]:
        """The estimator with some of its rounds of trees at a time, and which of the part's rounds to ask for."""
        booster = self._estimator.get_booster()
        rounds = getattr(self._estimator, "best_iteration", booster.num_boosted_rounds() - 1) + 1
        trees = self._groups * (self._estimator.get_params().get("num_parallel_tree") or 1)
        several = list(blocks(rounds, trees))
        if len(several) == 1:
            return [(self._estimator, (0, rounds))]
        parts = []
        for block in several:
            part = copy(self._estimator)
            part._Booster = booster[block]
            parts.append((part, (0, block.stop - block.start)))
        return parts


def _finite(rows: Any, *, infinite_splits: bool) -> Any:
    """Replace what float32 makes infinite: `apply` refuses it, `predict` does not, and it goes where LARGEST goes."""
    if hasattr(rows, "toarray"):  # a sparse matrix
        return rows._with_data(_finite(rows.data, infinite_splits=infinite_splits))
    with np.errstate(over="ignore"):
        single = np.asarray(rows).astype(np.float32)
    if not np.isinf(single).any():
        return rows
    if infinite_splits and np.isposinf(single).any():
        raise CompileError(
            "XGBoost splits at infinity, and reports no leaves of numbers beyond single precision.",
            hint="Bound the column in the schema, as in Field(le=1e30).",
        )
    return rows.clip(-LARGEST, LARGEST)
