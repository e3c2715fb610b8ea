"""The package index as the registry of releases: publish, list, find, fetch; `index_location` opens one."""

import difflib
from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from seatrial.core.errors import SeatrialError
from seatrial.core.own_names import OwnNames
from seatrial.core.progress import Progress, silent
from seatrial.release.distribution import Distribution
from seatrial.wheels.simple_api import IndexedFile, WithdrawalAction
from seatrial.wheels.sources import WheelSource
from seatrial.wheels.wheel import WheelInfo


class VersionExistsError(SeatrialError):
    """The index has this version with different content; a server responds with 409."""


class UnwritableIndexError(SeatrialError):
    """The index cannot be written, as when its disk is full; a server responds with 507."""


class BusyIndexError(SeatrialError):
    """Another publication has not finished; a server responds with 503."""


class RemovedVersionError(SeatrialError):
    """The version was removed from the index; a server responds with 410."""


@dataclass(frozen=True)
class Published:
    """The result of a publication; `already` where the index had exactly these bytes before.

    `remarks` is what the trial's first line says besides that it passed: an acceptance, a relaxed policy.
    """

    name: str
    version: str
    files: tuple[str, ...]
    already: bool
    remarks: str = ""


@dataclass(frozen=True)
class IndexedRelease:
    """One version on an index. `read` returns its release.json, for which the wheel may have to be fetched."""

    name: str
    version: str
    wheel: IndexedFile
    sdist: IndexedFile | None
    read: Callable[[], dict[str, Any] | None] = field(repr=False, compare=False)

    @cached_property
    def metadata(self) -> dict[str, Any] | None:
        """Its release.json; None where the wheel is not a model."""
        return self.read()

    @property
    def requirement(self) -> str:
        """The release as a pinned requirement."""
        return f"{self.name}=={self.version}"

    @property
    def sha256(self) -> str:
        """The wheel's hash."""
        return self.wheel.sha256


class Index(WheelSource):
    """A package index, in a folder or at a URL; `open_index` sets its name and what is only ever asked of it."""

    name = "index"
    names_of_ours = OwnNames()

    @property
    @abstractmethod
    def url(self) -> str:
        """The URL for pip's and uv's --index-url, without a token."""

    @abstractmethod
    def names(self) -> list[str]:
        """List the projects."""

    @abstractmethod
    def publish(self, files: Sequence[Path | WheelInfo], progress: Progress = silent) -> Published:
        """Put the files of one release on the index; a version is never overwritten."""

    @abstractmethod
    def withdraw(self, name: str, version: str, action: WithdrawalAction, *, reason: str, who: str) -> bool:
        """Yank, restore or remove a version, with a record; False where that is done already."""

    @abstractmethod
    def _read_release(self, name: str, wheel: IndexedFile) -> dict[str, Any] | None: ...

    def releases(self, name: str | None = None) -> list[IndexedRelease]:
        """List the releases, by name and then from old to new versions."""
        names = self.names() if name is None else [canonicalize_name(name)]
        return [release for each in names for release in self._releases(each)]

    def find(self, requirement: str) -> IndexedRelease:
        """Find the newest release for `titanic-model==0.1.0`, or just `titanic-model`.

        A pre-release is found only if the requirement names it or there is no other.
        """
        wanted = _parse_requirement(requirement)
        name = canonicalize_name(wanted.name)
        pinned = any(specifier.operator in ("==", "===") for specifier in wanted.specifier)
        by_version = {Version(r.version): r for r in self._releases(name) if pinned or not r.wheel.yanked}
        matching = list(wanted.specifier.filter(by_version))
        if matching:
            return by_version[max(matching)]
        if by_version:
            versions = ", ".join(str(v) for v in sorted(by_version))
            raise SeatrialError(f"{self.where} has no {wanted}.", hint=f"It has {name} {versions}.")
        if yanked := [r for r in self._releases(name) if r.wheel.yanked]:
            last = yanked[-1]
            raise SeatrialError(
                f"{self.where} has no release of {name} that is not yanked; {last.version}: {last.wheel.yank_reason}.",
                hint=f"Publish a newer one, or name it: {last.requirement}.",
            )
        near = difflib.get_close_matches(name, self._names_for_hints(), 1)
        hint = f"Did you mean {near[0]}?" if near else "Publish it first: `seatrial build`, then `seatrial publish`."
        raise SeatrialError(f"{self.where} has no release of {name}.", hint=hint)

    def fetch(self, release: IndexedRelease, *, sdist: bool = False) -> Path:
        """Return a local path of the release's wheel (or sdist), after checking its hash."""
        file = release.sdist if sdist else release.wheel
        if file is None:
            raise SeatrialError(f"{release.requirement} has no sdist on {self.where}.")
        return self.local(release.name, file)

    def fetch_wheel(self, release: IndexedRelease) -> WheelInfo:
        """Inspect the release's wheel, after checking its hash."""
        return self.wheel(release.name, release.wheel)

    def _names_for_hints(self) -> list[str]:
        return self.names()

    def _releases(self, name: str) -> list[IndexedRelease]:
        """The releases of a project, from old to new; a version without a wheel is not a release."""
        by_version: dict[Version, dict[bool, IndexedFile]] = {}
        for file in self.files(name):
            by_version.setdefault(file.version, {})[file.is_wheel] = file
        return [
            IndexedRelease(
                name, str(version), files[True], files.get(False), partial(self._read_release, name, files[True])
            )
            for version, files in sorted(by_version.items())
            if True in files
        ]


def newest(releases: Sequence[IndexedRelease]) -> IndexedRelease | None:
    """The newest release that is not yanked."""
    return next((each for each in reversed(releases) if not each.wheel.yanked), None)


def refuse_changed_files(distributions: Sequence[Distribution], listed: Iterable[IndexedFile]) -> list[Distribution]:
    """Return those that the index does not list; VersionExistsError where it has a different file instead of one.

    A version has at most one wheel and one sdist, so a differently spelled file name is a different file too.
    """
    existing = {file.is_wheel: file for file in listed if file.version == distributions[0].version}
    for each in distributions:
        other = existing.get(each.is_wheel)
        if other and (other.filename, other.sha256) != (each.filename, each.sha256):
            raise version_exists(each)
    return [each for each in distributions if each.is_wheel not in existing]


def version_exists(distribution: Distribution) -> VersionExistsError:
    """The error for a version that the index has with different content."""
    return VersionExistsError(
        f"{distribution.name} {distribution.version} is already published with different content, "
        "and a published version is never overwritten.",
        hint="Raise __version__ in the package's __init__.py, build and publish again.",
    )


def _parse_requirement(text: str) -> Requirement:
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        raise SeatrialError(f"{text!r} is not a release.", hint="Example: titanic-model==0.1.0.") from None
    if requirement.url or requirement.extras or requirement.marker:
        raise SeatrialError(f"{text!r} is more than a name and a version.", hint="Example: titanic-model==0.1.0.")
    return requirement
