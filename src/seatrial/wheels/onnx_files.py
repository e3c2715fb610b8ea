"""Whether an ONNX file takes data from other files, which could be any on the machine; read without the onnx package.

The field numbers are those of onnx.proto; only the path from a model to its tensors is followed.
"""

import mmap
import re
from collections.abc import Iterator
from typing import IO

from seatrial.wheels.budget import IN_MEMORY, InspectionBudget

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
TICK = 4096  # fields between two looks at the clock
# Long lists of numbers in an attribute, floats (field 7) and integers (field 8), which are passed over together.
NUMBERS = re.compile(rb"(?:\x3d.{4}|\x40[\x80-\xff]{0,9}[\x00-\x7f]){1,4096}+", re.DOTALL)


def has_external_data(file: IO[bytes], size: int, budget: InspectionBudget) -> bool:
    """Whether a tensor is stored outside of the file; also true where the file cannot be read."""
    with budget.copy(file, size=size) as copied:
        try:
            if size <= IN_MEMORY:
                return _Search(budget).finds(memoryview(copied.read()), "model", 0)
            # Not closed here: an exception may still refer to parts of it.
            mapped = mmap.mmap(copied.fileno(), 0, access=mmap.ACCESS_READ)
            return _Search(budget).finds(memoryview(mapped), "model", 0)
        except (IndexError, ValueError):
            return True


class _Search:
    """A search through the messages of one file; `budget` bounds its time."""

    def __init__(self, budget: InspectionBudget) -> None:
        self._budget = budget
        self._fields = 0

    def finds(self, data: memoryview, message: str, depth: int) -> bool:
        if depth > DEPTH:
            return True
        for number, value in self._read(data, skip_numbers=message == "attribute"):
            if message == TENSOR:
                if number == EXTERNAL_DATA or (number == DATA_LOCATION and value == 1):
                    return True
            elif isinstance(value, memoryview) and (inner := FIELDS[message].get(number)):
                found = self.finds(value, inner, depth + 1)
                if found:
                    return True
        return False

    def _read(self, data: memoryview, *, skip_numbers: bool) -> Iterator[tuple[int, int | memoryview]]:
        at = 0
        while at < len(data):
            self._fields += 1
            if self._fields % TICK == 0:
                self._budget.check_time()
            if skip_numbers and data[at] in (0x3D, 0x40) and (run := NUMBERS.match(data, at)):
                at = run.end()
                continue
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
