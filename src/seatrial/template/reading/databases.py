"""Reads the result of a SQL query as a table, from any database that SQLAlchemy supports. Nothing is changed there."""

import re
from pathlib import Path
from typing import Any

import pyarrow as pa

from seatrial.core.errors import SeatrialError
from seatrial.template.reading.arrow_types import mixed_column, plain_table
from seatrial.template.records import TableSource

BATCH = 20_000
MOST_ROWS = 5_000_000


def read_query(url: str, query: str) -> TableSource:
    """Run a query, or read a whole table by its name. Passwords never appear in a message."""
    try:
        import sqlalchemy as sql
    except ImportError:
        raise SeatrialError("Databases need SQLAlchemy.", hint="pip install 'seatrial[sql]'") from None
    try:
        location = sql.make_url(url)
    except (sql.exc.ArgumentError, ValueError):
        raise SeatrialError(
            "This is not a valid database URL.", hint="Examples: postgresql://user@host/database, sqlite:///file.db."
        ) from None
    shown = location.set(query={}).render_as_string(hide_password=True)
    if not query.strip():
        raise SeatrialError(f"{shown} needs a query.", hint='Add --query "SELECT ..." or the name of a table.')
    if location.drivername in ("postgresql", "postgres"):
        location = location.set(drivername="postgresql+psycopg")
    if location.get_backend_name() == "sqlite" and location.database and not Path(location.database).is_file():
        raise SeatrialError(
            f"{location.database} does not exist.", hint="The path in sqlite:///file.db is relative to this folder."
        )
    statement = query.strip().rstrip(";")
    try:
        engine = sql.create_engine(location)
        try:
            with engine.connect() as connection:
                if re.fullmatch(r"[\w.]+", statement):
                    quoted = map(connection.dialect.identifier_preparer.quote, statement.split("."))
                    statement = f"SELECT * FROM {'.'.join(quoted)}"  # noqa: S608 - only a name, and quoted
                result = connection.execution_options(stream_results=True).execute(sql.text(_escaped(statement)))
                names = list(result.keys()) if result.returns_rows else []
                batches = _batches(result, shown) if names else []
                connection.rollback()
        finally:
            engine.dispose()
    except (sql.exc.NoSuchModuleError, ImportError) as error:
        message = f"{shown}: its driver is not installed: {_first_line(error, location)}"
        raise SeatrialError(message, hint="Install the database's driver.") from None
    except sql.exc.SQLAlchemyError as error:
        connected = getattr(error, "statement", None) is not None
        hint = "Try the query in the database itself." if connected else "Is the database running, and the URL correct?"
        raise SeatrialError(f"{shown}: {_first_line(error, location)}", hint=hint) from None
    duplicates = sorted({name for name in names if names.count(name) > 1})
    if not names:
        raise SeatrialError(f"{shown}: the statement returns no rows.", hint="Use SELECT. Nothing was changed.")
    if duplicates:
        raise SeatrialError(f"{shown}: the query returns two columns `{duplicates[0]}`.", hint="Rename one with AS.")
    if not batches:
        raise SeatrialError(f"{shown}: the query returned no rows.", hint="Is it the right database?")
    columns = [_column([value for batch in batches for value in batch[n]]) for n in range(len(names))]
    table = plain_table(pa.table(dict(zip(names, columns, strict=True))))
    return TableSource(location.database or "database", table, {"database": shown, "query": statement})


def _batches(result: Any, shown: str) -> list[list[tuple[Any, ...]]]:
    """The rows in batches, each as columns. There is a limit, so that an endless result cannot fill memory."""
    batches, count = [], 0
    for rows in result.partitions(BATCH):
        count += len(rows)
        if count > MOST_ROWS:
            raise SeatrialError(
                f"{shown}: the query returns more than {MOST_ROWS:,} rows.", hint="Take a sample, such as with LIMIT."
            )
        batches.append(list(zip(*rows, strict=True)))
    return batches


def _escaped(statement: str) -> str:
    """Keep SQLAlchemy from reading `:name` as a parameter."""
    return re.sub(r"(?<![:\\]):(?=\w)", r"\\:", statement)


def _column(values: list[Any]) -> Any:
    import decimal

    return mixed_column([float(value) if isinstance(value, decimal.Decimal) else value for value in values])


def _first_line(error: Exception, location: Any) -> str:
    """The first line of a driver's message, without the password."""
    text = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
    return text.replace(str(location.password), "***") if location.password else text
