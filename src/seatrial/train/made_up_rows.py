"""Made-up rows: common values of each column, put together so that nobody's row is shown.

What a service shows to everyone (its example, the typical row that explanations start from) is made up. So are the
golden rows of a release that carries no real ones. Numbers are rounded, dates are the first of a month, and free text
is masked.
"""

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from pydantic import BaseModel, ValidationError

from seatrial.core.errors import SeatrialError
from seatrial.model.categorical import occurring
from seatrial.model.features import Array, Columns
from seatrial.model.masked_text import FEWEST_ROWS, common_masks
from seatrial.model.schema import Column
from seatrial.model.table_validation import from_array
from seatrial.train.profile import ROWS_PER_VALUE, ColumnProfile, present_values

Row = dict[str, Any]

DECILES = (5, 4, 6, 3, 7, 2, 8)  # of a number, the most common first
DIGITS = 3  # significant ones of a number
MOST_CHOICES = 7
ATTEMPTS = 300
NO_EXAMPLE = "No row of common values fits the rules of schema.py, and rows of the table are not shown."
GIVE_EXAMPLES = "Give the columns examples=[...] in schema.py that fit together, and are not a row of the table."


def common_values(columns: Sequence[Column], table: Columns, profiles: Sequence[ColumnProfile] = ()) -> list[list[Any]]:
    """The `choices` of every column, which both rows below are made from; `profiles` are those of the same columns."""
    deciles = {profile.name: profile.deciles for profile in profiles}
    return [choices(column, table[column.name], deciles.get(column.name, ())) for column in columns]


def typical_row(
    columns: Sequence[Column],
    schema: type[BaseModel],
    table: Columns,
    known: Sequence[Sequence[Any]],
    *,
    seed: int,
) -> Row:
    """Return the most common value of every column, or what is near to that, valid, and in no row of the table."""
    return _row(columns, schema, table, known, seed)


def example_row(
    columns: Sequence[Column],
    schema: type[BaseModel],
    table: Columns,
    known: Sequence[Sequence[Any]],
    *,
    seed: int,
    other_than: Row | None = None,
) -> Row:
    """Return the schema's own examples where it has some, and less common values for the other columns."""
    dates = {column.name for column in columns if column.kind == "other"}  # whose examples are texts
    shown = {c.name for c in columns if c.example is not None} - dates - set(copied(columns, table))
    listed = [
        [column.example, *values] if column.name in shown else [*values[1:2], *values]
        for column, values in zip(columns, known, strict=True)
    ]
    return _row(columns, schema, table, listed, seed, other_than)


def copied(columns: Sequence[Column], table: Columns) -> list[str]:
    """The columns of free text whose example in schema.py is a text of the table."""
    texts = [column for column in columns if column.kind == "text" and column.example is not None]
    return [column.name for column in texts if _is_free(table[column.name]) and column.example in table[column.name]]


def made_up_table(columns: Sequence[Column], table: Columns, *, rows: int = 512, seed: int) -> Columns:
    """Draw every column on its own from its common values, as often as they occur; none of its rows is in the table."""
    generator = np.random.default_rng(seed)
    drawn: Columns = {}
    for column in columns:
        values = table[column.name]
        known = choices(column, values)
        weights = np.linspace(1.0, 0.3, len(known))
        picked = generator.choice(len(known), size=rows, p=weights / weights.sum())
        kind = np.float64 if column.numeric else object
        listed = np.empty(len(known), dtype=kind)
        listed[:] = [np.nan if value is None and column.numeric else value for value in known]
        drawn[column.name] = listed[picked]
    new = [n for n in range(rows) if not in_table(columns, table, {c.name: drawn[c.name][n] for c in columns})]
    return {name: values[new] for name, values in drawn.items()} if new else drawn


def choices(column: Column, values: Array, deciles: Sequence[float] = ()) -> list[Any]:
    """Common values of a checked column, the most common first, as it holds them; None for missing.

    `deciles` are those of its numbers, where they are known: eleven from the minimum to the maximum.
    """
    missing = _missing(column, values)
    if missing == len(values):
        return [None if column.nullable else column.example]
    if column.kind in ("integer", "number"):
        known = _numbers(column, deciles or np.quantile(values[~np.isnan(values)], np.arange(11) / 10).tolist())
    elif column.kind == "text" and _is_free(values):
        known = _masks(column, values[values != None])  # noqa: E711 - elementwise
    else:
        known = _frequent(column, values)
    if not missing or not column.nullable:
        return known or [column.example]
    return [None, *known] if missing * 2 > len(values) or not known else [known[0], None, *known[1:]]


def _missing(column: Column, values: Array) -> int:
    if column.numeric:
        return int(np.isnan(values).sum())
    return values.tolist().count(None) if column.kind == "other" else occurring(values)[None]


def _numbers(column: Column, deciles: Sequence[float]) -> list[Any]:
    low, high = column.limits
    rounded = [float(f"{deciles[place]:.{DIGITS}g}") for place in DECILES]
    if column.kind == "integer":
        rounded = [float(round(value)) for value in rounded]
    inside = [value for value in dict.fromkeys(rounded) if low <= value <= high]
    return inside or [float(np.clip(rounded[0], low, high))]


def _frequent(column: Column, values: Array) -> list[Any]:
    """The values in the most rows, those in few rows only if there are no others; dates as the first of their month."""
    try:
        if column.kind == "other":
            counts = Counter(_first_of_month(value) for value in values.tolist() if value is not None)
        else:
            counts = present_values(column, values)
    except TypeError:  # lists and tables
        first = next(value for value in values.tolist() if value is not None)
        return [column.example if column.example is not None else first]
    ordered = sorted(counts, key=lambda value: (-counts[value], str(value)))
    return ([value for value in ordered if counts[value] >= FEWEST_ROWS] or ordered[:1])[:MOST_CHOICES]


def _first_of_month(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return value.replace(day=1, hour=12, minute=0, second=0, microsecond=0)
    return value.replace(day=1) if isinstance(value, dt.date) else value


def _is_free(values: Array) -> bool:
    """Whether a column's texts are different in most rows, so that one may identify somebody."""
    counts = occurring(values)
    del counts[None]
    return len(counts) * ROWS_PER_VALUE > counts.total()


def _masks(column: Column, present: Array) -> list[Any]:
    longest = column.max_length
    masks = [mask[:longest] for mask in common_masks(present.tolist(), MOST_CHOICES)]
    return masks if column.example is None or column.example in present else [*masks, column.example]


def in_table(columns: Sequence[Column], table: Columns, row: Row) -> bool:
    """Whether a row of the table has exactly these values, as the table holds them."""
    same = np.ones(len(next(iter(table.values()))), dtype=bool)
    for column in sorted(columns, key=lambda column: not column.numeric):  # numbers compare fastest, and differ most
        value, values = row[column.name], table[column.name]
        if value is None or (column.numeric and np.isnan(value)):
            same &= np.isnan(values) if column.numeric else values == None  # noqa: E711 - elementwise
        else:
            same &= values == value
        if not same.any():
            return False
    return True


def _row(
    columns: Sequence[Column],
    schema: type[BaseModel],
    table: Columns,
    listed: Sequence[Sequence[Any]],
    seed: int,
    other_than: Row | None = None,
) -> Row:
    """The first valid row that is not in the table, or the first one if common values make only rows of the table."""
    known: Row | None = None
    for values in _combinations(listed, np.random.default_rng(seed)):
        held = {column.name: value for column, value in zip(columns, values, strict=True)}
        try:
            valid = schema.model_validate({column.name: _plain(column, held[column.name]) for column in columns})
        except ValidationError:
            continue
        row = valid.model_dump(mode="json")
        if row != other_than and not in_table(columns, table, held):
            return row
        known = known or row
    if known is None:
        raise SeatrialError(NO_EXAMPLE, hint=GIVE_EXAMPLES)
    return known


def _combinations(listed: Sequence[Sequence[Any]], generator: np.random.Generator) -> Iterator[list[Any]]:
    """The first values, then with one of them replaced by another choice, then with two, and so on at random."""
    first = [values[0] for values in listed]
    yield first
    for place, values in enumerate(listed):
        yield from ([*first[:place], other, *first[place + 1 :]] for other in values[1:])
    for attempt in range(ATTEMPTS):
        changed = generator.random(len(listed)) < (attempt + 2) / ATTEMPTS
        yield [
            values[int(generator.integers(len(values)))] if change else values[0]
            for values, change in zip(listed, changed, strict=True)
        ]


def _plain(column: Column, value: Any) -> Any:
    """A value as a row has it: the schema's example, or what the table holds."""
    return value if value is None or value is column.example else from_array(column, value)
