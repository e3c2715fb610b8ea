"""A file to publish, the wheel or the sdist of a release, looked into before anything is written."""

import tarfile
import zlib
from dataclasses import dataclass, field
from hashlib import sha256 as sha256_of
from pathlib import Path

from packaging.metadata import parse_email
from packaging.version import Version

from seatrial.core.errors import SeatrialError
from seatrial.core.files import sha256
from seatrial.wheels.archive import MEMBER_LIMIT, TOTAL_LIMIT
from seatrial.wheels.simple_api import IndexedFile, parse_filename
from seatrial.wheels.wheel import REBUILD, TEXT_LIMIT, identity, inspect, refuse_unsafe


@dataclass(frozen=True)
class Distribution:
    """A wheel or an sdist; `metadata` is the METADATA of the one, the PKG-INFO of the other."""

    path: Path
    name: str
    version: Version
    sha256: str
    size: int
    metadata: bytes = field(repr=False)
    requires_python: str | None = None

    @property
    def filename(self) -> str:
        """The name under which the index lists it."""
        return self.path.name

    @property
    def is_wheel(self) -> bool:
        """Whether this is the wheel, or the sdist."""
        return self.path.name.endswith(".whl")

    def indexed(self, uploaded: str) -> IndexedFile:
        """Make its entry of the index."""
        told = sha256_of(self.metadata).hexdigest() if self.is_wheel else None
        return IndexedFile(self.filename, self.sha256, self.size, uploaded, self.requires_python, told)


def read_distribution(path: Path) -> Distribution:
    """Look into a wheel or an sdist; raises SeatrialError where it is neither, damaged, or unsafe."""
    name, version = parse_filename(path.name)
    if path.name.endswith(".whl"):
        wheel = inspect(path)
        if wheel.release is not None:
            refuse_unsafe(wheel)
        return Distribution(path, name, version, wheel.sha256, wheel.size, wheel.metadata, wheel.requires_python)
    if not path.is_file():
        raise SeatrialError(f"{path} does not exist.", hint="Run `seatrial build` first.")
    metadata = _pkg_info(path)
    headers, _ = parse_email(metadata)
    if identity(headers.get("name", ""), headers.get("version", "")) != (name, version):
        told = f"{headers.get('name')} {headers.get('version')}"
        raise SeatrialError(f"{path} is refused: its PKG-INFO says {told}.", hint=REBUILD)
    requires_python = headers.get("requires_python")
    return Distribution(path, name, version, sha256(path), path.stat().st_size, metadata, requires_python)


def _pkg_info(path: Path) -> bytes:
    """Go through an sdist, refuse what no sdist has, and give its PKG-INFO."""
    top = path.name.removesuffix(".tar.gz")
    found, count, total = None, 0, 0
    try:
        with tarfile.open(path, "r:gz") as archive:
            for member in archive:
                count, total = count + 1, total + member.size
                if member.name.partition("/")[0] != top or ".." in Path(member.name).parts:
                    raise SeatrialError(f"{path} is refused: {member.name} lies outside of {top}/.")
                if member.ischr() or member.isblk() or member.isfifo():
                    raise SeatrialError(f"{path} is refused: {member.name} is a device.")
                if count > MEMBER_LIMIT or total > TOTAL_LIMIT:
                    raise SeatrialError(f"{path} is refused: unpacked it is too large.")
                if member.name == f"{top}/PKG-INFO" and member.isfile() and member.size <= TEXT_LIMIT:
                    file = archive.extractfile(member)
                    found = file.read() if file else None
    except (tarfile.TarError, EOFError, OSError, zlib.error, ValueError) as error:
        raise SeatrialError(f"{path} is damaged: {error}.", hint=REBUILD) from None
    if found is None:
        raise SeatrialError(f"{path} is damaged: it has no {top}/PKG-INFO.", hint=REBUILD)
    return found
