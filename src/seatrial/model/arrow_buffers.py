"""Converts between Arrow and numpy by their memory: pyarrow's own functions import pandas, if it is installed.

That alone takes longer than 100,000 rows need.
"""

from collections.abc import Sequence
from itertools import compress
from typing import Any

import numpy as np

from seatrial.model.features import Array, Floats

OFFSET_LIMIT = 2**31 - 1  # bytes of text in an array of strings


def floats_of(values: Any) -> Floats:
    """The numbers of an Arrow array of integers or floats as float64 (n,), NaN for null."""
    numbers: Floats = _numbers(values).astype(np.float64)
    missing = _nulls(values)
    if missing is not None:
        numbers[missing] = np.nan
    return numbers


def codes_of_indices(indices: Any, null: int) -> Array:
    """The indices of a dictionary array as int64 (n,), with `null` for null."""
    codes: Array = _numbers(indices).astype(np.int64)
    missing = _nulls(indices)
    if missing is not None:
        codes[missing] = null
    return codes


def arrow_array(values: Any, kind: Any = None) -> Any:
    """Columns of values as an Arrow array of this type, or of the type of the values; NaN is null, as None is.

    Raises pyarrow's errors for values that do not have one type.
    """
    import pyarrow as pa

    if isinstance(values, pa.Array):
        return values
    if isinstance(values, np.ndarray):
        same = {"float64": pa.float64(), "int64": pa.int64(), "bool": pa.bool_()}.get(values.dtype.name)
        if same is not None and kind in (None, same) and not np.isnan(values).any():
            return _number_array(values, same)
    elif kind == pa.string() and (texts := _text_array(values)) is not None:
        return texts
    return pa.array(values, kind, from_pandas=True)


def _number_array(values: Array, kind: Any) -> Any:
    import pyarrow as pa

    memory = np.packbits(values, bitorder="little") if values.dtype.kind == "b" else np.ascontiguousarray(values)
    return pa.Array.from_buffers(kind, len(values), [None, _buffer(memory)])


def _text_array(values: Sequence[Any]) -> Any:
    """An Arrow array of texts, of which most are None; None where some value is neither."""
    import pyarrow as pa

    rows = [*compress(range(len(values)), values)]  # an empty text is as false as None, and counted below
    texts = [values[row] for row in rows]
    if values.count(None) + len(rows) != len(values) or not {*map(type, texts)} <= {str}:
        return None
    encoded = [text.encode() for text in texts]
    lengths = np.zeros(len(values) + 1, dtype=np.int64)
    lengths[np.array(rows, dtype=np.int64) + 1] = [len(each) for each in encoded]
    ends = np.cumsum(lengths)
    if ends[-1] > OFFSET_LIMIT:
        return None
    present = np.packbits(lengths[1:] > 0, bitorder="little")
    buffers = [_buffer(present), _buffer(ends.astype(np.int32)), pa.py_buffer(b"".join(encoded))]
    return pa.Array.from_buffers(pa.string(), len(values), buffers)


def _numbers(values: Any) -> Array:
    kind = np.dtype(values.type.to_pandas_dtype())
    if not len(values):
        return np.empty(0, kind)
    memory = values.buffers()[1]
    return np.frombuffer(memory, kind, count=len(values), offset=values.offset * kind.itemsize)


def _nulls(values: Any) -> Array | None:
    """A mask of the nulls (n,); None without any."""
    if not values.null_count:
        return None
    first, start = divmod(values.offset, 8)
    rows = start + len(values)
    bits = np.frombuffer(values.buffers()[0], np.uint8, count=-(-rows // 8), offset=first)
    null: Array = np.unpackbits(bits, bitorder="little")[start:rows] == 0
    return null


def _buffer(values: Array) -> Any:
    import pyarrow as pa

    return pa.py_buffer(np.ascontiguousarray(values).data if len(values) else b"")
