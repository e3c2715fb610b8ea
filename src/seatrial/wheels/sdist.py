"""An sdist, inspected without unpacking it: its PKG-INFO, and whether its members could do harm when it is unpacked."""

import gzip
import tarfile
import zlib
from pathlib import Path
from typing import IO, cast

from seatrial.core.errors import SeatrialError
from seatrial.wheels.archive import check_names
from seatrial.wheels.budget import CHUNK, InspectionBudget, InspectionError
from seatrial.wheels.metadata import REBUILD, SHOWN
from seatrial.wheels.source_code import bytecode

TEXT_LIMIT = 2 * 2**20  # PKG-INFO is read into memory
MTIME_LIMIT = 1 << 36  # seconds, some two thousand years
HEADER_LIMIT = 8 * 2**10  # bytes of an extended header, which tarfile reads into memory


def read_pkg_info(path: Path) -> bytes:
    """Read the PKG-INFO of an sdist, and refuse what no sdist contains."""
    top = path.name.removesuffix(".tar.gz")
    metadata = _check(path, top)
    if metadata is None:
        raise SeatrialError(f"{path} is damaged: it has no {top}/PKG-INFO.", hint=REBUILD)
    return metadata


def unpack_sdist(path: Path, folder: Path) -> None:
    """Unpack an sdist into a folder, after checking that it has files and folders only, and nothing outside of it."""
    _check(path, "")
    with tarfile.open(path) as archive:
        if hasattr(tarfile, "data_filter"):
            archive.extractall(folder, filter="data")
        else:  # Python 3.11.0 to 3.11.3
            archive.extractall(folder)  # noqa: S202 - checked above


def _check(path: Path, top: str) -> bytes | None:
    """Refuse what no sdist contains; returns its PKG-INFO. `top` is its only folder; empty: any."""
    budget = InspectionBudget(path.stat().st_size)
    try:
        with gzip.open(path) as unpacked:
            bounded = _Bounded(cast(IO[bytes], unpacked), budget)
            with tarfile.open(fileobj=cast(IO[bytes], bounded), mode="r:") as archive:
                metadata, names = _read_members(path, archive, budget, top)
            bounded.check_end()
        check_names(path, names)
    except InspectionError as error:
        raise SeatrialError(f"{path} is refused: {error}.", hint=REBUILD) from None
    except (tarfile.TarError, EOFError, OSError, zlib.error, ValueError, RecursionError) as error:
        raise SeatrialError(f"{path} is damaged: {error}.", hint=REBUILD) from None
    return metadata


def _read_members(
    path: Path, archive: tarfile.TarFile, budget: InspectionBudget, top: str
) -> tuple[bytes | None, list[str]]:
    metadata, names = None, []
    while (member := archive.next()) is not None:
        archive.members.clear()  # type: ignore[attr-defined]  # tarfile keeps all that it has seen
        budget.take_members(1)
        budget.check_time()
        name = member.name
        names.append(f"{name}/" if member.isdir() else name)
        top = top or name.partition("/")[0]
        if name.partition("/")[0] != top or ".." in name.split("/"):
            raise SeatrialError(f"{path} is refused: {name[:SHOWN]} is outside of {top[:SHOWN]}/.")
        if kind := _odd_kind(member):
            raise SeatrialError(f"{path} is refused: {name[:SHOWN]} {kind}.")
        if complaint := bytecode(name[:SHOWN]):
            raise SeatrialError(f"{path} is refused: {complaint}.")
        if name == f"{top}/PKG-INFO" and member.isfile() and member.size <= TEXT_LIMIT:
            metadata = _read(archive, member)
    return metadata, names


def _odd_kind(member: tarfile.TarInfo) -> str:
    """What makes a member no plain file or folder; a sparse one unpacks to any size without a byte in the archive."""
    if member.issym() or member.islnk():
        return "is a link"
    if member.issparse() or any(key.startswith("GNU.sparse") for key in member.pax_headers):
        return "is a sparse file"
    if not (member.isfile() or member.isdir()):
        return "is a device"
    if not 0 <= member.mtime < MTIME_LIMIT or member.size < 0:
        return "has an impossible size or time"
    return ""


def _read(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes | None:
    file = archive.extractfile(member)
    if file is None:
        return None
    chunks = []
    while chunk := file.read(HEADER_LIMIT):
        chunks.append(chunk)
    return b"".join(chunks)


class _Bounded:
    """The unpacked sdist, as tarfile reads it: every byte counts, also one that is passed over."""

    def __init__(self, file: IO[bytes], budget: InspectionBudget) -> None:
        self._file, self._budget = file, budget
        self._at = 0
        self._last = b""  # what was read last

    def read(self, size: int) -> bytes:
        """Read at most `size` bytes."""
        if size > HEADER_LIMIT:
            raise InspectionError("a header in it is too long")
        self._last = data = self._file.read(size)
        self._budget.take_bytes(len(data))
        self._at += len(data)
        return data

    def seek(self, position: int) -> None:
        """Pass over the bytes up to `position`. Going back would unpack everything again."""
        if position < self._at:
            raise InspectionError("it cannot be read from the start to the end")
        while self._at < position:
            self._budget.check_time()
            data = self._file.read(min(CHUNK, position - self._at))
            if not data:
                break
            self._budget.take_bytes(len(data))
            self._at += len(data)

    def check_end(self) -> None:
        """Refuse anything but zeros at the end: tarfile ends without a word where it cannot read on."""
        while True:
            if self._last.strip(b"\0"):
                raise InspectionError("something in it cannot be read")
            self._budget.check_time()
            if not self.read(HEADER_LIMIT):
                return

    def tell(self) -> int:
        """The position."""
        return self._at
