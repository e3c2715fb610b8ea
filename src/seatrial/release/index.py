"""The package index as the registry of releases: publish, list, find, fetch; in a folder, or at an address."""

import difflib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Protocol

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from seatrial.core.errors import SeatrialError
from seatrial.core.index_settings import IndexSettings, index_at_url, index_in_folder
from seatrial.release.distribution import Distribution, read_distribution
from seatrial.wheels.simple_api import IndexedFile
from seatrial.wheels.sources import WheelSource

Progress = Callable[[str], None]


class VersionExistsError(SeatrialError):
    """A version is there already with other bytes; a server answers 409."""


class UnwritableIndexError(SeatrialError):
    """An index cannot be written, as when its disk is full; a server answers 507."""


class BusyIndexError(SeatrialError):
    """Another publication has not ended; a server answers 503."""


@dataclass(frozen=True)
class Published:
    """What became of a publication; `already` where exactly these bytes were there before."""

    name: str
    version: str
    files: tuple[str, ...]
    already: bool


@dataclass(frozen=True)
class IndexedRelease:
    """One version on an index. `read` gets its release.json, for which a wheel may have to be fetched."""

    name: str
    version: str
    wheel: IndexedFile
    sdist: IndexedFile | None
    read: Callable[[], dict[str, Any] | None] = field(repr=False, compare=False)

    @cached_property
    def metadata(self) -> dict[str, Any] | None:
        """Its release.json; a wheel that is no model has none."""
        return self.read()

    @property
    def requirement(self) -> str:
        """The release as a pinned requirement."""
        return f"{self.name}=={self.version}"

    @property
    def hashed_requirement(self) -> str:
        """The release as a line of a requirements file, with the hash of its wheel: no other file can be it."""
        return f"{self.requirement} --hash=sha256:{self.sha256}"

    @property
    def filename(self) -> str:
        """The wheel's file name."""
        return self.wheel.filename

    @property
    def sha256(self) -> str:
        """The wheel's hash."""
        return self.wheel.sha256

    @property
    def size(self) -> int:
        """The wheel's size in bytes."""
        return self.wheel.size

    @property
    def uploaded(self) -> str:
        """When it was published, UTC, ISO 8601."""
        return self.wheel.uploaded

    @property
    def requires_python(self) -> str | None:
        """The Python versions that it is for."""
        return self.wheel.requires_python


class Index(WheelSource, Protocol):
    """A package index, wherever it is."""

    def publish(self, files: Sequence[Path], progress: Progress = lambda _: None) -> Published:
        """Put the files of one release on the index; a version is never overwritten."""
        ...

    def releases(self, name: str | None = None) -> list[IndexedRelease]:
        """List the releases, by name and then from old to new versions."""
        ...

    def find(self, requirement: str) -> IndexedRelease:
        """Find the newest release that meets `titanic-model==0.1.0`, or just `titanic-model`."""
        ...

    def fetch(self, release: IndexedRelease, *, sdist: bool = False) -> Path:
        """Give a local path of the release's wheel (or sdist), with its hash checked."""
        ...


class Readable(ABC):
    """What every index can do with its lists of files, wherever it is."""

    @property
    @abstractmethod
    def where(self) -> str:
        """How it is called in messages."""

    @abstractmethod
    def names(self) -> list[str]:
        """List the projects."""

    @abstractmethod
    def local(self, name: str, file: IndexedFile) -> Path:
        """Give the path of a file that is exactly what the index lists."""

    @abstractmethod
    def _releases(self, name: str) -> list[IndexedRelease]: ...

    def releases(self, name: str | None = None) -> list[IndexedRelease]:
        """List the releases, by name and then from old to new versions."""
        names = self.names() if name is None else [canonicalize_name(name)]
        return [release for each in names for release in self._releases(each)]

    def find(self, requirement: str) -> IndexedRelease:
        """Find the newest release that meets a requirement; a pre-release only if it is named or alone."""
        return find_release(requirement, self.where, self._releases, self._names_for_hints)

    def fetch(self, release: IndexedRelease, *, sdist: bool = False) -> Path:
        """Give a local path of the release's wheel (or sdist), with its hash checked."""
        file = release.sdist if sdist else release.wheel
        if file is None:
            raise SeatrialError(f"{release.requirement} has no sdist on {self.where}.")
        return self.local(release.name, file)

    def _names_for_hints(self) -> list[str]:
        return self.names()


def open_index(where: IndexSettings | str | Path) -> Index:
    """Open the index at a place, a folder or an address. A folder need not exist yet: publishing makes it."""
    if isinstance(where, str):
        where = index_at_url(where) if "://" in where or where.startswith("file:") else Path(where)
    place = index_in_folder(where) if isinstance(where, Path) else where
    if place.folder:
        from seatrial.release.folder_index import FolderIndex

        return FolderIndex(place.folder)
    from seatrial.release.http_index import HttpIndex

    return HttpIndex(place)


def read_distributions(files: Sequence[Path]) -> list[Distribution]:
    """Look into the files and hold them to be one release: a wheel first, and perhaps its sdist."""
    if not files:
        raise SeatrialError("There is nothing to publish.", hint="Run `seatrial build` first.")
    read = sorted((read_distribution(path) for path in files), key=lambda d: not d.is_wheel)
    what = sorted({f"{d.name} {d.version}" for d in read})
    if len(what) > 1 or sum(d.is_wheel for d in read) != 1 or len(read) > 2:
        names = ", ".join(path.name for path in files)
        raise SeatrialError(f"{names} are not one release.", hint="Publish one wheel, with its sdist if there is one.")
    # An installer that skips the wheel for its Python must not try the sdist instead.
    return [replace(each, requires_python=read[0].requires_python) for each in read]


def refuse_changed_files(distributions: Sequence[Distribution], listed: Iterable[IndexedFile]) -> list[Distribution]:
    """Give those that the index does not list yet; VersionExistsError where it has another file in the place of one.

    A version has one wheel and one sdist at most, so another file name, as of another spelling, is another file too.
    """
    there = {file.is_wheel: file for file in listed if file.version == distributions[0].version}
    for each in distributions:
        other = there.get(each.is_wheel)
        if other and (other.filename, other.sha256) != (each.filename, each.sha256):
            raise version_exists(each)
    return [each for each in distributions if each.is_wheel not in there]


def version_exists(distribution: Distribution) -> VersionExistsError:
    """Say that a version is there already, with other bytes."""
    return VersionExistsError(
        f"{distribution.name} {distribution.version} is published already, with other bytes, and is never overwritten.",
        hint="Raise __version__ in the package's __init__.py, build and publish again.",
    )


def group_releases(
    name: str, files: Iterable[IndexedFile], metadata: Callable[[IndexedFile], dict[str, Any] | None]
) -> list[IndexedRelease]:
    """Make releases of a project's files, from old to new; a version without a wheel is none."""
    found: dict[Version, dict[bool, IndexedFile]] = {}
    for file in files:
        found.setdefault(file.version, {})[file.is_wheel] = file
    return [
        IndexedRelease(name, str(version), files[True], files.get(False), partial(metadata, files[True]))
        for version, files in sorted(found.items())
        if True in files
    ]


def find_release(
    requirement: str,
    where: str,
    releases: Callable[[str], list[IndexedRelease]],
    names: Callable[[], list[str]],
) -> IndexedRelease:
    """Find the newest release that meets a requirement; a pre-release only if it is named or alone."""
    try:
        wanted = Requirement(requirement)
    except InvalidRequirement:
        raise SeatrialError(f"{requirement!r} names no release.", hint="As in titanic-model==0.1.0.") from None
    if wanted.url or wanted.extras or wanted.marker:
        raise SeatrialError(f"{requirement!r} is more than a name and a version.", hint="As in titanic-model==0.1.0.")
    name = canonicalize_name(wanted.name)
    pinned = any(each.operator in ("==", "===") for each in wanted.specifier)
    by_version = {Version(r.version): r for r in releases(name) if pinned or not r.wheel.yanked}
    fitting = list(wanted.specifier.filter(by_version))
    if fitting:
        return by_version[max(fitting)]
    if by_version:
        there = ", ".join(str(v) for v in sorted(by_version))
        raise SeatrialError(f"{where} has no {wanted}.", hint=f"It has {name} {there}.")
    near = difflib.get_close_matches(name, names(), 1)
    hint = f"Did you mean {near[0]}?" if near else "Publish it first: `seatrial build`, then `seatrial publish`."
    raise SeatrialError(f"{where} has no release of {name}.", hint=hint)
