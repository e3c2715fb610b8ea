"""Columns of few distinct values, which are processed once per value: an array of objects that remembers its codes."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
T = TypeVar("T")
MOST_JOINED = 50_000  # distinct texts of a table: its codes stay small beside them


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


def taken(values: Array, rows: Array) -> Array:
    """Select rows of a column (positions or a mask); texts stay codes, of the values that are left."""
    if not isinstance(values, CategoricalArray) or values.codes is None or values.distinct is None:
        return values[rows]
    codes = values.codes[rows]
    used = np.flatnonzero(np.bincount(codes, minlength=len(values.distinct)))
    places = np.zeros(len(values.distinct), dtype=np.int32)
    places[used] = np.arange(len(used))
    return categorical(values.distinct[used], places[codes])


def joined(parts: Sequence[Array]) -> Array:
    """Put parts of a column together; texts that all have codes get the codes of one list, in order of occurrence."""
    known: dict[Any, int] = {}
    codes = []
    for part in parts:
        if not isinstance(part, CategoricalArray) or part.codes is None or part.distinct is None:
            break
        used = part.codes[first_rows(part.codes, len(part.distinct))]
        places = np.zeros(len(part.distinct), dtype=np.int32)
        listed = part.distinct[used].tolist()
        if not all(value is None or type(value) is str for value in listed):
            break
        places[used] = [known.setdefault(value, len(known)) for value in listed]
        codes.append(places[part.codes])
        if len(known) > MOST_JOINED:
            break
    else:
        if parts:
            return categorical(np.fromiter(known, dtype=object, count=len(known)), np.concatenate(codes))
    return np.concatenate([np.asarray(part) for part in parts])


def occurring(values: Array) -> Counter[Any]:
    """The distinct values of a column of objects, in the order of their first rows, and how many rows have each."""
    if not isinstance(values, CategoricalArray) or values.codes is None or values.distinct is None:
        return Counter(values.tolist())
    counts = np.bincount(values.codes, minlength=len(values.distinct))
    used = values.codes[first_rows(values.codes, len(values.distinct))]
    found: Counter[Any] = Counter()
    for value, count in zip(values.distinct[used].tolist(), counts[used].tolist(), strict=True):
        found[value] += count  # two codes may have equal values
    return found


def first_rows(codes: Array, size: int) -> Array:
    """The first row of each of so many codes that occurs, ascending."""
    first = np.full(size, -1, dtype=np.int64)
    first[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)  # of rows of one code, the last that is written is kept
    return np.sort(first[first >= 0])


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
