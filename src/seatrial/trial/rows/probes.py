"""Probes: real rows with one value changed, valid or invalid, to find skew and careless code.

They are generated from the schema instead of being read from the package under test, so a release cannot leave out what
it fails.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seatrial.model.schema import Column
from seatrial.trial.compare.queries import spread

Row = dict[str, Any]
Variant = tuple[Any, str]  # a value, and what it is in a word

ROWS_CHANGED = 6  # each with every probe of every column
MOST_CELLS = 3_000_000  # of all probes: in a wide table fewer rows are changed, and in a very wide one not every column
VARIANTS = 15  # of a column, on average
QUANTILES = (0.01, 0.25, 0.5, 0.75, 0.99)
UNSEEN = "never seen before"


@dataclass(frozen=True)
class Probe:
    """A row, the column that was changed in it, and what the new value is, in a word."""

    row: Row
    column: str
    what: str


def probe_rows(columns: Sequence[Column], rows: Sequence[Row]) -> list[Probe]:
    """Change one value at a time in a few of `rows` (JSON values), spread over all of them; no probe occurs twice."""
    if not rows:
        return []
    most = MOST_CELLS // (VARIANTS * len(columns))  # pairs of a row and a column
    count = min(max(most // len(columns), 1), ROWS_CHANGED)
    chosen = [rows[i] for i in np.unique(np.linspace(0, len(rows) - 1, count).astype(int))]
    varied = set(spread([column.name for column in columns], most // count))
    probes = []
    for column in (column for column in columns if column.name in varied):
        known = [row[column.name] for row in rows if row.get(column.name) is not None]
        distinct = {repr(value): (value, what) for value, what in _variants(column, known)}
        for value, what in distinct.values():
            probes += [Probe({**row, column.name: value}, column.name, what) for row in chosen]
        without = {name: value for name, value in chosen[0].items() if name != column.name}
        probes.append(Probe(without, column.name, "left out"))
    probes.append(Probe({**chosen[0], "no_such_column": 1}, "no_such_column", "unknown column"))
    return probes


def _variants(column: Column, known: list[Any]) -> Iterator[Variant]:
    yield None, "missing"
    if column.kind == "category":
        yield from _categories(column)
    elif column.kind == "boolean":
        yield from ((True, "true"), (False, "false"), (2, "2"), ("yes", "yes"))
    elif column.kind in ("integer", "number"):
        yield from _numbers(column, known)
    else:
        yield from _texts(column, known)


def _categories(column: Column) -> Iterator[Variant]:
    for value in column.categories:
        yield value, f"{value}"
    first = next((value for value in column.categories if isinstance(value, str)), None)
    if first is not None:
        yield from ((UNSEEN, "unseen"), (first.swapcase(), "in another case"), (f" {first} ", "padded"), ("", "empty"))
    else:
        yield max(column.categories) + 1, "unseen"
        yield str(column.categories[0]), "as text"


def _numbers(column: Column, known: list[Any]) -> Iterator[Variant]:
    cast = int if column.kind == "integer" else float
    yield cast(0), "zero"
    for quantile in QUANTILES if known else ():
        yield cast(np.quantile(known, quantile)), f"{quantile:.0%} quantile"
    for end, name, outward in ((column.minimum, "minimum", -1), (column.maximum, "maximum", 1)):
        if end is not None:
            yield cast(end), name
            yield cast(end + outward), f"beyond the {name}"
        elif known:
            far = (max if outward > 0 else min)(known)
            yield cast(far + outward * 10 * (abs(far) + 1)), f"far beyond the {name} seen"
    if column.kind == "integer":
        yield 0.5, "a fraction"
    yield "1", "as text"
    yield True, "true"


def _texts(column: Column, known: list[Any]) -> Iterator[Variant]:
    for text in dict.fromkeys(str(value) for value in known[:3]):
        yield text, "seen"
        yield text.upper(), "in upper case"
        yield text.lower(), "in lower case"
        yield f" {text} ", "padded"
    yield from ((UNSEEN, "unseen"), ("", "empty"), (" ", "white space"), ("ÅÄÖ 日本 🚢", "beyond ASCII"))
    if column.max_length is not None:
        yield from (("x" * column.max_length, "longest"), ("x" * (column.max_length + 1), "too long"))
    yield 7, "a number"
