"""The package index as the registry of releases: publish, list, find, fetch. Today a folder; see `Index`."""

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from seatrial.core.errors import SeatrialError
from seatrial.core.files import sha256
from seatrial.core.simple import (
    PAGE,
    PAGE_JSON,
    PAGES,
    IndexedFile,
    project_folder,
    project_html,
    project_json,
    read_page,
    root_html,
    root_json,
)
from seatrial.core.wheel import read_release
from seatrial.release.distribution import Distribution, read_distribution
from seatrial.release.staging import Staging

LOCK_TIMEOUT = 60.0  # seconds that a publication waits for another one


@dataclass(frozen=True)
class Published:
    """What became of a publication; `already` where exactly these bytes were there before."""

    name: str
    version: str
    files: tuple[str, ...]
    already: bool


@dataclass(frozen=True)
class IndexedRelease:
    """One version on an index. `metadata` is its release.json; a wheel that is no model has none."""

    name: str
    version: str
    wheel: IndexedFile
    sdist: IndexedFile | None
    metadata: dict[str, Any] | None

    @property
    def requirement(self) -> str:
        """The release as a pinned requirement."""
        return f"{self.name}=={self.version}"

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


class Index(Protocol):
    """A package index, wherever it is."""

    def publish(self, files: Sequence[Path]) -> Published:
        """Put the files of one release on the index, all or none; a version is never overwritten."""
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


def open_index(where: str | Path) -> Index:
    """Open the index at a folder. It need not exist yet: publishing makes it."""
    if isinstance(where, str) and where.startswith("file:"):
        from urllib.parse import urlsplit
        from urllib.request import url2pathname

        where = url2pathname(urlsplit(where).path)
    elif "://" in str(where) or str(where).startswith(("http:", "https:")):
        raise SeatrialError(
            f"{where} is not a folder; this version of Seatrial keeps its index in a folder.",
            hint='Set [tool.seatrial] index = ".seatrial/index", or any other folder.',
        )
    return FolderIndex(Path(where))


class FolderIndex:
    """An index in a folder: pip and uv install from its `simple/`, by `file:` or from any static web server.

    Publishing takes a lock; reading takes none. A release is there from the moment that its project's page is
    renamed into place, which is one step, after its files are. `now` gives the upload time.
    """

    def __init__(
        self,
        path: Path,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        lock_timeout: float = LOCK_TIMEOUT,
    ) -> None:
        self.path = path.absolute()
        self._now = now
        self._lock_timeout = lock_timeout

    @property
    def url(self) -> str:
        """What pip and uv take as --index-url."""
        return (self.path / PAGES).as_uri()

    def publish(self, files: Sequence[Path]) -> Published:
        """Put the files of one release on the index, all or none.

        Exactly the same bytes again are a success with `already`; other bytes under a version that is there
        are refused. Raises SeatrialError, and leaves the index as it was.
        """
        distributions = _one_release(files)
        from filelock import FileLock, Timeout

        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with (
                FileLock(self.path / ".lock", timeout=self._lock_timeout),
                Staging(self.path / ".incoming") as staging,
            ):
                return self._publish(distributions, staging)
        except Timeout:
            raise SeatrialError(
                f"Another publication to {self.path} has not ended for {self._lock_timeout:.0f} s.",
                hint="Wait for it, or end it; nothing was published.",
            ) from None
        except OSError as error:
            raise SeatrialError(
                f"{self.path} cannot be written: {error.strerror or error}.",
                hint="Nothing was published. Make room or mend the rights, and publish again.",
            ) from None

    def releases(self, name: str | None = None) -> list[IndexedRelease]:
        """List the releases, by name and then from old to new versions."""
        names = self._names() if name is None else [canonicalize_name(name)]
        return [release for each in names for release in self._releases(each)]

    def find(self, requirement: str) -> IndexedRelease:
        """Find the newest release that meets a requirement; a pre-release only if it is named or alone."""
        try:
            wanted = Requirement(requirement)
        except InvalidRequirement:
            raise SeatrialError(f"{requirement!r} names no release.", hint="As in titanic-model==0.1.0.") from None
        if wanted.url or wanted.extras or wanted.marker:
            raise SeatrialError(
                f"{requirement!r} is more than a name and a version.", hint="As in titanic-model==0.1.0."
            )
        name = canonicalize_name(wanted.name)
        by_version = {Version(r.version): r for r in self._releases(name)}
        fitting = list(wanted.specifier.filter(by_version))
        if fitting:
            return by_version[max(fitting)]
        if by_version:
            there = ", ".join(str(v) for v in sorted(by_version))
            raise SeatrialError(f"{self.path} has no {wanted}.", hint=f"It has {name} {there}.")
        near = difflib.get_close_matches(name, self._names(), 1)
        hint = f"Did you mean {near[0]}?" if near else "Publish it first: `seatrial build`, then `seatrial publish`."
        raise SeatrialError(f"{self.path} has no release of {name}.", hint=hint)

    def fetch(self, release: IndexedRelease, *, sdist: bool = False) -> Path:
        """Give the path of the release's wheel (or sdist), with its hash checked."""
        file = release.sdist if sdist else release.wheel
        if file is None:
            raise SeatrialError(f"{release.requirement} has no sdist on {self.path}.")
        path = project_folder(self.path, release.name) / file.filename
        if not path.is_file():
            raise SeatrialError(f"{path} is missing, though the index lists it.", hint="Publish the same build again.")
        if sha256(path) != file.sha256:
            raise SeatrialError(
                f"{path} is not what was published: its hash is another one.",
                hint="Publish the same build again.",
            )
        return path

    def _publish(self, distributions: list[Distribution], staging: Staging) -> Published:
        first = distributions[0]
        name, version = first.name, first.version
        folder = project_folder(self.path, name)
        listed = read_page(folder / PAGE)
        there = {file.filename: file for file in listed if file.version == version}
        already = bool(there)
        if already:
            _refuse_other_bytes(distributions, there)
        for each in distributions:
            # Also when it is listed: a file that was damaged or lost is mended by publishing it again.
            target = folder / each.filename
            if not (already and target.is_file() and sha256(target) == each.sha256):
                staging.copy(each.path, target, each.sha256)
            if each.metadata is not None:
                staging.write(each.metadata, folder / f"{each.filename}.metadata")
        if not already:
            moment = self._now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            listed = sorted(
                [*listed, *(each.indexed(moment) for each in distributions)],
                key=lambda f: (f.version, f.filename),
            )
            # This page makes the release visible, after its files; the pages behind it repeat it.
            staging.write(project_html(name, listed), folder / PAGE)
        names = sorted({*self._names(), name})
        staging.write(project_json(name, listed), folder / PAGE_JSON)
        staging.write(root_html(names), self.path / PAGES / PAGE)
        staging.write(root_json(names), self.path / PAGES / PAGE_JSON)
        staging.commit(decided_by=folder / PAGE)
        return Published(name, str(version), tuple(each.filename for each in distributions), already)

    def _names(self) -> list[str]:
        return sorted(page.parent.name for page in (self.path / PAGES).glob(f"*/{PAGE}"))

    def _releases(self, name: str) -> list[IndexedRelease]:
        found: dict[Version, dict[bool, IndexedFile]] = {}
        for file in read_page(project_folder(self.path, name) / PAGE):
            found.setdefault(file.version, {})[file.is_wheel] = file
        return [
            IndexedRelease(name, str(version), files[True], files.get(False), self._metadata(name, files[True]))
            for version, files in sorted(found.items())
            if True in files
        ]

    def _metadata(self, name: str, wheel: IndexedFile) -> dict[str, Any] | None:
        return read_release(project_folder(self.path, name) / wheel.filename)


def _one_release(files: Sequence[Path]) -> list[Distribution]:
    """Look into the files and hold them to be one release: a wheel, and perhaps its sdist."""
    if not files:
        raise SeatrialError("There is nothing to publish.", hint="Run `seatrial build` first.")
    read = sorted((read_distribution(path) for path in files), key=lambda d: not d.is_wheel)
    what = sorted({f"{d.name} {d.version}" for d in read})
    if len(what) > 1 or sum(d.is_wheel for d in read) != 1 or len(read) > 2:
        names = ", ".join(path.name for path in files)
        raise SeatrialError(f"{names} are not one release.", hint="Publish one wheel, with its sdist if there is one.")
    # An installer that skips the wheel for its Python must not try the sdist instead.
    return [replace(each, requires_python=read[0].requires_python) for each in read]


def _refuse_other_bytes(distributions: list[Distribution], there: dict[str, IndexedFile]) -> None:
    if all(d.filename in there and there[d.filename].sha256 == d.sha256 for d in distributions):
        return
    first = distributions[0]
    raise SeatrialError(
        f"{first.name} {first.version} is published already, with other bytes, and is never overwritten.",
        hint="Raise __version__ in the package's __init__.py, build and publish again.",
    )
