"""Reads any source of a table: a CSV or Parquet file, a query on a database, a data set of scikit-learn or OpenML."""

from pathlib import Path
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.core.files import sha256
from seatrial.template.reading.csv_file import CsvOptions, read_csv, told_apart
from seatrial.template.records import Fact, TableSource

PARQUET = {".parquet", ".pq"}
NOT_TABLES = {
    ".xlsx": "an Excel file",
    ".xls": "an Excel file",
    ".json": "JSON",
    ".jsonl": "JSON lines",
    ".feather": "Feather",
    ".zip": "a zip archive",
    ".pdf": "a PDF",
    ".pkl": "a pickle",
    ".pickle": "a pickle",
}


def read_source(name: str, *, query: str = "", options: CsvOptions = CsvOptions()) -> TableSource:  # noqa: B008 - frozen
    """Read a table from a path, a database URL with a `query`, `sklearn:NAME` or `openml:NAME`.

    Raises SeatrialError, which says what is wrong with it and where.
    """
    scheme, _, rest = name.partition("://")
    if scheme.lower() in ("http", "https", "file"):
        shown = rest.partition("?")[0].rpartition("@")[2]  # no password, no token
        raise SeatrialError(
            f"{scheme}://{shown} is an address, which is not fetched.",
            hint="Download it, and name the file.",
        )
    if "://" in name:
        from seatrial.template.reading.databases import read_query

        return read_query(name, query)
    if query:
        raise SeatrialError(
            f"{name} is no database, and only those answer a query.",
            hint="Leave the query out, or name a database, as sqlite:///file.db.",
        )
    scheme, _, rest = name.partition(":")
    if scheme in ("sklearn", "openml") and rest and not Path(name).exists():
        from seatrial.template.reading import datasets

        return datasets.read_sklearn(rest) if scheme == "sklearn" else datasets.read_openml(rest)
    path = Path(name).expanduser() if name.startswith("~/") else Path(name)
    if path.is_dir():
        files = sorted(p.name for p in path.iterdir() if p.suffix.lower() in {".csv", ".tsv", ".gz", *PARQUET})
        hint = f"It holds {', '.join(files[:5])}." if files else "Name a CSV or Parquet file."
        raise SeatrialError(f"{path} is a folder.", hint=hint)
    if not path.is_file():
        raise SeatrialError(f"{path} does not exist.", hint=_near(path))
    if path.suffix.lower() in NOT_TABLES:
        raise SeatrialError(
            f"{path.name} is {NOT_TABLES[path.suffix.lower()]}, which is not read.", hint="Save it as CSV or Parquet."
        )
    source = _read_parquet(path) if path.suffix.lower() in PARQUET else read_csv(path, options)
    if len(source.columns) < 2:
        raise SeatrialError(
            f"{source.name} has one column only, {source.columns[0][:60]!r}.",
            hint=f"A table has a target and at least one more column. {_other_separator(source.columns[0])}",
        )
    return source


def _other_separator(name: str) -> str:
    if "  " in name:
        return "Are its columns apart by blanks? Save it with commas."
    if " " in name:
        return "Is a blank its separator? Say so: --separator ' '."
    return "Name the separator if it is an unusual one."


def _near(path: Path) -> str:
    import difflib

    there = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
    near = difflib.get_close_matches(path.name, there, 1)
    return f"Did you mean {path.with_name(near[0])}?" if near else "Name a CSV or Parquet file."


def _read_parquet(path: Path) -> TableSource:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.stat().st_size:
        raise SeatrialError(f"{path.name} is empty.", hint="Name a file with rows.")
    digest = sha256(path)
    try:
        table = pq.ParquetFile(path).read()
    except (pa.ArrowException, OSError) as error:
        first = str(error).splitlines()[0]
        raise SeatrialError(f"{path.name} cannot be read as Parquet: {first}", hint="Write it again.") from None
    if sha256(path) != digest:
        raise SeatrialError(f"{path.name} changed while it was read.", hint="Run it again once the file is complete.")
    if not table.num_rows:
        raise SeatrialError(f"{path.name} has no rows.", hint="Name a file with rows.")
    plain = plain_table(table)
    return TableSource(path.name, plain, (Fact("format", "Parquet"),), path, digest, clean=plain.schema == table.schema)


def plain_table(table: Any) -> Any:
    """Bring a table's columns to the types that are examined: integers, doubles, booleans, strings, dates, moments.

    Pandas' own index column is dropped, and what is none of these becomes text.
    """
    import pyarrow as pa

    places = [n for n, name in enumerate(table.column_names) if not name.startswith("__index_level_")]
    names = told_apart([table.column_names[n] for n in places])
    return pa.table([_plain(table.column(n).combine_chunks()) for n in places], names=names)


def _plain(values: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = values.type
    if isinstance(values, pa.ChunkedArray):
        values = pa.concat_arrays(values.chunks) if values.num_chunks else pa.array([], kind)
    if pa.types.is_dictionary(kind):
        return _plain(values.cast(kind.value_type))
    if pa.types.is_timestamp(kind):
        return pc.cast(values, pa.timestamp("us", "UTC" if kind.tz else None), safe=False)
    if pa.types.is_date(kind):
        return values.cast(pa.date32())
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_string(kind) or kind == pa.float64():
        return values
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return values.cast(pa.float64())
    if pa.types.is_null(kind) or pa.types.is_large_string(kind):
        return values.cast(pa.string())
    return pa.array([None if v is None else str(v) for v in values.to_pylist()], pa.string())
