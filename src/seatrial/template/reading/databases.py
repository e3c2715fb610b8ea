"""Reads the result of a SQL query as a table, from any database that SQLAlchemy supports. Nothing is changed there."""

from typing import Any

import pyarrow as pa

from seatrial.core.errors import SeatrialError
from seatrial.stores.databases import QueryRows, run_query
from seatrial.template.reading.arrow_types import mixed_column, plain_table
from seatrial.template.records import TableSource

MOST_ROWS = 5_000_000


def read_query(url: str, query: str) -> TableSource:
    """Run a query, or read a whole table by its name. Passwords never appear in a message."""
    with run_query(url, query) as result:
        batches = _batches(result)
    columns = [_column([value for batch in batches for value in batch[n]]) for n in range(len(result.names))]
    table = plain_table(pa.table(dict(zip(result.names, columns, strict=True))))
    name = result.database.location.database or "database"
    return TableSource(name, table, {"database": result.database.shown, "query": result.statement})


def _batches(result: QueryRows) -> list[list[tuple[Any, ...]]]:
    """The rows in batches, each as columns. There is a limit, so that an endless result cannot fill memory."""
    batches, count = [], 0
    for rows in result.batches:
        count += len(rows)
        if count > MOST_ROWS:
            raise SeatrialError(
                f"{result.database.shown}: the query returns more than {MOST_ROWS:,} rows.",
                hint="Take a sample, such as with LIMIT.",
            )
        batches.append(list(zip(*rows, strict=True)))
    return batches


def _column(values: list[Any]) -> Any:
    import decimal

    return mixed_column([float(value) if isinstance(value, decimal.Decimal) else value for value in values])
