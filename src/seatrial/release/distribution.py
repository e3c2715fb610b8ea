"""A file to publish, the wheel or the sdist of a release, looked into before anything is written."""

import tarfile
from dataclasses import dataclass, field
from pathlib import Path

from packaging.version import Version

from seatrial.core.errors import SeatrialError
from seatrial.core.files import sha256
from seatrial.core.simple import IndexedFile, named
from seatrial.core.wheel import inspect, refuse_unsafe


@dataclass(frozen=True)
class Distribution:
    """A wheel (with its METADATA) or an sdist (without)."""

    path: Path
    name: str
    version: Version
    sha256: str
    size: int
    requires_python: str | None = None
    metadata: bytes | None = field(default=None, repr=False)
    metadata_sha256: str | None = None

    @property
    def filename(self) -> str:
        """The name under which the index lists it."""
        return self.path.name

    @property
    def is_wheel(self) -> bool:
        """Whether this is the wheel, or the sdist."""
        return self.metadata is not None

    def indexed(self, uploaded: str) -> IndexedFile:
        """Make its entry of the index."""
        return IndexedFile(self.filename, self.sha256, self.size, uploaded, self.requires_python, self.metadata_sha256)


def read_distribution(path: Path) -> Distribution:
    """Look into a wheel or an sdist; raises SeatrialError where it is neither, damaged, or unsafe."""
    name, version = named(path.name)
    if path.name.endswith(".whl"):
        return _wheel(path, version)
    if not path.is_file():
        raise SeatrialError(f"{path} does not exist.", hint="Run `seatrial build` first.")
    top = path.name.removesuffix(".tar.gz")
    try:
        with tarfile.open(path, "r:gz") as archive:
            outside = [m.name for m in archive if m.name.partition("/")[0] != top or ".." in Path(m.name).parts]
    except (tarfile.TarError, EOFError, OSError) as error:
        raise SeatrialError(f"{path} is damaged: {error}.", hint="Build it again with `seatrial build`.") from None
    if outside:
        raise SeatrialError(f"{path} is refused: {outside[0]} lies outside of {top}/.")
    return Distribution(path, name, version, sha256(path), path.stat().st_size)


def _wheel(path: Path, version: Version) -> Distribution:
    from hashlib import sha256 as sha256_of

    wheel = inspect(path)
    if wheel.release is not None:
        refuse_unsafe(wheel)
    return Distribution(
        path=path,
        name=wheel.name,
        version=version,
        sha256=wheel.sha256,
        size=wheel.size,
        requires_python=wheel.requires_python,
        metadata=wheel.metadata,
        metadata_sha256=sha256_of(wheel.metadata).hexdigest(),
    )
