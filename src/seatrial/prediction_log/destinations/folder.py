"""A folder as the destination of the prediction log. A file appears in it by rename, complete and on the disk."""

import os
import shutil
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

from seatrial.core.files import replacing
from seatrial.prediction_log.destinations.destination import DeliveryError
from seatrial.prediction_log.destinations.parquet_files import KINDS, LABELS, day_of, relative_path, write_parquet
from seatrial.prediction_log.tables import LogTable


class FolderDestination:
    """Keeps the log in a folder of this machine, or of a network drive."""

    def __init__(self, to: str) -> None:
        self.shown = to
        self._root = Path(to)

    def deliver(self, segment: str, tables: Sequence[LogTable]) -> None:
        """Write a file for each table; see Destination."""
        try:
            for table in tables:
                path = self._root / relative_path(segment, table)
                with replacing(path) as file:
                    write_parquet(table.data, file)
                for folder in list(path.parents)[:5]:  # up to the root: each may be new
                    _sync(folder)
        except OSError as error:
            raise self._failed(error) from None

    def expire(self, before: date) -> None:
        """Delete the folders of earlier days, and the labels of earlier days; see Destination."""
        try:
            for path in self._dated():
                day = day_of(path.name)
                if day is not None and day < before and not path.is_symlink():
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
        except OSError as error:
            raise self._failed(error) from None

    def close(self) -> None:
        """Nothing is open."""

    def _dated(self) -> Iterator[Path]:
        for kind in KINDS:
            yield from (self._root / kind).glob("release=*/version=*/day=*")
        yield from (self._root / LABELS).glob("*.parquet")

    def _failed(self, error: OSError) -> DeliveryError:
        return DeliveryError(f"{error.filename or self._root}: {error.strerror or type(error).__name__}")


def _sync(folder: Path) -> None:
    """Wait until the names in a folder are on the disk, so that a segment is not deleted before its file is safe."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
