"""Connections to databases that SQLAlchemy supports; every error says what is wrong, without a password."""

import re
from collections.abc import Iterator
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
            message = f"{self.shown}: its driver is not installed: {self._first_line(error)}"
            raise SeatrialError(message, hint="Install the database's driver.") from None
        except sql.exc.SQLAlchemyError as error:
            connected = getattr(error, "statement", None) is not None
            hint = f"Try the {what} in the database itself."
            hint = hint if connected else "Is the database running, and the URL correct?"
            raise SeatrialError(f"{self.shown}: {self._first_line(error)}", hint=hint) from None

    def _first_line(self, error: Exception) -> str:
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
    if not query.strip():
        raise SeatrialError(f"{database.shown} needs a query.", hint='Add --query "SELECT ..." or the name of a table.')
    import sqlalchemy as sql

    statement = query.strip().rstrip(";")
    with database.connect() as connection:
        if re.fullmatch(r"[\w.]+", statement):
            quoted = map(connection.dialect.identifier_preparer.quote, statement.split("."))
            statement = f"SELECT * FROM {'.'.join(quoted)}"  # noqa: S608 - only a name, and quoted
        streamed = connection.execution_options(stream_results=True, max_row_buffer=BATCH)
        result = streamed.execute(sql.text(_escaped(statement)))
        names = list(result.keys()) if result.returns_rows else []
        duplicates = sorted({name for name in names if names.count(name) > 1})
        if not names:
            connection.rollback()
            raise SeatrialError(
                f"{database.shown}: the statement returns no rows.", hint="Use SELECT. Nothing was changed."
            )
        if duplicates:
            raise SeatrialError(
                f"{database.shown}: the query returns two columns `{duplicates[0]}`.", hint="Rename one with AS."
            )
        yield QueryRows(database, statement, names, _some(result, database))
        connection.rollback()


def _some(result: Any, database: Database) -> Iterator[Any]:
    empty = True
    for rows in result.partitions(BATCH):
        empty = False
        yield rows
    if empty:
        raise SeatrialError(f"{database.shown}: the query returned no rows.", hint="Is it the right database?")


def _escaped(statement: str) -> str:
    """Keep SQLAlchemy from reading `:name` as a parameter."""
    return re.sub(r"(?<![:\\]):(?=\w)", r"\\:", statement)
