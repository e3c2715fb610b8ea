"""Reads the answer of a SQL query as a table, from any database that SQLAlchemy knows. Changes nothing there."""

import re
from pathlib import Path
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.template.reading.source import plain_table
from seatrial.template.records import Fact, TableSource

BATCH = 20_000
MOST_ROWS = 5_000_000


def read_query(url: str, query: str) -> TableSource:
    """Run a query, or read a whole table by its name, and give the answer. Passwords never get into a message."""
    try:
        import sqlalchemy as sql
    except ImportError:
        raise SeatrialError("Databases need SQLAlchemy.", hint="pip install 'seatrial[sql]'") from None
    try:
        place = sql.make_url(url)
    except (sql.exc.ArgumentError, ValueError):
        raise SeatrialError(
            "That is no database URL.", hint="It looks like postgresql://user@host/database or sqlite:///file.db."
        ) from None
    shown = place.set(query={}).render_as_string(hide_password=True)
    if not query.strip():
        raise SeatrialError(f"{shown} needs a query.", hint='Add --query "SELECT ..." or the name of a table.')
    if place.drivername in ("postgresql", "postgres"):
        place = place.set(drivername="postgresql+psycopg")
    if place.get_backend_name() == "sqlite" and place.database and not Path(place.database).is_file():
        raise SeatrialError(f"{place.database} does not exist.", hint="sqlite:///file.db names a file from here.")
    statement = query.strip().rstrip(";")
    try:
        engine = sql.create_engine(place)
        try:
            with engine.connect() as connection:
                if re.fullmatch(r"[\w.]+", statement):
                    quoted = map(connection.dialect.identifier_preparer.quote, statement.split("."))
                    statement = f"SELECT * FROM {'.'.join(quoted)}"  # noqa: S608 - a name alone, and quoted
                answer = connection.execution_options(stream_results=True).execute(sql.text(_escaped(statement)))
                names = list(answer.keys()) if answer.returns_rows else []
                parts = _parts(answer, shown) if names else []
                connection.rollback()
        finally:
            engine.dispose()
    except (sql.exc.NoSuchModuleError, ImportError) as error:
        raise SeatrialError(f"{shown}: no driver for it: {_plain(error, place)}", hint="Install its driver.") from None
    except sql.exc.SQLAlchemyError as error:
        connected = getattr(error, "statement", None) is not None
        hint = "Try the query in the database itself." if connected else "Is it running, and is the address right?"
        raise SeatrialError(f"{shown}: {_plain(error, place)}", hint=hint) from None
    if not names:
        raise SeatrialError(f"{shown}: the query gives no rows, as SELECT does.", hint="Nothing was changed.")
    double = sorted({name for name in names if names.count(name) > 1})
    if double:
        raise SeatrialError(f"{shown}: the query gives two columns `{double[0]}`.", hint="Rename one by AS.")
    if not parts:
        raise SeatrialError(f"{shown}: the query gives no row.", hint="Is it the right database?")
    import pyarrow as pa

    columns = [_column([value for part in parts for value in part[i]]) for i in range(len(names))]
    facts = (Fact("database", shown), Fact("query", statement))
    return TableSource(
        place.database or "database", plain_table(pa.table(dict(zip(names, columns, strict=True)))), facts
    )


def _parts(answer: Any, shown: str) -> list[list[tuple[Any, ...]]]:
    """The rows of an answer in batches, each by column. An answer without an end is given up, not held in memory."""
    parts, count = [], 0
    for rows in answer.partitions(BATCH):
        count += len(rows)
        if count > MOST_ROWS:
            raise SeatrialError(
                f"{shown}: the query gives more than {MOST_ROWS:,} rows.", hint="Take a sample of them, as by LIMIT."
            )
        parts.append(list(zip(*rows, strict=True)))
    return parts


def _escaped(statement: str) -> str:
    """Keep SQLAlchemy from reading `:name` as a parameter."""
    return re.sub(r"(?<![:\\]):(?=\w)", r"\\:", statement)


def _column(values: list[Any]) -> Any:
    """The values of one column as an arrow array; what the database mixes becomes text."""
    import decimal

    import pyarrow as pa

    if any(isinstance(value, decimal.Decimal) for value in values):
        values = [float(value) if isinstance(value, decimal.Decimal) else value for value in values]
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return pa.array([None if value is None else str(value) for value in values], pa.string())


def _plain(error: Exception, place: Any) -> str:
    """The first line of a driver's message, without the password."""
    text = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
    return text.replace(str(place.password), "***") if place.password else text
