"""Whether an ONNX file takes data from other files, which could be any on the machine; read without the onnx package.

The field numbers are those of onnx.proto; only the path from a model to its tensors is followed.
"""

from collections.abc import Iterator

TENSOR = "tensor"
# message: {number of a field: the message in it}
FIELDS: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: TENSOR, 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: TENSOR, 6: "graph", 10: TENSOR, 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: TENSOR, 2: TENSOR},
}
EXTERNAL_DATA, DATA_LOCATION = 13, 14  # fields of a tensor
DEPTH = 64


def has_external_data(content: bytes) -> bool:
    """Whether a tensor is stored outside of the file; also true where the file cannot be read."""
    try:
        return _search(memoryview(content), "model", 0)
    except (IndexError, ValueError):
        return True


def _search(data: memoryview, message: str, depth: int) -> bool:
    if depth > DEPTH:
        return True
    for number, value in _fields(data):
        if message == TENSOR:
            if number == EXTERNAL_DATA or (number == DATA_LOCATION and value == 1):
                return True
        elif isinstance(value, memoryview) and (inner := FIELDS[message].get(number)):
            found = _search(value, inner, depth + 1)
            if found:
                return True
    return False


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        key &= 0xFFFFFFFF  # as protobuf reads it
        kind = key & 7
        if kind == 0:
            number, at = _varint(data, at)
            yield key >> 3, number
        elif kind == 2:
            size, at = _varint(data, at)
            if at + size > len(data):
                raise ValueError("a field is truncated")
            yield key >> 3, data[at : at + size]
            at += size
        elif kind in (1, 5):
            at += 8 if kind == 1 else 4
        else:
            raise ValueError("unknown wire type")


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("a number is too long")
