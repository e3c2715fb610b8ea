"""Columns of few distinct values, which are processed once per value: an array of objects that remembers its codes."""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
T = TypeVar("T")


class CategoricalArray(np.ndarray):
    """An array (n,) of objects with its distinct values (k,) and their codes (n,); a slice is an ordinary array."""

    codes: Array | None
    distinct: Array | None

    def __array_finalize__(self, _: Any) -> None:
        """Forget the codes, which do not belong to a view or a copy."""
        self.codes = self.distinct = None

    def __reduce__(self) -> Any:
        """Be pickled as distinct values and codes, which are smaller, and remembered."""
        if self.codes is None or self.distinct is None:
            return super().__reduce__()
        return categorical, (self.distinct, self.codes)


class SharedValues(np.ndarray):
    """Distinct values that several chunks of a table share, with what was computed from them."""

    computed: dict[Any, Any]

    def __array_finalize__(self, _: Any) -> None:
        """A view or a copy has other values."""
        self.computed = {}


def computed_once(distinct: Any, key: Any, compute: Callable[[], T]) -> T:
    """Return what `compute` gives for these distinct values; only once where chunks share them."""
    if not isinstance(distinct, SharedValues):
        return compute()
    if key not in distinct.computed:
        distinct.computed[key] = compute()
    result: T = distinct.computed[key]
    return result


def categorical(distinct: Array, codes: Array) -> Array:
    """Make the array `distinct[codes]`, which remembers both."""
    values = distinct[codes].view(CategoricalArray)
    values.codes, values.distinct = codes, distinct
    return values


def codes_of(values: Any) -> tuple[Array, Array] | None:
    """Return the distinct values and the codes of an array, or None where using them would not be faster.

    An array of objects must remember them. An array of numbers is searched; its NaN values are one value, the last.
    """
    if isinstance(values, CategoricalArray) and values.codes is not None and values.distinct is not None:
        return values.distinct, values.codes
    if not isinstance(values, np.ndarray) or values.dtype.kind != "f" or len(values) < 1024:
        return None
    if len(np.unique(values[:: max(len(values) // 512, 1)])) > 128:  # a sample shows that there are too many
        return None
    distinct, codes = np.unique(values, return_inverse=True)
    return distinct, codes
