"""Arrow arrays to numpy and back by their memory: the same as pyarrow's own functions."""

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest

from seatrial.model.arrow_buffers import arrow_array, codes_of_indices, floats_of

KINDS = [pa.int8(), pa.uint16(), pa.int32(), pa.uint64(), pa.float16(), pa.float32(), pa.float64()]


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("start", [0, 1, 8, 13, 40])
def test_numbers_of_any_width_and_slice_are_read_with_nan_for_null(kind, start):
    values = [None if n % 3 == 0 else n for n in range(40)]
    for given in (values, list(range(40))):
        array = pa.array([None if v is None else np.float16(v) for v in given] if kind == pa.float16() else given, kind)
        expected = [np.nan if v is None else float(v) for v in given]
        assert np.array_equal(floats_of(array.slice(start)), expected[start:], equal_nan=True)
        assert np.array_equal(floats_of(array.slice(start, 3)), expected[start : start + 3], equal_nan=True)
    assert floats_of(pa.array([], kind)).shape == (0,)


def test_codes_of_a_slice_have_their_own_number_for_null():
    encoded = pa.array(["a", None, "b", "a"] * 5).dictionary_encode()
    for indices in (encoded.indices, encoded.indices.cast(pa.int8())):
        assert codes_of_indices(indices.slice(3, 4), null=2).tolist() == [0, 0, 2, 1]


COLUMNS = [
    np.array([1.5, np.nan, -0.0]),
    np.array([1.5, np.inf, -0.0]),
    np.array([1, -(2**63), 2**63 - 1]),
    np.array([True, False] * 9),
    np.array([1, 2], dtype=np.int8),
    np.arange(20.0)[::2],
    np.array([], dtype=np.int64),
    np.array(["a", None], dtype=object),
    [1, None],
    ["a", None, "ü€", ""],
    ["a", None, "ü€"],
    [None, None],
    [],
]


@pytest.mark.parametrize("values", COLUMNS, ids=str)
def test_a_column_becomes_what_pyarrow_would_make(values):
    for kind in (None, pa.string()) if isinstance(values, list) and 1 not in values else (None,):
        made = arrow_array(values, kind)
        made.validate(full=True)
        assert made.equals(pa.array(values, kind, from_pandas=True))
        assert made.type == pa.array(values, kind, from_pandas=True).type


def test_a_column_that_has_another_type_than_asked_for_is_converted_by_pyarrow():
    assert arrow_array(np.array([1, 2]), pa.float64()).equals(pa.array([1.0, 2.0]))
    with pytest.raises(pa.ArrowException):
        arrow_array(["a", 1], pa.string())


def test_texts_too_long_for_one_array_are_left_to_pyarrow(monkeypatch):
    monkeypatch.setattr("seatrial.model.arrow_buffers.OFFSET_LIMIT", 3)
    assert arrow_array(["abc", None, "d"], pa.string()).equals(pa.array(["abc", None, "d"]))


def test_pandas_is_not_imported():
    code = (
        "import sys, numpy as np, pyarrow as pa\n"
        "from seatrial.model.arrow_buffers import arrow_array, codes_of_indices, floats_of\n"
        "numbers = arrow_array(np.array([1, 2])), arrow_array(np.array([1.5])), arrow_array(np.array([True]))\n"
        "arrow_array(['a', None], pa.string())\n"
        "floats_of(numbers[0]), codes_of_indices(numbers[0], 3)\n"
        "print('pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
