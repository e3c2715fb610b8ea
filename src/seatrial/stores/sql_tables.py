"""Tables of databases as Parquet files of this machine, and back: a query in, a table out, both as streams of rows.

A query's rows come through a cursor of the server into a file; what is written there comes from a file, in one
transaction at the end. So neither has to fit in memory, and an error or a kill leaves the database as it was.
"""

import decimal
import re
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from seatrial.core.errors import SeatrialError
from seatrial.core.progress import Progress, silent
from seatrial.stores.databases import BATCH, Database, parse_database, require_query, run_query, some_of
from seatrial.stores.postgres_arrow import LongNumberError, arrow_batches, ingest, speaks_arrow

Mode = Literal["create", "append", "replace"]
TRANSACTIONAL = ("postgresql", "sqlite", "duckdb")  # where a table is created and filled in one transaction
EXACT = 2**53  # beyond, a double does not have every integer
TARGET = "postgresql://user@host/database?table=scores"


def query_to_file(url: str, query: str, path: Path, progress: Progress = silent) -> int:
    """Write the rows of a query into a Parquet file; returns how many there are.

    A column has the type of its values: integers that meet decimals become decimals, and all else that meets becomes
    text. For that, rows are converted once more where a later batch has other types than the earlier ones.
    """
    database = parse_database(url)
    require_query(database, query)
    count = _arrow_to_file(database, query, path, progress) if speaks_arrow(database) else None
    return _rows_to_file(url, query, path, progress) if count is None else count


def _arrow_to_file(database: Database, query: str, path: Path, progress: Progress) -> int | None:
    """Write rows that come as Arrow; None where they have types that only Python's driver reads as here."""
    import pyarrow.parquet as pq

    count = 0
    with arrow_batches(database, query) as found:
        if found is None:
            return None
        schema, batches = found
        try:
            with pq.ParquetWriter(path, schema) as writer:
                for batch in some_of(batches, database):
                    writer.write_batch(batch)
                    count += batch.num_rows
                    progress(f"read {count:,} rows of {database.shown}")
        except LongNumberError:
            return None
    return count


def _rows_to_file(url: str, query: str, path: Path, progress: Progress) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    count = 0
    parts: list[Path] = []
    writer: Any = None
    try:
        with run_query(url, query) as result:
            for rows in result.batches:
                columns = [_column(values) for values in zip(*rows, strict=True)]
                table = pa.table(columns, names=result.names)
                if writer is None or writer.schema != table.schema:
                    if writer is not None:
                        writer.close()
                    parts.append(path.with_name(f"{len(parts)}.part"))
                    writer = pq.ParquetWriter(parts[-1], table.schema)
                writer.write_table(table)
                count += len(rows)
                progress(f"read {count:,} rows of {result.database.shown}")
    finally:
        if writer is not None:
            writer.close()
    _join(parts, path)
    return count


def _column(values: tuple[Any, ...]) -> Any:
    import pyarrow as pa

    if any(
        isinstance(value, decimal.Decimal) and _is_long(value) for value in values
    ):  # keys, which stay what they are
        return pa.array([None if value is None else str(value) for value in values], pa.string())
    plain = [float(value) if isinstance(value, decimal.Decimal) else value for value in values]
    kinds = {type(value) for value in plain} - {type(None)}
    known = kinds <= {int, float} or (len(kinds) == 1 and kinds <= {bool, str, date, datetime})
    try:
        return pa.array(plain if known else [None if value is None else str(value) for value in plain])
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):  # integers beyond 64 bits
        return pa.array([None if value is None else str(value) for value in plain], pa.string())


def _is_long(value: decimal.Decimal) -> bool:
    """Whether it is a whole number that no double has."""
    return (
        value.is_finite()
        and abs(value) > EXACT
        and value == value.to_integral_value()
        and decimal.Decimal(float(value)) != value
    )


def _join(parts: list[Path], path: Path) -> None:
    """Bring the parts of a table, each with its own types, into one file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    files = [pq.ParquetFile(part) for part in parts]
    fields = [pa.field(name, _common(files, place)) for place, name in enumerate(files[0].schema_arrow.names)]
    with pq.ParquetWriter(path, pa.schema(fields)) as writer:
        for part in parts:
            for batch in pq.ParquetFile(part).iter_batches(BATCH):
                writer.write_table(pa.Table.from_batches([batch]).cast(writer.schema))
            part.unlink()


def _common(files: list[Any], place: int) -> Any:
    """The type of a column of all files: that of one, or double for numbers that are doubles, or text."""
    import pyarrow as pa

    used = {kind for file in files if not pa.types.is_null(kind := file.schema_arrow.types[place])}
    if len(used) == 1:
        return used.pop()
    numbers = all(pa.types.is_integer(kind) or pa.types.is_floating(kind) for kind in used)
    return pa.float64() if used and numbers and not any(_has_long(file, place) for file in files) else pa.string()


def _has_long(file: Any, place: int) -> bool:
    """Whether a column has integers that a double would round."""
    import pyarrow as pa

    if not pa.types.is_integer(file.schema_arrow.types[place]):
        return False
    groups = (file.metadata.row_group(number).column(place).statistics for number in range(file.num_row_groups))
    return any(each.has_min_max and max(abs(each.min), abs(each.max)) > EXACT for each in groups)


@dataclass(frozen=True)
class TableTarget:
    """A table of a database to write to, as a URL names it: ?table=scores, and &mode=append or replace."""

    database: Database
    schema: str | None
    table: str
    mode: Mode

    @property
    def shown(self) -> str:
        """The database and the table, as people may see them."""
        return f"{self.database.shown}?table={f'{self.schema}.' if self.schema else ''}{self.table}"


def parse_target(url: str) -> TableTarget:
    """Read the URL of a table to write. Raises SeatrialError where it names none, or the database cannot do it."""
    database = parse_database(url)
    options = {**database.location.query}
    named, mode = str(options.pop("table", "")), str(options.pop("mode", "create"))
    if not re.fullmatch(r"(\w+\.)?\w+", named):
        raise SeatrialError(f"{database.shown} does not name a table to write to.", hint=f"Example: {TARGET}.")
    if mode not in get_args(Mode):
        raise SeatrialError(
            f"{mode!r} is not a way to write a table.", hint=f"Use &mode={', '.join(get_args(Mode))}; default: create."
        )
    backend = database.location.get_backend_name()
    if backend not in TRANSACTIONAL and mode != "append":
        raise SeatrialError(
            f"{backend} cannot create and fill a table in one transaction.",
            hint="Create the table there first, and add &mode=append.",
        )
    schema, _, table = named.rpartition(".")
    location = database.location.set(query=options)
    target = TableTarget(Database(location, database.shown, database.url), schema or None, table, mode)  # type: ignore[arg-type]
    target_is_writable(target)
    return target


def target_is_writable(target: TableTarget) -> None:
    """Raise SeatrialError where the table is there already or is not there, before anything is predicted."""
    import sqlalchemy as sql

    with target.database.connect("table") as connection:
        found = sql.inspect(connection).has_table(target.table, schema=target.schema)
    if found and target.mode == "create":
        raise SeatrialError(f"{target.shown} exists already.", hint="Add &mode=append or &mode=replace to its URL.")
    if not found and target.mode == "append":
        raise SeatrialError(f"{target.shown} does not exist.", hint="Without &mode=append, it is created.")


def file_to_table(path: Path, target: TableTarget, progress: Progress = silent) -> int:
    """Write the rows of a Parquet file to a table in one transaction; returns how many there are."""
    import pyarrow.parquet as pq
    import sqlalchemy as sql

    file, count = pq.ParquetFile(path), 0
    if speaks_arrow(target.database):
        progress(f"writing {file.metadata.num_rows:,} rows to {target.shown}")
        ingest(target.database, file, target.table, target.schema, target.mode)
        return int(file.metadata.num_rows)
    columns = [sql.Column(field.name, _sql_type(field.type)) for field in file.schema_arrow]
    table = sql.Table(target.table, sql.MetaData(), *columns, schema=target.schema)
    with target.database.connect("table") as connection, connection.begin():
        if connection.dialect.name == "sqlite":  # Python's driver begins a transaction at the first INSERT otherwise
            connection.connection.dbapi_connection.isolation_level = None
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        if target.mode == "replace":
            table.drop(connection, checkfirst=True)
        if target.mode != "append":
            table.create(connection)
        for batch in file.iter_batches(BATCH):
            connection.execute(table.insert(), batch.to_pylist())
            count += batch.num_rows
            progress(f"wrote {count:,} rows to {target.shown}")
    return count


def _sql_type(kind: Any) -> Any:
    import pyarrow as pa
    import sqlalchemy as sql

    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    known = [
        (pa.types.is_boolean, sql.Boolean()),
        (pa.types.is_integer, sql.BigInteger()),
        (pa.types.is_floating, sql.Double()),
        (pa.types.is_date, sql.Date()),
        (pa.types.is_timestamp, sql.DateTime(timezone=bool(getattr(kind, "tz", None)))),
    ]
    return next((made for fits, made in known if fits(kind)), sql.Text())
