"""Reads and changes the log in a PostgreSQL database."""

# Names come from the database's own catalogue, and are quoted; values are never part of a statement.
# ruff: noqa: S608

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from seatrial.core.errors import SeatrialError
from seatrial.prediction_log.conditions import INPUT, Condition, column_of, literal
from seatrial.prediction_log.destinations.postgresql import connection_url, table_name
from seatrial.prediction_log.log_query import (
    BATCH,
    LABELS,
    PREDICTIONS,
    REFUSED,
    SPOOLED,
    Delivered,
    LogPart,
    LogQuery,
    SeenNames,
)
from seatrial.stores.shown_urls import cleaned, shown_url

TYPES = {
    "timestamp with time zone": pa.timestamp("us", "UTC"),
    "timestamp without time zone": pa.timestamp("us"),
    "time without time zone": pa.time64("us"),
    "date": pa.date32(),
    "text": pa.string(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "double precision": pa.float64(),
    "boolean": pa.bool_(),
}
LABEL_COLUMNS = {
    "time": "timestamptz NOT NULL",
    "request_id": "text NOT NULL",
    "row": "integer NOT NULL",
    "label": "text NOT NULL",
    "source": "text",
}


class PostgresLog:
    """The log in one schema of a database."""

    def __init__(self, to: str) -> None:
        self._to = to
        self.shown = shown_url(to)
        self._url, self.schema = connection_url(to)

    def parts(self, query: LogQuery, delivered: Delivered) -> list[LogPart]:
        """The tables that may have wanted rows; `delivered` gets the names of the segments that are in."""
        with self.connected() as connection:
            tables = self._tables(connection)
            named = self._segments(connection) if "segments" in tables else ()
        delivered(named)
        names = [REFUSED] if query.refused else self._predictions(tables, query)
        return [PostgresTable(self, name, tables[name]) for name in names if name in tables]

    def waves(self, query: LogQuery, delivered: Delivered) -> Iterator[tuple[list[LogPart], int | None]]:
        """The same at once: the database itself looks for the newest rows."""
        yield self.parts(query, delivered), None

    def read_labels(self) -> pa.Table:
        """All labels, the oldest first."""
        with self.connected() as connection, connection.cursor() as cursor:
            if LABELS not in self._tables(connection):
                return pa.table({})
            cursor.execute(f"SELECT {', '.join(map(quoted, LABEL_COLUMNS))} FROM {self.place(LABELS)} ORDER BY time")
            return arrow_of(cursor.fetchall(), _label_schema())

    def add_labels(self, labels: pa.Table) -> None:
        """Add labels, all or none."""
        with self.connected() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('seatrial_log'))")
            cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(self.schema)}")
            columns = ", ".join(f"{quoted(name)} {kind}" for name, kind in LABEL_COLUMNS.items())
            cursor.execute(f"CREATE TABLE IF NOT EXISTS {self.place(LABELS)} ({columns})")
            with cursor.copy(f"COPY {self.place(LABELS)} ({', '.join(map(quoted, LABEL_COLUMNS))}) FROM STDIN") as copy:
                for batch in labels.select([*LABEL_COLUMNS]).to_batches(BATCH):
                    for row in batch.to_pylist():
                        copy.write_row(tuple(row.values()))

    def remove(self, query: LogQuery) -> set[tuple[str, int]]:
        """Delete the wanted rows in one transaction; returns the requests and their rows."""
        found: set[tuple[str, int]] = set()
        tables = self.parts(query, lambda _: None)
        with self.connected() as connection:
            for table in tables:
                assert isinstance(table, PostgresTable)
                if where := table.where(query, SeenNames()):
                    statement = f"DELETE FROM {table.place} WHERE {where[0]} RETURNING request_id, row"
                    found |= set(connection.execute(statement, where[1]).fetchall())
        return found

    def remove_labels(self, predictions: Collection[tuple[str, int]]) -> int:
        """Delete the labels of these requests' rows; returns their number."""
        with self.connected() as connection:
            if LABELS not in self._tables(connection) or not predictions:
                return 0
            place = self.place(LABELS).replace("%", "%%")
            statement = f"DELETE FROM {place} WHERE request_id = %s AND row = %s"
            with connection.cursor() as cursor:
                cursor.executemany(statement, list(predictions))
                return int(cursor.rowcount)

    def place(self, table: str) -> str:
        """A table's name in statements."""
        return f"{quoted(self.schema)}.{quoted(table)}"

    @contextmanager
    def connected(self) -> Iterator[Any]:
        """Connect, and commit what the block did unless it raises. Raises SeatrialError without the password."""
        try:
            import psycopg
        except ImportError:
            raise SeatrialError(
                "Reading a log in PostgreSQL needs psycopg.", hint="pip install 'seatrial[sql]'"
            ) from None
        try:
            with psycopg.connect(self._url) as connection:
                connection.execute("SET TIME ZONE 'UTC'")
                yield connection
        except psycopg.Error as error:
            hint = "Is the database running, is the URL correct, and may its user read the tables?"
            raise SeatrialError(f"{self.shown}: {cleaned(error, self._to)}", hint=hint) from None

    def _tables(self, connection: Any) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        rows = connection.execute(
            "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = %s "
            "ORDER BY table_name, ordinal_position",
            (self.schema,),
        )
        for table, column, kind in rows:
            found.setdefault(table, {})[column] = kind
        return found

    def _segments(self, connection: Any) -> set[str]:
        return {name for (name,) in connection.execute(f"SELECT name FROM {self.place('segments')}")}

    def _predictions(self, tables: Mapping[str, Any], query: LogQuery) -> list[str]:
        if query.release:
            return [table_name(query.release)]
        return [name for name in tables if name.startswith(f"{PREDICTIONS}_")]


class PostgresTable:
    """One table of the log."""

    def __init__(self, log: PostgresLog, table: str, columns: Mapping[str, str]) -> None:
        self.log = log
        self.place = log.place(table).replace("%", "%%")
        kept = {name: kind for name, kind in columns.items() if name != "day"}
        self.release = "" if "release" in columns else table.removeprefix(f"{PREDICTIONS}_")
        fields = [(name, TYPES.get(kind, pa.string())) for name, kind in kept.items()]
        fields += [("release", pa.string())] if self.release else []
        self.schema = pa.schema([*fields, (SPOOLED, pa.bool_())])

    def batches(
        self, columns: Collection[str], query: LogQuery, seen: SeenNames, newest: int | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Yield wanted rows in the order of time; with `newest`, the newest so many."""
        where = self.where(query, seen)
        if where is None:
            return
        names = [name for name in columns if name in self.schema.names]
        schema = pa.schema([self.schema.field(name) for name in names])
        order = f"ORDER BY time DESC LIMIT {int(newest)}" if newest is not None else "ORDER BY time"
        chosen = ", ".join(self._selected(name) for name in names)
        statement = f"SELECT {chosen} FROM {self.place} WHERE {where[0]} {order}"
        with self.log.connected() as connection, connection.cursor("seatrial_log") as cursor:
            cursor.itersize = BATCH
            cursor.execute(statement, where[1])
            while rows := cursor.fetchmany(BATCH):
                yield from arrow_of(rows, schema).to_batches()

    def where(self, query: LogQuery, seen: SeenNames) -> tuple[str, list[Any]] | None:
        """The WHERE clause and its values; None if no row can be wanted."""
        seen.add(self.schema)
        texts, values = ["true"], []
        for condition in query.conditions:
            try:
                one = self._condition(condition, query)
                seen.note(condition, self.schema)
            except ValueError:
                seen.note(condition, self.schema, comparable=False)
                one = None
            if one is None:
                return None
            texts.append(one[0])
            values += one[1]
        if query.among:
            texts.append(f"{self._selected(query.among[0])} = ANY(%s)")
            values.append([*query.among[1]])
        for operator, moment in ((">=", query.since), ("<", query.until)):
            if moment:
                texts.append(f"time {operator} %s")
                values.append(moment)
        if query.version:
            texts.append("version = %s")
            values.append(query.version)
        if query.release and not self.release:
            texts.append("release = %s")
            values.append(query.release)
        return " AND ".join(texts), values

    def _condition(self, condition: Condition, query: LogQuery) -> tuple[str, list[Any]] | None:
        column = column_of(condition.column, self.schema.names)
        if column is None:
            return ("true", []) if (condition.operator, condition.value) == ("=", None) else None
        name, values = self._selected(column), list[Any]()
        if self.release and column == "release":
            name, values = "%s::text", [self.release]
        elif column == SPOOLED:
            name = "false"
        if condition.value is None:
            return f"{name} IS {'NOT ' * (condition.operator == '!=')}NULL", values
        value = literal(condition, self.schema.field(column).type)
        is_text = isinstance(value, str)
        hashed = sorted(query.hashes(condition.value)) if is_text and column.startswith(INPUT) else []
        if hashed and condition.operator in ("=", "!="):
            return f"{'NOT ' * (condition.operator == '!=')}{name} = ANY(%s)", [*values, [value, *hashed]]
        operator = {"!=": "<>"}.get(condition.operator, condition.operator)
        return f"{name} {operator} %s{' COLLATE ' + quoted('C') if is_text else ''}", [*values, value]

    def _selected(self, name: str) -> str:
        if self.release and name == "release":
            return "'{}'::text".format(self.release.replace("'", "''").replace("%", "%%"))
        return "false" if name == SPOOLED else named(name)


def quoted(name: str) -> str:
    """A name in a statement without values."""
    return '"' + name.replace('"', '""') + '"'


def named(name: str) -> str:
    """A name in a statement with values, where a percent sign is doubled."""
    return quoted(name).replace("%", "%%")


def arrow_of(rows: Sequence[tuple[Any, ...]], schema: pa.Schema) -> pa.Table:
    """Rows of a result as a table."""
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    arrays = [pa.array(_texts(values) if pa.types.is_string(kind) else values, kind)
              for values, kind in zip(columns, schema.types, strict=True)]  # fmt: skip
    return pa.Table.from_arrays(arrays, schema=schema)


def _texts(values: Sequence[Any]) -> Sequence[Any]:
    return [value if value is None or isinstance(value, str) else str(value) for value in values]


def _label_schema() -> pa.Schema:
    return pa.schema(
        [("time", pa.timestamp("us", "UTC")), ("request_id", pa.string()), ("row", pa.int32()),
         ("label", pa.string()), ("source", pa.string())]
    )  # fmt: skip
