"""A table in parts: each task of an engine writes one, and reports it to the engine as its result.

Engines start a task again when its worker was killed, and a killed one may have written half a file, or a whole one
whose result was lost, even after the job is done. So each attempt writes a file of its own name into `_attempts/`. The
engine takes one result of each task, and `output_manifest.write_table` moves these files to their places.
"""

import json
import re
import tempfile
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from seatrial.core.errors import SeatrialError
from seatrial.model.arrow_tables import REASONS
from seatrial.model.bad_rows import OnBadRows
from seatrial.stores.object_files import SCHEMES, explained, object_files
from seatrial.stores.shown_urls import shown_url

if TYPE_CHECKING:
    from seatrial.model.release import Release

OnBadPartRows = Literal["fail", "drop", "keep", "quarantine"]
SCHEME = re.compile(r"[A-Za-z][\w+.-]+:/")  # of a URL, and of what a cluster may call one: dbfs:/folder
ATTEMPTS = "_attempts"  # engines do not read what begins with an underscore


@dataclass(frozen=True)
class PartTarget:
    """Where parts are written, a folder or a URL that every worker reaches, and what becomes of bad rows."""

    folder: str
    on_bad_rows: OnBadPartRows


@dataclass(frozen=True)
class WrittenPart:
    """What one task wrote: its file, that of its bad rows, each None without rows, and how many rows came and went."""

    file: str | None
    bad_file: str | None
    rows_in: int
    good: int
    bad: int

    def to_json(self) -> str:
        """Return the part as text, which every engine can carry."""
        return json.dumps(asdict(self))


def written_parts(texts: Iterable[str]) -> list[WrittenPart]:
    """Read what tasks reported."""
    return [WrittenPart(**json.loads(text)) for text in texts]


def write_part(release: "Release", batches: Iterable[Any], target: PartTarget, key: Sequence[str]) -> WrittenPart:
    """Predict Arrow batches and write them as one part, whole or not at all.

    Raises DataError with its key for a bad row under "fail".
    """
    import pyarrow.compute as pc

    came = went = refused = 0

    def counted() -> Iterator[Any]:
        nonlocal came
        for batch in batches:
            came += batch.num_rows
            yield batch

    policy = target.on_bad_rows
    name = f"part-{uuid.uuid4().hex}.parquet"
    with ExitStack() as stack:
        good = stack.enter_context(_PartFile(target.folder, name))
        bad = stack.enter_context(_PartFile(target.folder, f"_bad/{name}"))
        asked: OnBadRows = "fail" if policy == "fail" else "keep"
        for batch in release.predict_batches(counted(), keep=key, on_bad_rows=asked):
            went += batch.num_rows
            if policy == "fail":
                good.write(batch)
                continue
            is_good = pc.is_null(batch[REASONS[-1]])
            wrong = batch.filter(pc.invert(is_good))
            refused += wrong.num_rows
            good.write(batch if policy == "keep" else batch.filter(is_good).drop_columns(list(REASONS)))
            if policy == "quarantine":
                bad.write(wrong.select([*key, *REASONS]))
        if went != came:
            raise SeatrialError(f"{came:,} rows came, and {went:,} were answered.", hint="This is a bug in Seatrial.")
        return WrittenPart(good.put(), bad.put(), came, went - refused, refused)


class _PartFile:
    """A Parquet file that is made on the worker's own disk, and copied when it is whole.

    A stream into an object store that an exception ends may leave a readable object with fewer rows.
    """

    def __init__(self, folder: str, name: str) -> None:
        self._folder, self._name = folder, name
        self._writer: Any = None
        self._file = tempfile.NamedTemporaryFile(prefix="seatrial-part-")  # noqa: SIM115 - closed by __exit__

    def __enter__(self) -> "_PartFile":
        return self

    def __exit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writer.close()
        self._file.close()

    def write(self, batch: Any) -> None:
        import pyarrow.parquet as pq

        if batch.num_rows:
            dictionaries = [name for name in ("prediction", *REASONS) if name in batch.schema.names]
            self._writer = self._writer or pq.ParquetWriter(self._file, batch.schema, use_dictionary=dictionaries)
            self._writer.write_batch(batch)

    def put(self) -> str | None:
        """Copy the file to its place and return its name; None where it has no rows."""
        from pyarrow.fs import LocalFileSystem, copy_files

        if self._writer is None:
            return None
        self._writer.close()
        self._writer = None
        self._file.flush()
        system, root = file_system(self._folder)
        path = f"{root}/{ATTEMPTS}/{self._name}"
        system.create_dir(path.rpartition("/")[0], recursive=True)
        copy_files(self._file.name, path, source_filesystem=LocalFileSystem(), destination_filesystem=system)
        return self._name


@contextmanager
def in_words(folder: str, right: Literal["read", "write"]) -> Iterator[None]:
    """Say in words what a store of objects refuses; errors of this machine's disk stay what they are."""
    try:
        yield
    except OSError as error:
        if "://" not in folder or folder.startswith("file://"):
            raise
        raise explained(error, folder, right) from error


def file_system(folder: str) -> tuple[Any, str]:
    """Return pyarrow's file system for a folder or a URL, and the path in it."""
    if SCHEME.match(folder) and not folder.startswith("file:/"):
        scheme = folder.partition(":")[0].lower()
        if scheme not in SCHEMES:
            raise SeatrialError(
                f"{shown_url(folder)} cannot be reached: there is no file system for {scheme}:.",
                hint=f"Use a folder that every worker reaches, or {', '.join(f'{each}://' for each in SCHEMES)}.",
            )
        system, path = object_files(folder)
        return system, path.rstrip("/")
    from pyarrow.fs import LocalFileSystem

    return LocalFileSystem(), str(Path(re.sub("^file:(//|(?=/))", "", folder)).absolute())
