"""Reduces an arrow table of any origin to the few types that are examined, under unique column names."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc


def plain_table(table: Any) -> Any:
    """Convert a table's columns to integers, doubles, booleans, strings, dates and timestamps.

    The index column that pandas stores is dropped, and every other type becomes text.
    """
    positions = [n for n, name in enumerate(table.column_names) if not name.startswith("__index_level_")]
    names = unique_names([table.column_names[n] for n in positions])
    return pa.table([_plain(table.column(n).combine_chunks()) for n in positions], names=names)


def mixed_column(values: list[Any]) -> Any:
    """Python values as an arrow array; values of types that cannot share a column become text."""
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return pa.array([None if value is None else str(value) for value in values], pa.string())


def unique_names(names: list[str]) -> list[str]:
    """Number the columns that share a name, and name those without one."""
    taken = set(names)
    seen: set[str] = set()
    result = []
    for position, name in enumerate(names):
        unique = name or f"column_{position + 1}"
        number = 2
        while unique in seen or (unique != name and unique in taken):
            unique, number = f"{name or 'column'}_{number}", number + 1
        seen.add(unique)
        result.append(unique)
    return result


def _plain(values: Any) -> Any:
    kind = values.type
    if pa.types.is_dictionary(kind):
        return _plain(values.cast(kind.value_type))
    if pa.types.is_timestamp(kind):
        return pc.cast(values, pa.timestamp("us", "UTC" if kind.tz else None), safe=False)
    if pa.types.is_date(kind):
        return values.cast(pa.date32())
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_string(kind) or kind == pa.float64():
        return values
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return values.cast(pa.float64())
    if pa.types.is_null(kind) or pa.types.is_large_string(kind):
        return values.cast(pa.string())
    return pa.array([None if value is None else str(value) for value in values.to_pylist()], pa.string())
