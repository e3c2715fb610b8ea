"""Probes: real rows with one value changed to what skew and careless code break on, valid and invalid ones.

They are made from the schema, not taken from the package under test, so that a release cannot leave out what it fails.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seatrial.model.schema import Column

Row = dict[str, Any]

ROWS_CHANGED = 6  # of the given rows, each with every probe of every column
QUANTILES = (0.01, 0.25, 0.5, 0.75, 0.99)
UNSEEN = "never seen before"


@dataclass(frozen=True)
class Probe:
    """A row, the column that was changed in it, and to what, in a word."""

    row: Row
    column: str
    what: str


def probe_rows(columns: Sequence[Column], rows: Sequence[Row]) -> list[Probe]:
    """Change one value at a time in a few of `rows` (JSON values), spread over all of them; no probe comes twice."""
    chosen = [rows[i] for i in np.unique(np.linspace(0, len(rows) - 1, ROWS_CHANGED).astype(int))] if rows else []
    found = []
    for column in columns:
        known = [row[column.name] for row in rows if row.get(column.name) is not None]
        for value, what in dict(_unique(_values(column, known))).values():
            found += [Probe({**row, column.name: value}, column.name, what) for row in chosen]
        found += [Probe({k: v for k, v in chosen[0].items() if k != column.name}, column.name, "left out")] * bool(
            chosen
        )
    if chosen:
        found.append(Probe({**chosen[0], "no_such_column": 1}, "no_such_column", "unknown column"))
    return found


def _unique(values: Iterator[tuple[Any, str]]) -> Iterator[tuple[str, tuple[Any, str]]]:
    for value, what in values:
        yield repr(value), (value, what)


def _values(column: Column, known: list[Any]) -> Iterator[tuple[Any, str]]:
    yield None, "missing"
    if column.kind == "category":
        yield from _categories(column)
    elif column.kind == "boolean":
        yield from ((True, "true"), (False, "false"), (2, "2"), ("yes", "yes"))
    elif column.kind in ("integer", "number"):
        yield from _numbers(column, known)
    else:
        yield from _texts(column, known)


def _categories(column: Column) -> Iterator[tuple[Any, str]]:
    for value in column.categories:
        yield value, f"{value}"
    if any(isinstance(value, str) for value in column.categories):
        first = next(value for value in column.categories if isinstance(value, str))
        yield from ((UNSEEN, "unseen"), (first.swapcase(), "in another case"), (f" {first} ", "padded"), ("", "empty"))
    else:
        yield max(column.categories) + 1, "unseen"
        yield str(column.categories[0]), "as text"


def _numbers(column: Column, known: list[Any]) -> Iterator[tuple[Any, str]]:
    whole = column.kind == "integer"
    cast = int if whole else float
    yield cast(0), "zero"
    for quantile in QUANTILES:
        if known:
            yield cast(np.quantile(known, quantile)), f"{quantile:.0%} quantile"
    for end, name, outward in ((column.minimum, "minimum", -1), (column.maximum, "maximum", 1)):
        if end is not None:
            yield cast(end), name
            yield cast(end + outward), f"beyond the {name}"
        elif known:
            far = (max if outward > 0 else min)(known)
            yield cast(far + outward * 10 * (abs(far) + 1)), f"far beyond the {name} seen"
    if whole:
        yield 0.5, "a fraction"
    yield "1", "as text"
    yield True, "true"


def _texts(column: Column, known: list[Any]) -> Iterator[tuple[Any, str]]:
    for text in dict.fromkeys(str(value) for value in known[:3]):
        yield from (
            (text, "seen"),
            (text.upper(), "in capitals"),
            (text.lower(), "in lower case"),
            (f" {text} ", "padded"),
        )
    yield from ((UNSEEN, "unseen"), ("", "empty"), (" ", "white space"), ("ÅÄÖ 日本 🚢", "beyond ASCII"))
    if column.max_length is not None:
        yield from (("x" * column.max_length, "longest"), ("x" * (column.max_length + 1), "too long"))
    yield 7, "a number"
