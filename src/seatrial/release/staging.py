"""Files that appear together: all are written to a separate folder, then renamed into place in a given order.

Whatever can fail for lack of space or permissions fails while nothing has changed. The rest is a sequence of renames;
the caller puts the decisive one after the files that it refers to.
"""

import hashlib
import os
import shutil
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from seatrial.core.errors import SeatrialError

CHUNK = 1 << 20


class Staging:
    """A separate folder on the same file system as the targets; it is removed at the end with everything left in it.

    Only one process may use it at a time: the caller holds a lock.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._moves: list[tuple[Path, Path]] = []

    def __enter__(self) -> "Staging":
        shutil.rmtree(self._folder, ignore_errors=True)  # left by a process that was killed
        self._folder.mkdir(parents=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def copy(self, source: Path, target: Path, sha256: str) -> None:
        """Stage a copy of `source`; raises SeatrialError if it does not have (or no longer has) that hash."""
        digest = hashlib.sha256()
        with source.open("rb") as read, self._new(target).open("wb") as written:
            while chunk := read.read(CHUNK):
                digest.update(chunk)
                written.write(chunk)
            _sync(written)
        if digest.hexdigest() != sha256:
            raise SeatrialError(f"{source} changed while it was being read.", hint="Publish again when it is complete.")

    def write(self, content: bytes | str, target: Path) -> None:
        """Stage a file with this content, unless `target` has it already."""
        data = content.encode() if isinstance(content, str) else content
        with suppress(OSError):
            if target.read_bytes() == data:
                return
        with self._new(target).open("wb") as written:
            written.write(data)
            _sync(written)

    def commit(self, decisive: Path) -> None:
        """Rename everything into place, in the order of staging, each synced to disk before the next.

        Once `decisive` is in place the change is complete: later files only repeat it, and may fail. An error before
        that removes what was added.
        """
        added: list[Path] = []
        complete = False
        for staged, target in self._moves:
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                added += [] if target.exists() else [target]
                staged.replace(target)
            except OSError:
                if complete:
                    continue
                for path in added:
                    path.unlink(missing_ok=True)
                raise
            _sync_folder(target.parent)
            complete = complete or target == decisive
        self._moves = []

    def _new(self, target: Path) -> Path:
        staged = self._folder / f"{len(self._moves)}-{target.name}"
        self._moves.append((staged, target))
        return staged


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
    Path(file.name).chmod(0o644)  # readable by a web server of another user, whatever the umask


def _sync_folder(folder: Path) -> None:
    with suppress(OSError):  # not possible on Windows
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
