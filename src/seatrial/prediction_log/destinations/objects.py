"""An object store as the destination of the prediction log: s3:// (and what speaks its protocol) and gs://.

An object appears when its upload is complete.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from seatrial.prediction_log.destinations.destination import DeliveryError
from seatrial.prediction_log.destinations.parquet_files import (
    KINDS,
    LABELS,
    day_of,
    relative_path,
    write_parquet,
)
from seatrial.prediction_log.tables import LogTable
from seatrial.stores.object_files import bucket_path, object_files
from seatrial.stores.shown_urls import cleaned, shown_url


class ObjectDestination:
    """Keeps the log in a bucket, below a prefix."""

    def __init__(self, to: str) -> None:
        self._to = to
        self.shown = shown_url(to)
        self._prefix = bucket_path(to)
        self._files: Any = None

    def deliver(self, segment: str, tables: Sequence[LogTable]) -> None:
        """Upload an object for each table; see Destination."""
        import pyarrow as pa

        try:
            files = self._filesystem()
            for table in tables:
                buffer = pa.BufferOutputStream()
                write_parquet(table.data, buffer)
                with files.open_output_stream(f"{self._prefix}/{relative_path(segment, table)}") as stream:
                    stream.write(buffer.getvalue())
        except (OSError, pa.ArrowException) as error:
            raise DeliveryError(cleaned(error, self._to)) from None

    def expire(self, before: date) -> None:
        """Delete the objects of earlier days; see Destination."""
        import pyarrow as pa

        try:
            files = self._filesystem()
            for info in self._dated():
                day = day_of(info.base_name)
                if day is not None and day < before:
                    _delete(files, info)
        except (OSError, pa.ArrowException) as error:
            raise DeliveryError(cleaned(error, self._to)) from None

    def close(self) -> None:
        """Nothing is kept open."""

    def _filesystem(self) -> Any:
        if self._files is None:
            self._files, _ = object_files(self._to)
        return self._files

    def _dated(self) -> Iterator[Any]:
        """The folders of days, and the files of labels."""
        files = self._filesystem()
        for kind in KINDS:
            for release in list_folder(files, f"{self._prefix}/{kind}"):
                for version in list_folder(files, release.path):
                    yield from list_folder(files, version.path)
        yield from list_folder(files, f"{self._prefix}/{LABELS}")


def list_folder(files: Any, path: str) -> list[Any]:
    """What is directly in a folder of a file system of Arrow's, which need not exist.

    In Google Cloud Storage, Arrow lists no folder that nobody has made (arrow#35993), so what is in
    them shows them.
    """
    from pyarrow import fs

    if not isinstance(files, fs.GcsFileSystem):
        found: list[Any] = files.get_file_info(fs.FileSelector(path, allow_not_found=True))
        return found
    children: dict[str, Any] = {}
    for info in files.get_file_info(fs.FileSelector(path, allow_not_found=True, recursive=True)):
        name, below, _ = info.path.removeprefix(f"{path}/").partition("/")
        children[name] = fs.FileInfo(f"{path}/{name}", fs.FileType.Directory) if below else info
    return list(children.values())


def _delete(files: Any, info: Any) -> None:
    """Delete an object, or what is in a folder."""
    from pyarrow import fs

    if info.is_file:
        files.delete_file(info.path)
    elif isinstance(files, fs.GcsFileSystem):  # it fails for a folder that nobody has made
        for child in list_folder(files, info.path):
            _delete(files, child)
    else:
        files.delete_dir(info.path)
