"""PostgreSQL as the destination of the prediction log: COPY of a table of Arrow, one transaction for each segment.

The schema `seatrial_log` (or the URL's `?schema=`) has `segments`, with the names of those that are in, a table
`predictions_<release>` for each release name, and `refused` for all of them. A column that a later release adds is
added to the table. Where two versions have a column of different types, the later one's is `<column>_<type>`.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from seatrial.core.errors import SeatrialError
from seatrial.prediction_log.destinations.destination import DeliveryError
from seatrial.prediction_log.tables import LogTable
from seatrial.stores.shown_urls import cleaned, shown_url

SCHEMA = "seatrial_log"
LONGEST_NAME = 63  # bytes of a name in PostgreSQL
REFUSED, LABELS, SEGMENTS = "refused", "labels", "segments"
# A connection that is lost without a word must not hold the shipper for long.
CONNECTION = {"connect_timeout": "10", "keepalives_idle": "30", "tcp_user_timeout": "30000"}
STATEMENT_TIMEOUT, LOCK_TIMEOUT = "10min", "30s"
# By what Arrow calls a type: what PostgreSQL calls it, and what information_schema does.
_TYPES = {
    "timestamp[us, tz=UTC]": ("timestamptz", "timestamp with time zone"),
    "timestamp[us]": ("timestamp", "timestamp without time zone"),
    "time64[us]": ("time", "time without time zone"),
    "date32[day]": ("date", "date"),
    "string": ("text", "text"),
    "int32": ("integer", "integer"),
    "int64": ("bigint", "bigint"),
    "double": ("double precision", "double precision"),
    "bool": ("boolean", "boolean"),
}


def table_name(release: str) -> str:
    """The name of the table with a release's predictions, which SQL takes without quotes where it can be so."""
    return fitted_name(f"predictions_{re.sub('[-.]', '_', release)}")


def fitted_name(name: str) -> str:
    """A name that PostgreSQL keeps as it is: one that is too long is cut, and ends in a hash."""
    raw = name.replace("\0", "\ufffd").encode()
    if len(raw) <= LONGEST_NAME:
        return raw.decode()
    digest = hashlib.sha256(raw).hexdigest()[:8]
    return f"{raw[: LONGEST_NAME - 9].decode(errors='ignore')}_{digest}"


def connection_url(to: str) -> tuple[str, str]:
    """The URL for libpq, and the schema that the log is kept in. Raises SeatrialError where the URL is not valid."""
    try:
        parts = urlsplit(to)
    except ValueError:
        raise SeatrialError(
            "The URL of the prediction log is not valid.", hint="Use postgresql://user@host/database."
        ) from None
    parameters = dict(parse_qsl(parts.query, keep_blank_values=True))
    schema = parameters.pop("schema", "") or SCHEMA
    if fitted_name(schema) != schema:
        raise SeatrialError(f"The schema {schema!r} has too long a name.", hint=f"At most {LONGEST_NAME} bytes.")
    parameters = {"application_name": "seatrial", **CONNECTION, **parameters}
    return parts._replace(query=urlencode(parameters, quote_via=quote)).geturl(), schema


class PostgresDestination:
    """Keeps the log in tables of a PostgreSQL database."""

    def __init__(self, to: str) -> None:
        self._to = to
        self.shown = shown_url(to)
        self._url, self._schema = connection_url(to)
        self._connection: Any = None
        self._columns: dict[str, dict[str, str]] = {}  # of tables that are known, the columns with their types

    def deliver(self, segment: str, tables: Sequence[LogTable]) -> None:
        """Copy the tables in one transaction with the segment's name; see Destination."""
        with self._transaction() as cursor:
            if self._enter(cursor, segment, sum(table.data.num_rows for table in tables)):
                for table in tables:
                    self._copy(cursor, table)

    def expire(self, before: date) -> None:
        """Delete the rows of earlier days; see Destination."""
        with self._transaction() as cursor:
            for table, columns in self._tables(cursor).items():
                column = "day" if "day" in columns else "time" if table == LABELS else ""
                if column:
                    cursor.execute(f"DELETE FROM {self._place(table)} WHERE {column} < '{before}'")  # noqa: S608

    def close(self) -> None:
        """Close the connection; the next delivery opens another one."""
        connection, self._connection, self._columns = self._connection, None, {}
        if connection is not None:
            connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[Any]:
        """A cursor in a transaction, which is committed at the end. Raises DeliveryError, and then nothing has changed.

        Where the connection is lost while it is committed, nobody knows: the segment's name tells at the next attempt.
        """
        import psycopg

        try:
            if self._connection is None:
                self._connection = psycopg.connect(self._url)
                with self._connection.transaction(), self._connection.cursor() as cursor:
                    self._prepare(cursor)
            with self._connection.transaction(), self._connection.cursor() as cursor:
                yield cursor
        except psycopg.Error as error:
            self.close()  # what it knew may have been rolled back
            raise DeliveryError(_described(error, self._to)) from None

    def _prepare(self, cursor: Any) -> None:
        """Make what every log has. Two shippers may do so at the same time, which IF NOT EXISTS does not allow."""
        cursor.execute(f"SET statement_timeout = '{STATEMENT_TIMEOUT}'")
        cursor.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
        self._lock_definitions(cursor)
        if not _rows(cursor, "SELECT 1 FROM information_schema.schemata WHERE schema_name = %s", self._schema):
            cursor.execute(f"CREATE SCHEMA {_quoted(self._schema)}")
        cursor.execute(
            f"CREATE TABLE IF NOT EXISTS {self._place(SEGMENTS)} "
            "(name text PRIMARY KEY, delivered_at timestamptz NOT NULL DEFAULT now(), rows bigint NOT NULL)"
        )

    def _enter(self, cursor: Any, segment: str, rows: int) -> bool:
        """Enter a segment's name; False where it is in already."""
        place = self._place(SEGMENTS).replace("%", "%%")
        statement = f"INSERT INTO {place} (name, rows) VALUES (%s, %s) ON CONFLICT DO NOTHING RETURNING name"  # noqa: S608
        return bool(_rows(cursor, statement, segment, rows))

    def _copy(self, cursor: Any, table: LogTable) -> None:
        name = REFUSED if table.kind == "refused" else table_name(table.release)
        data = _with_origin(table)
        names = ", ".join(map(_quoted, self._fit(cursor, name, data.schema)))
        with cursor.copy(f"COPY {self._place(name)} ({names}) FROM STDIN (FORMAT csv)") as copy:
            copy.write(_csv(data))

    def _fit(self, cursor: Any, table: str, schema: Any) -> list[str]:
        """Make or extend the table so that it takes these columns; returns the names that they have in it."""
        if table not in self._columns:
            self._columns[table] = self._tables(cursor).get(table, {})
        names, missing = _placed(self._columns[table], schema)
        if missing:
            self._lock_definitions(cursor)
            known = self._tables(cursor).get(table, {})  # another shipper may have been faster
            names, missing = _placed(known, schema)
            if not known:
                cursor.execute(f"CREATE TABLE {self._place(table)} ({_definitions(missing)})")
                cursor.execute(f"CREATE INDEX ON {self._place(table)} USING brin (time)")
            elif missing:
                cursor.execute(f"ALTER TABLE {self._place(table)} {_definitions(missing, 'ADD COLUMN ')}")
            self._columns[table] = known | {name: _TYPES[kind][1] for name, kind in missing.items()}
        return names

    def _tables(self, cursor: Any) -> dict[str, dict[str, str]]:
        """The tables of the log in the database, with the types of their columns."""
        found: dict[str, dict[str, str]] = {}
        statement = (
            "SELECT table_name::text, column_name::text, data_type::text FROM information_schema.columns "
            "WHERE table_schema = %s"
        )
        for table, column, kind in _rows(cursor, statement, self._schema):
            found.setdefault(table, {})[column] = kind
        return found

    def _lock_definitions(self, cursor: Any) -> None:
        """Let no other shipper change tables until the transaction ends."""
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('seatrial_log'))")

    def _place(self, table: str) -> str:
        return f"{_quoted(self._schema)}.{_quoted(table)}"


def _csv(data: Any) -> Any:
    """The rows as CSV, in which null is nothing and an empty text is a pair of quotes."""
    import pyarrow as pa
    from pyarrow import csv

    buffer = pa.BufferOutputStream()
    csv.write_csv(data, buffer, csv.WriteOptions(include_header=False, quoting_style="all_valid"))
    return memoryview(buffer.getvalue())


def _placed(known: dict[str, str], schema: Any) -> tuple[list[str], dict[str, str]]:
    """The names of a table's columns in the database, and those that it lacks, with their Arrow types."""
    names, missing = [], {}
    for field in schema:
        kind = str(field.type)
        name = fitted_name(field.name)
        if known.get(name, _TYPES[kind][1]) != _TYPES[kind][1]:
            name = fitted_name(f"{field.name}_{_TYPES[kind][0].split()[0]}")
        if name not in known:
            missing[name] = kind
        names.append(name)
    return names, missing


def _definitions(columns: dict[str, str], verb: str = "") -> str:
    return ", ".join(f"{verb}{_quoted(name)} {_TYPES[kind][0]}" for name, kind in columns.items())


def _with_origin(table: LogTable) -> Any:
    """The rows with their release, version and day, which are the names of folders elsewhere, and without NUL."""
    import pyarrow as pa
    import pyarrow.compute as pc

    data = table.data
    for position, field in enumerate(data.schema):
        if pa.types.is_string(field.type):  # PostgreSQL cannot hold a NUL
            data = data.set_column(position, field, pc.replace_substring(data[field.name], "\0", "\ufffd"))
    rows = data.num_rows
    if table.kind == "refused":
        data = data.append_column("release", pa.repeat(pa.scalar(table.release), rows))
    data = data.append_column("version", pa.repeat(pa.scalar(table.version), rows))
    return data.append_column("day", pa.repeat(pa.scalar(table.day, pa.date32()), rows))


def _rows(cursor: Any, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    cursor.execute(statement, values)
    rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _described(error: Any, to: str) -> str:
    """What a database said. An error about data (classes 22 and 23) may have a value in it, so that its code is all."""
    state = error.sqlstate or ""
    if state[:2] in ("22", "23"):
        return f"PostgreSQL refuses the rows, with the code {state}"
    return cleaned(error, to)
