"""Connections to databases that SQLAlchemy supports; every error says what is wrong, without a password."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.stores.shown_urls import cleaned

BATCH = 20_000


@dataclass(frozen=True)
class Database:
    """A database: SQLAlchemy's URL of it, the URL as people may see it, and the one that was given."""

    location: Any
    shown: str
    url: str

    @contextmanager
    def connect(self, what: str = "query") -> Iterator[Any]:
        """Connect, for one transaction that the caller ends; `what` is what the hint says to try by hand."""
        import sqlalchemy as sql

        try:
            engine = sql.create_engine(self.location)
            try:
                with engine.connect() as connection:
                    yield connection
            finally:
                engine.dispose()
        except (sql.exc.NoSuchModuleError, ImportError) as error:
            message = f"{self.shown}: its driver is not installed: {self.first_line(error)}"
            raise SeatrialError(message, hint="Install the database's driver.") from None
        except sql.exc.SQLAlchemyError as error:
            connected = getattr(error, "statement", None) is not None
            hint = f"Try the {what} in the database itself."
            hint = hint if connected else "Is the database running, and the URL correct?"
            raise SeatrialError(f"{self.shown}: {self.first_line(error)}", hint=hint) from None

    def first_line(self, error: Exception) -> str:
        """What a driver says, in a line without a password."""
        text = cleaned(getattr(error, "orig", None) or error, self.url)
        return text.replace(str(self.location.password), "***") if self.location.password else text


def parse_database(url: str) -> Database:
    """Read the URL of a database. Raises SeatrialError where it is none, or its file does not exist."""
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
    try:
        location.get_dialect()
    except (sql.exc.NoSuchModuleError, ImportError):
        raise SeatrialError(
            f"{shown}: its driver is not installed, if it is a database.",
            hint="Install SQLAlchemy's driver for it. Files are read from s3://, gs://, az://, hdfs:// and https://.",
        ) from None
    if location.drivername in ("postgresql", "postgres"):
        location = location.set(drivername="postgresql+psycopg")
    if location.get_backend_name() == "sqlite" and location.database and not Path(location.database).is_file():
        raise SeatrialError(
            f"{location.database} does not exist.", hint="The path in sqlite:///file.db is relative to this folder."
        )
    return Database(location, shown, url)


@dataclass(frozen=True)
class QueryRows:
    """What a query returns: the names of its columns, and its rows in batches of at most BATCH, each once."""

    database: Database
    statement: str
    names: list[str]
    batches: Iterator[Any]


@contextmanager
def run_query(url: str, query: str) -> Iterator[QueryRows]:
    """Run a query, or read a whole table by its name, row by row from the server; nothing is changed there."""
    database = parse_database(url)
    require_query(database, query)
    with database.connect() as connection:
        statement = select_of(query, connection.dialect.identifier_preparer)
        # without parameters, no driver looks for any: a `%`, a `:name` or a backslash stays what it is
        streamed = connection.execution_options(stream_results=True, max_row_buffer=BATCH, no_parameters=True)
        result = streamed.exec_driver_sql(statement)
        names = list(result.keys()) if result.returns_rows else []
        check_names(database, names)  # an error ends the transaction without effect, too
        yield QueryRows(database, statement, names, some_of(result.partitions(BATCH), database))
        connection.rollback()


def require_query(database: Database, query: str) -> None:
    """Raise SeatrialError where there is no query."""
    if not query.strip():
        raise SeatrialError(f"{database.shown} needs a query.", hint='Add --query "SELECT ..." or the name of a table.')


def select_of(query: str, preparer: Any) -> str:
    """The statement of a query, which may be the name of a table; `preparer` is SQLAlchemy's, which quotes it."""
    statement = query.strip().rstrip(";")
    if not re.fullmatch(r"[\w.]+", statement):
        return statement
    quoted = map(preparer.quote, statement.split("."))
    return f"SELECT * FROM {'.'.join(quoted)}"  # noqa: S608 - only a name, and quoted


def check_names(database: Database, names: list[str]) -> None:
    """Raise SeatrialError where a statement returns no columns, or two of one name."""
    duplicates = sorted({name for name in names if names.count(name) > 1})
    if not names:
        raise SeatrialError(
            f"{database.shown}: the statement returns no rows.", hint="Use SELECT. Nothing was changed."
        )
    if duplicates:
        raise SeatrialError(
            f"{database.shown}: the query returns two columns `{duplicates[0]}`.", hint="Rename one with AS."
        )


def some_of(batches: Iterable[Any], database: Database) -> Iterator[Any]:
    """Yield batches of rows; raises SeatrialError where there is not a single row."""
    empty = True
    for batch in batches:
        empty = empty and not len(batch)
        yield batch
    if empty:
        raise SeatrialError(f"{database.shown}: the query returned no rows.", hint="Is it the right database?")
