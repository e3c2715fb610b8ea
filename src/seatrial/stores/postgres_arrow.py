"""Tables of PostgreSQL as Arrow, by the driver of the extra `adbc`: some eight times as fast as by rows."""

import importlib.util
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.stores.databases import BATCH, Database, check_names, select_of

# The types whose values are the same here as through SQLAlchemy; numeric is read as double there too.
PLAIN = {"bool", "int2", "int4", "int8", "float8", "numeric", "text", "varchar", "bpchar", "date", "timestamp"}
PLAIN |= {"timestamptz"}
NUMERIC = "numeric"
DIGITS = 16  # a double has every whole number with fewer


class LongNumberError(Exception):
    """A numeric may be a whole number that no double has."""


def speaks_arrow(database: Database) -> bool:
    """Whether this is PostgreSQL, and its Arrow driver is installed."""
    found = importlib.util.find_spec("adbc_driver_postgresql") is not None
    return found and bool(database.location.get_backend_name() == "postgresql")


@contextmanager
def arrow_batches(database: Database, query: str) -> Iterator[tuple[Any, Iterator[Any]] | None]:
    """Yield the schema of a query's rows and their batches; None where it has other types. Nothing is changed there."""
    import pyarrow as pa

    with _cursor(database) as (_, cursor):
        cursor.execute(select_of(query, _preparer()))
        reader = cursor.fetch_record_batch()
        check_names(database, reader.schema.names)
        kinds = [(field.metadata or {}).get(b"POSTGRESQL:type", b"").decode() for field in reader.schema]
        if not {*kinds} <= PLAIN:
            yield None
            return
        types = [_type(field.type, kind) for field, kind in zip(reader.schema, kinds, strict=True)]
        schema = pa.schema(list(zip(reader.schema.names, types, strict=True)))
        yield schema, (_converted(batch, schema) for batch in reader)


def _type(arrow_type: Any, kind: str) -> Any:
    import pyarrow as pa

    if kind == NUMERIC:
        return pa.float64()
    return pa.int64() if pa.types.is_integer(arrow_type) else arrow_type


def _converted(batch: Any, schema: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    plain = [column.storage if isinstance(column, pa.ExtensionArray) else column for column in batch.columns]
    for values, field in zip(plain, schema, strict=True):
        numeric = pa.types.is_string(values.type) and pa.types.is_floating(field.type)
        if numeric and pc.any(pc.match_substring_regex(values, f"^-?[0-9]{{{DIGITS},}}$")).as_py():
            raise LongNumberError
    return pa.record_batch([c.cast(f.type) for c, f in zip(plain, schema, strict=True)], schema=schema)


def ingest(database: Database, file: Any, table: str, schema: str | None, mode: str) -> None:
    """Write a Parquet file into a table in one transaction; `mode` is create, append or replace."""
    import pyarrow as pa

    preparer = _preparer()
    name = ".".join(preparer.quote(part) for part in (schema, table) if part)
    with _cursor(database) as (connection, cursor):
        if mode == "replace":
            cursor.execute(f"DROP TABLE IF EXISTS {name}")
        rows = pa.RecordBatchReader.from_batches(file.schema_arrow, file.iter_batches(BATCH))
        made = "append" if mode == "append" else "create"
        cursor.adbc_ingest(table, rows, mode=made, db_schema_name=schema)
        connection.commit()


@contextmanager
def _cursor(database: Database) -> Iterator[tuple[Any, Any]]:
    """A connection with a transaction that ends without effect unless it is committed, and its cursor."""
    import adbc_driver_manager
    import adbc_driver_postgresql.dbapi

    url = database.location.set(drivername="postgresql").render_as_string(hide_password=False)
    connected = False
    try:
        with adbc_driver_postgresql.dbapi.connect(url) as connection, connection.cursor() as cursor:
            connected = True
            yield connection, cursor
    except adbc_driver_manager.Error as error:
        hint = "Try it in the database itself." if connected else "Is the database running, and the URL correct?"
        said = re.sub(r"^[A-Z_]+: (\[libpq\] )?", "", database.first_line(error))
        raise SeatrialError(f"{database.shown}: {said}", hint=hint) from None


def _preparer() -> Any:
    from sqlalchemy.dialects import postgresql

    dialect: Any = postgresql.dialect  # which has no annotations
    return dialect().identifier_preparer
