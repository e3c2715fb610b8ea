"""Crossed rows, for the checks where nothing may differ: values of real rows, recombined and shifted."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from seatrial.model.features import Array, Columns
from seatrial.model.schema import Column

ROWS = 6_000
FEWEST_ROWS = 500
MOST_CELLS = 1_000_000


def cross_tables(columns: Sequence[Column], tables: Sequence[Mapping[str, Array]]) -> Columns:
    """Draw crossed rows from each table, with rows that the schema rejects; {} without a table."""
    drawn = [cross_rows(columns, table, seed=seed) for seed, table in enumerate(tables)]
    return {name: np.concatenate([part[name] for part in drawn]) for name in drawn[0]} if drawn else {}


def cross_rows(
    columns: Sequence[Column],
    table: Mapping[str, Array],
    allowed: Callable[[Columns], Array] | None = None,
    *,
    rows: int = ROWS,
    seed: int = 0,
) -> Columns:
    """Draw rows whose values come from different rows of `table`; a third of the numbers are between two of its values.

    A tree only distinguishes values on two sides of a threshold, and its thresholds are between the values that it has
    seen. `allowed` returns a mask of the rows that the schema accepts; the others are left out.
    """
    generator = np.random.default_rng(seed)
    size = len(next(iter(table.values())))
    rows = min(rows, max(MOST_CELLS // len(columns), FEWEST_ROWS))
    drawn: Columns = {}
    for column in columns:
        values = table[column.name]
        picked = values[generator.integers(size, size=rows)]
        if column.kind in ("integer", "number"):
            between = _between(values, rows, generator)
            between = np.rint(between) if column.kind == "integer" else between
            picked = np.where(generator.random(rows) < 1 / 3, between, picked)
            picked = np.where(generator.random(rows) < 1 / 20, _extreme(column, values, rows, generator), picked)
        elif column.kind == "text":
            picked = _retyped(picked, column.max_length, generator)
        drawn[column.name] = picked
    if allowed is None:
        return drawn
    keep = np.flatnonzero(allowed(drawn))
    return {name: values[keep] for name, values in drawn.items()}


def _between(values: Array, rows: int, generator: np.random.Generator) -> Array:
    """Numbers between two neighbours among the values; each gap is equally likely, however narrow.

    Half of them are exactly in the middle, where trees put their thresholds.
    """
    known = np.unique(values[~np.isnan(values)])
    if len(known) < 2:
        return np.full(rows, known[0] if len(known) else np.nan)
    place = generator.integers(len(known) - 1, size=rows)
    share = np.where(generator.random(rows) < 0.5, 0.5, generator.random(rows))
    middle = (known[place] + known[place + 1]) / 2
    return np.asarray(np.where(share == 0.5, middle, known[place] + (known[place + 1] - known[place]) * share))


def _extreme(column: Column, values: Array, rows: int, generator: np.random.Generator) -> Array:
    """The ends of the range that the schema allows; where it sets none, well beyond the values."""
    known = values[~np.isnan(values)]
    least, most = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    span = max(most - least, 1.0) * 10
    low = max(least - span, column.limits[0]) if column.minimum is None else float(column.minimum)
    high = min(most + span, column.limits[1]) if column.maximum is None else float(column.maximum)
    share = generator.random(rows)
    ends = np.where(generator.random(rows) < 0.5, low, high)
    numbers = np.where(generator.random(rows) < 0.3, ends, low + (high - low) * share)
    return np.asarray(np.rint(numbers) if column.kind == "integer" else numbers)


def _retyped(values: Array, longest: int | None, generator: np.random.Generator) -> Array:
    """Texts of which one in eight is typed differently: padded, in upper case, in lower case, in title case."""
    styles: list[Callable[[str], str]] = [lambda text: f" {text} ", str.upper, str.lower, str.title]
    retyped = values.copy()
    for row in np.flatnonzero(generator.random(len(values)) < 1 / 8).tolist():
        if retyped[row] is not None:
            text = styles[int(generator.integers(len(styles)))](retyped[row])
            retyped[row] = text if longest is None or len(text) <= longest else retyped[row]
    return retyped
