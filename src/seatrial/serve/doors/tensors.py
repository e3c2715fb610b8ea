"""Tensors of the Open Inference Protocol: from JSON or the binary extension to Python values, and back.

A table is one tensor for each column, of shape [N] or [N, 1]. Missing values: null or NaN, and in binary data, which
has no null, an element of BYTES without bytes. Source: KServe's predict-api/v2, and Triton's extension_binary_data.md.
"""

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

from seatrial.model.schema import Column
from seatrial.serve.doors.row_json import Json, problem

# numpy's names, little-endian as on the wire
NUMBERS = {
    **{f"INT{8 * size}": f"<i{size}" for size in (1, 2, 4, 8)},
    **{f"UINT{8 * size}": f"<u{size}" for size in (1, 2, 4, 8)},
    **{f"FP{8 * size}": f"<f{size}" for size in (2, 4, 8)},
}
DATATYPES = {"BOOL", "BYTES", *NUMBERS}
SIZE_KEY = "binary_data_size"
_KEYS = ("name", "datatype", "shape", "data")
_LENGTH = struct.Struct("<I")


def datatype_of(values: Sequence[Any]) -> str:
    """The datatype for values of these Python types: BOOL, INT64, FP64, or BYTES for text and for a mixture."""
    kinds = {type(value) for value in values}
    names = {bool: "BOOL", int: "INT64", float: "FP64"}
    return names.get(kinds.pop(), "BYTES") if len(kinds) == 1 else "BYTES"


def column_datatype(column: Column) -> str:
    """The datatype in which a column is best sent."""
    if column.kind == "category":
        return datatype_of(column.categories)
    return {"integer": "INT64", "number": "FP64", "boolean": "BOOL"}.get(column.kind, "BYTES")


def plain_tensors(inputs: list[Any]) -> tuple[list[str], list[list[Any]]] | None:
    """The names and values of tensors in plain JSON, which most are; None where one of them needs a TensorReader."""
    names: list[str] = []
    columns: list[list[Any]] = []
    for tensor in inputs:
        if type(tensor) is not dict or len(tensor) != 4:
            return None
        name, kind, shape, data = map(tensor.get, _KEYS)
        if type(name) is not str or type(kind) is not str or kind not in DATATYPES or type(data) is not list:
            return None
        if shape != [len(data)] or type(shape[0]) is not int or (columns and len(data) != len(columns[0])):
            return None
        names.append(name)
        columns.append(data)
    return names, columns


class TensorReader:
    """Reads the tensors of one request; binary data is taken from `tail`, in the order of the tensors."""

    def __init__(self, tail: bytes) -> None:
        self._tail = memoryview(tail)

    def read(self, tensor: Json) -> tuple[str, list[Any]]:
        """The name of a tensor, and a value for each row. Raises RowError."""
        name = _name(tensor)
        datatype, count = tensor.get("datatype"), _rows(name, tensor.get("shape"))
        if not isinstance(datatype, str) or datatype not in DATATYPES:
            known = ", ".join(sorted(DATATYPES))
            raise problem(f"Unknown datatype; known: {known}.", "datatype", name)
        parameters = {} if tensor.get("parameters") is None else tensor["parameters"]
        if not isinstance(parameters, dict):
            raise problem('"parameters" must be an object.', "dict_type", name)
        if "shared_memory_region" in parameters:
            raise problem("Shared memory is not supported.", "shared_memory", name)
        if (size := parameters.get(SIZE_KEY)) is not None:
            values = self._binary(name, datatype, size, count)
        else:
            values = _flat(name, tensor, count)
        if len(values) != count:
            raise problem(f"The shape has {count} rows, the data {len(values)}.", "wrong_length", name)
        return name, values

    def finish(self) -> None:
        """Check that all binary data was used. Raises RowError."""
        if self._tail:
            raise problem(f"{len(self._tail)} bytes of binary data belong to no tensor.", "binary_data")

    def _binary(self, name: str, datatype: str, size: Any, count: int) -> list[Any]:
        if type(size) is not int or not 0 <= size <= len(self._tail):
            raise problem(f'"{SIZE_KEY}" is not the number of bytes of the data.', "binary_data", name)
        data, self._tail = self._tail[:size], self._tail[size:]
        if datatype == "BYTES":
            return self._texts(name, data, count)
        kind = np.dtype(NUMBERS.get(datatype, "u1"))
        if size != count * kind.itemsize:
            text = f"{count} values of {datatype} are {count * kind.itemsize} bytes, not {size}."
            raise problem(text, "binary_data", name)
        values = np.frombuffer(data, dtype=kind)
        if datatype == "BOOL":
            return list((values != 0).tolist())
        return list(values.tolist())  # float16 and float32 become the float64 of the same value

    def _texts(self, name: str, data: memoryview, count: int) -> list[Any]:
        """Texts, each after its length in four bytes; one without bytes is a missing value, as in other tables."""
        values: list[Any] = []
        start = 0
        while start < len(data) and len(values) <= count:
            end = start + 4
            if end <= len(data):
                end += _LENGTH.unpack_from(data, start)[0]
            if end > len(data) or end < start + 4:
                raise problem("The data ends within an element.", "binary_data", len(values), name)
            try:
                values.append(str(data[start + 4 : end], "utf-8") or None)
            except UnicodeDecodeError:
                raise problem("The text is not UTF-8.", "string_unicode", len(values), name) from None
            start = end
        return values


def _name(tensor: Any) -> str:
    name = tensor.get("name") if isinstance(tensor, dict) else None
    if not isinstance(name, str):
        raise problem('Each of "inputs" must be an object with the name of a column.', "tensor")
    return name


def _rows(name: str, shape: Any) -> int:
    """The number of rows that a shape has."""
    sizes = shape if isinstance(shape, list) else []
    whole = all(type(size) is int and size >= 0 for size in sizes)
    if not sizes or not whole or sizes[1:] not in ([], [1]):
        raise problem("Send one tensor for each column, of shape [N] or [N, 1].", "shape", name)
    return int(sizes[0])


def _flat(name: str, tensor: Json, count: int) -> list[Any]:
    """The values in JSON, which may be nested as the shape is."""
    data = tensor.get("data")
    if not isinstance(data, list):
        raise problem(f'The tensor has neither a list "data" nor "{SIZE_KEY}".', "tensor", name)
    if len(tensor["shape"]) == 2 and len(data) == count and all(type(v) is list and len(v) == 1 for v in data):
        return [value for (value,) in data]
    return data


def to_binary(datatype: str, values: Sequence[Any]) -> bytes:
    """Encode values for the wire."""
    if datatype == "BYTES":
        texts = [str(value).encode() for value in values]
        return b"".join(_LENGTH.pack(len(text)) + text for text in texts)
    return np.array(values, dtype=NUMBERS.get(datatype, "u1")).tobytes()
