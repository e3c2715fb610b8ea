"""Columns of few distinct values, which are worked on once per value: an array of objects that remembers its codes."""

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class Coded(np.ndarray):
    """An array (n,) of objects with its distinct values (k,) and their codes (n,); a slice of it is an ordinary one."""

    codes: Array | None
    distinct: Array | None

    def __array_finalize__(self, _: Any) -> None:
        """Forget the codes: they are not those of a view or a copy."""
        self.codes = self.distinct = None


def coded(distinct: Array, codes: Array) -> Array:
    """Make the array `distinct[codes]` that knows how it was made."""
    values = distinct[codes].view(Coded)
    values.codes, values.distinct = codes, distinct
    return values


def codes_of(values: Any) -> tuple[Array, Array] | None:
    """Give the distinct values and the codes of an array; of one of objects only where it remembers them.

    Of numbers they are found where the values are few; NaN is one of them, at the end. None where it is not worth it.
    """
    if isinstance(values, Coded) and values.codes is not None and values.distinct is not None:
        return values.distinct, values.codes
    if not isinstance(values, np.ndarray) or values.dtype.kind != "f" or len(values) < 1024:
        return None
    if len(np.unique(values[:: max(len(values) // 512, 1)])) > 128:  # a sample tells that it is no use
        return None
    distinct, codes = np.unique(values, return_inverse=True)
    return distinct, codes
