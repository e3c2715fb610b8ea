"""Golden rows: real rows, edges, and turning points."""

import numpy as np
from pydantic import create_model
from tests.train.test_reference_rows import COLUMNS, TABLE, Thing

from seatrial import Schema
from seatrial.model.features import Array, Columns
from seatrial.model.schema import columns_of
from seatrial.train.golden_rows import GOLDEN_ROWS, MOST_EDGES, golden_rows
from seatrial.train.reference_rows import row_at


def level(table: Columns) -> Array:
    """A model without turning points."""
    return np.zeros(len(next(iter(table.values()))))


def test_golden_rows_are_valid_and_cover_the_edges_of_each_column() -> None:
    base = row_at(COLUMNS, TABLE, 2)
    golden = golden_rows(COLUMNS, Thing, TABLE, base, level, 1)
    for row in golden:
        Thing.model_validate(row)
    assert {row["note"] for row in golden} >= {None, "unseen", " padded ", "x", " x ", "X"}
    assert {row["colour"] for row in golden} == {"red", "blue"}
    sizes = {row["size"] for row in golden}
    assert {None, 10.0} <= sizes


def test_golden_rows_include_at_least_32_real_rows_and_are_reproducible() -> None:
    table = {name: np.resize(values, 500) for name, values in TABLE.items()}
    golden = golden_rows(COLUMNS, Thing, table, row_at(COLUMNS, table, 2), level, 1)
    known = [row_at(COLUMNS, table, i) for i in range(4)]
    assert sum(row in known for row in golden) >= GOLDEN_ROWS // 2
    assert golden == golden_rows(COLUMNS, Thing, table, row_at(COLUMNS, table, 2), level, 1)


def test_a_wide_table_has_limited_golden_rows_that_cover_every_column() -> None:
    Wide = create_model("Wide", __base__=Schema, **{f"n{k}": (float | None, None) for k in range(200)})  # type: ignore[call-overload]
    columns = columns_of(Wide)
    table = {column.name: np.linspace(k, k + 9, 40) for k, column in enumerate(columns)}
    base = row_at(columns, table, 3)
    golden = golden_rows(columns, Wide, table, base, level, 1)
    assert len(golden) == MOST_EDGES + GOLDEN_ROWS // 2
    changed = {
        name for row in golden for name in row if sum(row[n] != base[n] for n in row) == 1 and row[name] != base[name]
    }
    assert changed == {column.name for column in columns}


def test_golden_rows_are_on_both_sides_of_turning_points() -> None:
    table = {**TABLE, "size": np.array([1.0, 3.0, 5.0, 9.0])}
    base = row_at(COLUMNS, table, 0)
    plain = golden_rows(COLUMNS, Thing, table, base, level, 1)
    turning = golden_rows(COLUMNS, Thing, table, base, lambda part: part["size"] > 4.3, 1)
    assert turning[: len(plain)] == plain
    more = [row["size"] for row in turning[len(plain) :]]
    assert len(more) >= 2
    assert {size > 4.3 for size in more} == {True, False}
    assert max(abs(size - 4.3) for size in more) < 1e-7
