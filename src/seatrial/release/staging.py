"""Files that appear together: all of them are written aside first, then renamed into place in a given order.

Whatever can fail for lack of space or rights fails while nothing has changed yet. What follows is a row of
renames, of which the caller orders the deciding one after the files that it speaks of.
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
    """A folder aside, on the same file system as what it prepares; whatever is left in it is thrown away.

    Only one process may use it at a time: the caller holds a lock.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._moves: list[tuple[Path, Path]] = []

    def __enter__(self) -> "Staging":
        shutil.rmtree(self._folder, ignore_errors=True)  # of a process that was killed
        self._folder.mkdir(parents=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def copy(self, source: Path, target: Path, sha256: str) -> None:
        """Stage a copy of `source`; raises SeatrialError if it is not the file of that hash (any more)."""
        total = hashlib.sha256()
        with source.open("rb") as read, self._new(target).open("wb") as written:
            while chunk := read.read(CHUNK):
                total.update(chunk)
                written.write(chunk)
            _settle(written)
        if total.hexdigest() != sha256:
            raise SeatrialError(f"{source} changed while it was being read.", hint="Publish again when it is finished.")

    def write(self, content: bytes | str, target: Path) -> None:
        """Stage a file with this content, unless `target` has it already."""
        data = content.encode() if isinstance(content, str) else content
        with suppress(OSError):
            if target.read_bytes() == data:
                return
        with self._new(target).open("wb") as written:
            written.write(data)
            _settle(written)

    def commit(self, decided_by: Path) -> None:
        """Rename everything into place, in the order of staging, each settled on disk before the next.

        When `decided_by` is in place the thing is done: what comes after it only repeats it, and may fail. An
        error before that takes back what was added.
        """
        added: list[Path] = []
        decided = False
        for staged, target in self._moves:
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                added += [] if target.exists() else [target]
                staged.replace(target)
            except OSError:
                if decided:
                    continue
                for path in added:
                    path.unlink(missing_ok=True)
                raise
            _settle_folder(target.parent)
            decided = decided or target == decided_by
        self._moves = []

    def _new(self, target: Path) -> Path:
        staged = self._folder / f"{len(self._moves)}-{target.name}"
        self._moves.append((staged, target))
        return staged


def _settle(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
    Path(file.name).chmod(0o644)  # a web server of another user reads it, whatever the umask


def _settle_folder(folder: Path) -> None:
    with suppress(OSError):  # Windows has no such thing
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
