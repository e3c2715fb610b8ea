"""Generates the rows of a proof from the schema, with ends of ranges, missing values and unusual texts."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from seatrial.model.categorical import codes_of, first_rows, taken
from seatrial.model.features import Array, Columns, Floats
from seatrial.model.schema import Column

ROWS = 100_000
ROUNDS = 8
MISSING_SHARE = 0.15
UNBOUNDED = 10.0  # a column without a bound is drawn from this many times the range of the table's values
UNUSUAL_TEXTS = (
    "unseen",
    "UNSEEN",
    " ",
    "0",
    "nan",
    "None",
    "null",
    "naïve café",
    "日本語",
    "🚢",
    "İSTANBUL Straße ﬁx x²",
    "cafe\u0301 one\ntwo\tthree\u00a0four",
    "a,b;c\"d'e",
    "x" * 200,
)


def table_parts(table: Columns, most: int, seed: int) -> tuple[Columns, Columns]:
    """Of a large table, return so many rows at random, and the same rows with some more that others are drawn from.

    These have the ends of every column of numbers, and every text of a column that has few different ones.
    """
    size = len(next(iter(table.values())))
    if size <= most:
        return table, table
    part = np.sort(np.random.default_rng(seed).permutation(size)[:most])
    ends = [row for values in table.values() for row in _rows_of_ends(values)]
    source = np.union1d(part, np.array(ends, dtype=part.dtype))
    return tuple({name: taken(values, rows) for name, values in table.items()} for rows in (part, source))  # type: ignore[return-value]


def _rows_of_ends(values: Array) -> list[int]:
    if values.dtype.kind == "f":
        return [] if np.isnan(values).all() else [int(np.nanargmin(values)), int(np.nanargmax(values))]
    known = codes_of(values)
    return [] if known is None else first_rows(known[1], len(known[0])).tolist()


def generate(
    columns: Sequence[Column], table: Columns, *, rows: int = ROWS, seed: int = 0, texts: bool = True
) -> Columns:
    """Generate rows within the schema's columns, as raw columns.

    Half of them are rows of the table with some values replaced, half are drawn column by column: ends of ranges and
    the doubles next to them, values of the table and next to them, values in between, every category, missing values
    where they are allowed, and (with `texts`) unseen, padded, and re-cased strings. The seed determines all of them.
    """
    generator = np.random.default_rng(seed)
    size = len(next(iter(table.values())))
    source = generator.integers(size, size=rows)
    drawn: Columns = {}
    for column in columns:
        values = _draw(column, table[column.name], rows, generator, texts=texts)
        kept = (np.arange(rows) < rows // 2) & (generator.random(rows) < 0.7)
        drawn[column.name] = np.where(kept, table[column.name][source], values)
    return drawn


def generate_allowed(
    columns: Sequence[Column],
    table: Columns,
    allowed: Callable[[Columns], Array],
    *,
    rows: int = ROWS,
    seed: int = 0,
) -> Columns:
    """Generate at least `rows` rows that a caller could send.

    A schema may have more rules than its columns show: patterns, rules across columns. `allowed` returns a mask of the
    rows that it accepts; the others are drawn again. If it accepts hardly any of them, rows of the table fill up what
    is missing after a few rounds.
    """
    parts: list[Columns] = []
    kept = 0
    for round_ in range(ROUNDS):
        # A pattern rejects unusual texts, so every second round has none.
        drawn = generate(columns, table, rows=rows, seed=seed + 7919 * round_, texts=round_ % 2 == 0)
        keep = allowed(drawn)
        parts.append({name: values[keep] for name, values in drawn.items()})
        kept += int(keep.sum())
        if kept >= rows:
            break
    else:
        source = np.random.default_rng(seed).integers(len(next(iter(table.values()))), size=rows - kept)
        parts.append({name: values[source] for name, values in table.items()})
    return {column.name: np.concatenate([part[column.name] for part in parts]) for column in columns}


def _draw(column: Column, known: Array, rows: int, generator: np.random.Generator, *, texts: bool) -> Array:
    values: Array
    if column.kind == "category":
        values = _pick([*column.categories, *unlisted(column)], rows, generator, numeric=column.numeric)
    elif column.kind == "boolean":
        values = generator.integers(2, size=rows).astype(np.float64)
    elif column.numeric:
        values = _draw_numbers(column, known, rows, generator)
    else:
        distinct = [value for value in dict.fromkeys(known.tolist()) if value is not None]
        if column.kind == "text" and texts:
            distinct += _unusual_texts(distinct, column.max_length, generator)
        values = _pick(distinct or [None], rows, generator, numeric=False)
    if column.nullable:
        values[generator.random(rows) < MISSING_SHARE] = np.nan if column.numeric else None
    return values


def unlisted(column: Column) -> list[Any]:
    """Values that an open category accepts although it does not list them."""
    if not column.open:
        return []
    if column.numeric:
        return [max(column.categories) + 1, -1, 0]
    cased = [str(value).swapcase() for value in column.categories[:3]]
    return [value for value in ("unseen", " ", "日本語", *cased) if value not in column.categories]


def _pick(choices: list[Any], rows: int, generator: np.random.Generator, *, numeric: bool) -> Array:
    pool = np.empty(len(choices), dtype=np.float64 if numeric else object)
    pool[:] = choices
    picked: Array = pool[generator.integers(len(pool), size=rows)]
    return picked


def _draw_numbers(column: Column, known: Floats, rows: int, generator: np.random.Generator) -> Floats:
    low, high = _range(column, known)
    present = known[~np.isnan(known)]
    present = present if len(present) else np.array([low, high])
    ends = np.array([low, high, np.nextafter(low, np.inf), np.nextafter(high, -np.inf), (low + high) / 2, 0.0, 1.0])
    near = generator.choice(present, rows)
    near = np.nextafter(near, np.where(generator.random(rows) < 0.5, -np.inf, np.inf))
    # Skewed columns have most thresholds at one end, which a uniform draw over the whole range would miss.
    inner = np.quantile(present, generator.random(rows))
    options = [
        generator.choice(ends, rows),
        generator.choice(present, rows),
        near,
        inner,
        low + (high - low) * generator.random(rows),
    ]
    chosen: Floats = np.choose(generator.integers(len(options), size=rows), options)
    return np.clip(np.rint(chosen) if column.kind == "integer" else chosen, low, high)


def _range(column: Column, known: Floats) -> tuple[float, float]:
    """Return the schema's bounds, or where it has none, ends well beyond the table's values."""
    present = known[~np.isnan(known)]
    least, most = (float(present.min()), float(present.max())) if len(present) else (0.0, 1.0)
    span = max(most - least, abs(most), 1.0) * UNBOUNDED
    low = max(least - span, column.limits[0]) if column.minimum is None else float(column.minimum)
    high = min(most + span, column.limits[1]) if column.maximum is None else float(column.maximum)
    whole = column.kind == "integer"
    if column.exclusive_minimum:
        low = np.floor(low) + 1 if whole else float(np.nextafter(low, np.inf))
    if column.exclusive_maximum:
        high = np.ceil(high) - 1 if whole else float(np.nextafter(high, -np.inf))
    if whole:
        low, high = float(np.ceil(low)), float(np.floor(high))
    return (low, high) if low <= high else (low, low)


def _unusual_texts(known: list[str], longest: int | None, generator: np.random.Generator) -> list[str]:
    """Return texts that are not in the table: its own in another case, padded or cut, and some others."""
    sample = [known[i] for i in generator.permutation(len(known))[:200].tolist()]
    changed = [change(text) for text in sample for change in (str.upper, str.lower, str.swapcase, lambda t: f" {t} ")]
    cut = [text[: len(text) // 2] for text in sample] + [text + text for text in sample]
    made = [text[:longest] for text in (*changed, *cut, *UNUSUAL_TEXTS)]
    return [text for text in dict.fromkeys(made) if text and text not in set(known)]
