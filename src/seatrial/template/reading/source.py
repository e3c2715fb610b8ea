"""Reads a table from any source: CSV, Parquet and Excel files, here or by URL, database queries, data sets by name."""

import difflib
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from seatrial.core.errors import SeatrialError
from seatrial.core.files import sha256
from seatrial.core.progress import Progress, silent
from seatrial.model.file_formats import refuse_pointers
from seatrial.stores.remote_tables import fetch, is_url
from seatrial.stores.shown_urls import shown_url
from seatrial.template.reading.arrow_types import plain_table
from seatrial.template.reading.csv_file import CsvOptions, read_csv
from seatrial.template.reading.workbook import SUFFIXES as WORKBOOKS
from seatrial.template.reading.workbook import read_workbook
from seatrial.template.records import TableSource

PARQUET = {".parquet", ".pq"}
READABLE = {".csv", ".tsv", ".gz", ".zip", *PARQUET, *WORKBOOKS}


def read_source(
    name: str,
    *,
    query: str = "",
    sheet: str = "",
    options: CsvOptions = CsvOptions(),  # noqa: B008 - frozen
    progress: Progress = silent,
) -> TableSource:
    """Read a table from a path (and a `sheet`), a URL, a database's with a `query`, `sklearn:NAME` or `openml:NAME`.

    Raises SeatrialError, which says what is wrong and where.
    """
    if is_url(name):
        return _read_url(name, query, sheet, options, progress)
    scheme, separator, _ = name.partition("://")
    if scheme.lower() == "file":
        raise SeatrialError(f"{shown_url(name)} is a URL of this machine.", hint="Name the path of the file.")
    if sheet and (separator or Path(name).suffix.lower() not in WORKBOOKS):
        raise SeatrialError(
            f"{name.partition('?')[0].rpartition('@')[2]} has no sheets.", hint="--sheet is for Excel and OpenDocument."
        )
    if separator:
        from seatrial.template.reading.databases import read_query

        return read_query(name, query)
    if query:
        raise SeatrialError(
            f"{name} is not a database, so it cannot be queried.",
            hint="Remove the query, or name a database, such as sqlite:///file.db.",
        )
    scheme, _, rest = name.partition(":")
    if scheme in ("sklearn", "openml") and rest and not Path(name).exists():
        from seatrial.template.reading import datasets

        return datasets.read_sklearn(rest) if scheme == "sklearn" else datasets.read_openml(rest)
    return _read_file(Path(name).expanduser() if name.startswith("~/") else Path(name), sheet, options)


def _read_url(name: str, query: str, sheet: str, options: CsvOptions, progress: Progress) -> TableSource:
    """Download a file, and read it; the download stays as long as the source, whose bytes may be copied later."""
    if query:
        raise SeatrialError(f"{shown_url(name)} is a file, so it cannot be queried.", hint="Remove the query.")
    copy = fetch(name, progress)
    source = read_source(str(copy.path), sheet=sheet, options=options)
    return replace(source, facts={**source.facts, "from": copy.url}, download=copy)


def _read_file(path: Path, sheet: str, options: CsvOptions) -> TableSource:
    suffix = path.suffix.lower()
    if path.is_dir():
        files = sorted(p.name for p in path.iterdir() if p.suffix.lower() in READABLE)
        hint = f"It contains {', '.join(files[:5])}." if files else "Name a CSV, Parquet or Excel file."
        raise SeatrialError(f"{path} is a folder.", hint=hint)
    if path.exists() and not path.is_file():  # a pipe or a device
        raise SeatrialError(f"{path} is not a file.", hint="Write what it gives to a file first.")
    if not path.exists():
        raise SeatrialError(f"{path} does not exist.", hint=_similar_file(path))
    if suffix in WORKBOOKS:
        refuse_pointers(path, "workbook")
        source = read_workbook(path, sheet, header=options.header)
    else:
        source = _read_parquet(path) if suffix in PARQUET else read_csv(path, options)
    if len(source.columns) < 2:
        raise SeatrialError(
            f"{source.name} has only one column, {source.columns[0][:60]!r}.",
            hint=f"A table needs a target and at least one other column. {_separator_hint(source.columns[0])}",
        )
    return source


def _separator_hint(name: str) -> str:
    if "  " in name:
        return "Are its columns aligned by spaces? Save it with commas."
    return "If the separator is an unusual one, set it with --separator."


def _similar_file(path: Path) -> str:
    names = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
    similar = difflib.get_close_matches(path.name, names, 1)
    return f"Did you mean {path.with_name(similar[0])}?" if similar else "Name a CSV, Parquet or Excel file."


def _read_parquet(path: Path) -> TableSource:
    if not path.stat().st_size:
        raise SeatrialError(f"{path.name} is empty.", hint="Name a file with rows.")
    refuse_pointers(path, "a Parquet file")
    digest = sha256(path)
    try:
        table = pq.ParquetFile(path).read()
    except (pa.ArrowException, OSError) as error:
        first = str(error).splitlines()[0]
        raise SeatrialError(f"{path.name} cannot be read as Parquet: {first}", hint="Write it again.") from None
    if sha256(path) != digest:
        raise SeatrialError(
            f"{path.name} changed while it was being read.", hint="Run it again once the file is complete."
        )
    if not table.num_rows:
        raise SeatrialError(f"{path.name} has no rows.", hint="Name a file with rows.")
    plain = plain_table(table)
    return TableSource(path.name, plain, {"format": "Parquet"}, path, digest, clean=plain.schema == table.schema)
