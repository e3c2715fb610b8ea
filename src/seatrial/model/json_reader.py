"""Reads rows as the API takes them: a JSON document, or an object in each line."""

import json
from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.model.raw_chunks import RawChunk


def read_json(path: Path, size: int, _: Collection[str]) -> Iterator[RawChunk]:
    """Read a list of objects, one object, or {"inputs": [...]}, in chunks of at most `size` rows."""
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise SeatrialError(
            f"{path.name} is not valid JSON: {error}", hint='Write [{"column": value, ...}, ...].'
        ) from None
    rows = document.get("inputs", [document]) if isinstance(document, dict) else document
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise SeatrialError(f"{path.name} contains no rows.", hint='Write [{"column": value, ...}, ...].')
    names = list(dict.fromkeys(name for row in rows for name in row))
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        yield RawChunk({name: [row.get(name) for row in part] for name in names}, len(part))


def read_lines(path: Path, size: int, _: Collection[str]) -> Iterator[RawChunk]:
    """Read an object in each line, in chunks of at most `size` lines."""
    names: dict[str, None] = {}
    before = 0
    with path.open("rb") as file:
        while lines := list(islice(file, size)):
            rows, numbers = [], []
            for number, line in enumerate(lines, before + 1):
                if line.strip():
                    rows.append(_row_of(path, number, line.removeprefix(b"\xef\xbb\xbf" if number == 1 else b"")))
                    numbers.append(number)
            before += len(lines)
            if rows:
                names |= dict.fromkeys(name for row in rows for name in row)
                yield RawChunk({name: [row.get(name) for row in rows] for name in names}, len(rows), numbers)
    if not names:
        raise SeatrialError(f"{path.name} contains no rows.", hint='Write {"column": value, ...} in each line.')


def _row_of(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise SeatrialError(
            f"{path.name} is not valid JSON, line {number:,}: {getattr(error, 'msg', error)}",
            hint='Write {"column": value, ...} in each line.',
        ) from None
    if not isinstance(row, dict):
        raise SeatrialError(
            f"{path.name}, line {number:,} is not an object.", hint='Write {"column": value, ...} in each line.'
        )
    return row
