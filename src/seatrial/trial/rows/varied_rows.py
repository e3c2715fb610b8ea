"""Values that differ in each row, for the calls that find what a release keeps of every row that it has not seen."""

import datetime as dt
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from seatrial.model.schema import Column

CALLS = 1_000
MOST_CELLS = 200_000  # of wide tables, fewer rows are asked
STRIDE = 0.6180339887498949  # the fractions of its multiples are spread evenly, and none occurs twice (Weyl 1916)


def varied_values(columns: Sequence[Column], rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """For each column, as many values as calls, made from those in `rows` and valid by its bounds and categories.

    Numbers are within the range of the known ones, integers count up from the smallest, texts have a number added, and
    dates are moved back by days. Columns with few possible values are left out, and so are those that are missing in
    all rows.
    """
    count = min(CALLS, max(MOST_CELLS // max(len(columns), 1), 100))
    varied = {}
    for column in columns:
        known = [row[column.name] for row in rows if row.get(column.name) is not None]
        values = _varied(column, known, count) if known else []
        if len(set(values)) > count // 2:
            varied[column.name] = values
    return varied


def _varied(column: Column, known: list[Any], count: int) -> list[Any]:
    turns = range(count)
    if column.kind == "number":
        low, high = float(min(known)), float(max(known))
        high = high if high > low else min(low + max(abs(low), 1.0), column.limits[1])
        return [low + (high - low) * ((turn + 1) * STRIDE % 1) for turn in turns]
    if column.kind == "integer":
        low = int(min(known))
        span = min(int(column.limits[1]), low + count) - low + 1
        return [low + turn % span for turn in turns]
    if column.kind == "text" or (column.kind == "category" and column.open):
        texts = [str(value) for value in known]
        return [_numbered(texts[turn % len(texts)], turn, column.max_length) for turn in turns]
    if column.kind == "other":
        return [_earlier(known[turn % len(known)], turn) for turn in turns]
    return []  # a boolean, or one of a few categories


def _numbered(text: str, number: int, longest: int | None) -> str:
    end = f" {number}"
    return text + end if longest is None else text[: max(longest - len(end), 0)] + end[-longest:]


def _earlier(value: Any, days: int) -> Any:
    """A date or a moment in ISO format, some days earlier; anything else as it is."""
    for read in (dt.date.fromisoformat, dt.datetime.fromisoformat):
        with suppress(TypeError, ValueError, OverflowError):
            return (read(value) - dt.timedelta(days=days)).isoformat()
    return value
