"""Reads Parquet and Arrow files in chunks: only the columns that are needed, texts as codes of distinct values."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.model.raw_chunks import RawChunk, from_arrow, import_pyarrow


def read_parquet(path: Path, size: int, wanted: Collection[str]) -> Iterator[RawChunk]:
    """Read these columns of a Parquet file, as far as it has them, in chunks of at most `size` rows."""
    names = tuple(parquet_schema(path).names)
    if repeated := [name for name in wanted if names.count(name) > 1]:
        raise SeatrialError(f"{path.name} has two columns named {repeated[0]!r}.", hint="Rename one of them.")
    for batch in parquet_batches(path, [name for name in dict.fromkeys(names) if name in wanted], size):
        columns = {name: from_arrow(batch.column(n), name) for n, name in enumerate(batch.schema.names)}
        yield RawChunk(columns, batch.num_rows, names=names)


def parquet_schema(path: Path) -> Any:
    """The Arrow schema of a Parquet file. Raises SeatrialError where it is not one, or has no rows."""
    with _parquet_errors(path):
        file = _parquet_file(path)
        if file.metadata.num_rows == 0:
            raise SeatrialError(f"{path.name} has no rows.", hint="Give a file with rows.")
        return file.schema_arrow


def stored_rows(path: Path) -> int:
    """The number of rows that a Parquet file says it has; 0 for files that do not say it, and for damaged ones."""
    if path.suffix.lower() not in (".parquet", ".pq") or not path.is_file():
        return 0
    try:
        with _parquet_errors(path):
            return int(_parquet_file(path).metadata.num_rows)
    except SeatrialError:  # reported by what reads its rows
        return 0


def parquet_batches(path: Path, names: Sequence[str], size: int) -> Iterator[Any]:
    """Read these columns of a Parquet file, in their order, in batches of at most `size` rows; texts as codes."""
    with _parquet_errors(path):
        schema = _parquet_file(path).schema_arrow
        texts = [name for name in names if str(schema.field(name).type) in ("string", "large_string")]
        for batch in _parquet_file(path, texts).iter_batches(batch_size=size, columns=list(names)):
            yield batch.select(names)


def _parquet_file(path: Path, texts: Sequence[str] = ()) -> Any:
    import_pyarrow()
    import pyarrow.parquet as pq

    # Without `pre_buffer`, which keeps what it has read of a large file in memory until the end.
    return pq.ParquetFile(path, read_dictionary=list(texts), pre_buffer=False)


@contextmanager
def _parquet_errors(path: Path) -> Iterator[None]:
    import_pyarrow()
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise SeatrialError(f"{path.name} cannot be read as Parquet: {error}", hint="Write the file again.") from None


def read_arrow(path: Path, size: int, wanted: Collection[str]) -> Iterator[RawChunk]:
    """Read an Arrow IPC file, or a stream."""
    import_pyarrow()
    import pyarrow as pa

    try:
        with pa.memory_map(str(path)) as file:
            stream = file.read(6) != b"ARROW1"
            file.seek(0)
            reader = pa.ipc.open_stream(file) if stream else pa.ipc.open_file(file)
            names = tuple(reader.schema.names)
            if repeated := [name for name in wanted if names.count(name) > 1]:
                raise SeatrialError(f"{path.name} has two columns named {repeated[0]!r}.", hint="Rename one of them.")
            read = [name for name in names if name in wanted]
            batches = reader if stream else (reader.get_batch(n) for n in range(reader.num_record_batches))
            rows = 0
            for whole in batches:
                for start in range(0, whole.num_rows, size):
                    batch = whole.select(read).slice(start, size)
                    rows += batch.num_rows
                    columns = {name: from_arrow(batch.column(n), name) for n, name in enumerate(read)}
                    yield RawChunk(columns, batch.num_rows, names=names)
            if not rows:
                raise SeatrialError(f"{path.name} has no rows.", hint="Give a file with rows.")
    except (pa.ArrowException, OSError) as error:
        raise SeatrialError(f"{path.name} cannot be read as Arrow: {error}", hint="Write the file again.") from None
