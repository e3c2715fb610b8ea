"""Which wheels go into an environment: ours by path, everything else by name.

The model's wheel is installed by path, and so is everything else that the project's index has, the toolkit first. These
names are never looked up on a public index, where they may belong to someone else. Everything else, numpy for example,
comes from the index that the user's uv or pip is set up for.
"""

import hashlib
import json
import platform
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from packaging.requirements import InvalidRequirement, Requirement
from packaging.tags import Tag, sys_tags
from packaging.utils import canonicalize_name, parse_wheel_filename

from seatrial.core.errors import SeatrialError
from seatrial.wheels.simple_api import IndexedFile
from seatrial.wheels.sources import WheelSource
from seatrial.wheels.wheel import WheelInfo, refuse_unsafe

TOOLKIT = "seatrial"
FORMAT = "1"  # part of every key: raise it when environments are created in a different way


@dataclass(frozen=True)
class ResolvedWheel:
    """A wheel to install by path, and which of its extras."""

    wheel: WheelInfo
    extras: tuple[str, ...]

    @property
    def _extras(self) -> str:
        return f"[{','.join(self.extras)}]" if self.extras else ""

    @property
    def requirement(self) -> str:
        """As pip and uv read it."""
        return f"{self.wheel.name}{self._extras} @ {self.wheel.path.resolve().as_uri()}"

    @property
    def pinned(self) -> str:
        """By name and version, for a lockfile."""
        return f"{self.wheel.name}{self._extras}=={self.wheel.version}"


@dataclass(frozen=True)
class Resolution:
    """Everything that determines an environment."""

    model: WheelInfo
    wheels: tuple[ResolvedWheel, ...]
    by_name: tuple[str, ...]
    constraints: tuple[str, ...]
    index: WheelSource | None = None

    def refuse_own(self, names: Iterable[str]) -> None:
        """Raise SeatrialError if one of the names that would come from the public index is the project's own."""
        if self.index is not None:
            for name in names:
                self.index.names_of_ours.refuse_public(canonicalize_name(name), self.index.where)

    @property
    def requirements(self) -> list[str]:
        """The requirements that the installer gets."""
        return [*(each.requirement for each in self.wheels), *self.by_name]

    @property
    def key(self) -> str:
        """The identity of the environment: hashes of wheels, extras, constraints, and its Python."""
        wheels = [(each.wheel.filename, each.wheel.sha256, each.extras) for each in self.wheels]
        python = (sys.executable, platform.python_version(), platform.machine())
        parts = [FORMAT, wheels, self.by_name, self.constraints, python]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def resolve_release(
    model: WheelInfo,
    *,
    extras: Sequence[str] = (),
    index: WheelSource | None = None,
    toolkit: WheelInfo | None = None,
    constraints: Sequence[str] = (),
) -> Resolution:
    """Decide what is installed by path and what by name, starting from a model's wheel.

    A name that the index has comes only from there, also when another wheel of the index requires it. `extras` are
    those of the toolkit.
    """
    refuse_unsafe(model)
    if toolkit and toolkit.name != TOOLKIT:
        raise SeatrialError(f"{toolkit.path} is a wheel of {toolkit.name}, not of {TOOLKIT}.")
    search = _Search(index)
    for wheel in (model, *([toolkit] if toolkit else [])):
        search.add(wheel, ())
    if extras:
        search.require(f"{TOOLKIT}[{','.join(extras)}]")
    search.run()
    return Resolution(
        model=model,
        wheels=tuple(ResolvedWheel(wheel, tuple(sorted(own))) for _, (wheel, own) in sorted(search.wheels.items())),
        by_name=tuple(sorted(search.by_name)),
        constraints=tuple(constraints),
        index=index,
    )


class _Search:
    """Follows requirements through the wheels of the index."""

    def __init__(self, index: WheelSource | None) -> None:
        self._index = index
        self.wheels: dict[str, tuple[WheelInfo, set[str]]] = {}
        self.by_name: set[str] = set()
        self._pending: list[Requirement] = []

    def require(self, requirement: str) -> None:
        try:
            self._pending.append(Requirement(requirement))
        except InvalidRequirement as error:
            raise SeatrialError(f"{requirement!r} is not a valid requirement: {error}") from None

    def add(self, wheel: WheelInfo, extras: Iterable[str]) -> None:
        self.wheels.setdefault(wheel.name, (wheel, set()))[1].update(extras)
        for line in wheel.requires_dist:
            requirement = Requirement(line)
            marker = requirement.marker
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras)):
                self._pending.append(requirement)

    def run(self) -> None:
        while self._pending:
            requirement = self._pending.pop(0)
            name = canonicalize_name(requirement.name)
            if name in self.wheels:
                wheel, extras = self.wheels[name]
                if requirement.extras - extras:
                    self.add(wheel, requirement.extras)
            elif newest := self._newest(requirement, name):
                self.add(newest, requirement.extras)
            elif self._index is not None and self._index.names_of_ours.owns(name):
                self._index.names_of_ours.refuse_public(name, self._index.where)
            elif name == TOOLKIT:
                self.by_name.add(str(requirement))

    def _newest(self, requirement: Requirement, name: str) -> WheelInfo | None:
        """The newest wheel on the index that meets this requirement and the pending ones for the same name."""
        files = self._index.files(name) if self._index else []
        if self._index is None or not files:
            return None
        by_version = {file.version: file for file in files if file.is_wheel and not file.yanked and _runs_here(file)}
        where = self._index.where
        self._index.names_of_ours.refuse_moved(name, where)
        if not by_version:
            # The index owns this name, so a package by someone else must not replace it.
            raise SeatrialError(f"{where} has no wheel of {name}.", hint=f"Publish a wheel of {name} there.")
        specifier = requirement.specifier
        for other in self._pending:
            if canonicalize_name(other.name) == name:
                specifier &= other.specifier
        matching = list(specifier.filter(by_version))
        if not matching:
            versions = ", ".join(str(version) for version in sorted(by_version))
            raise SeatrialError(
                f"{where} has {name} {versions}, but {name}{specifier} is required.",
                hint=f"Publish a version of {name} that matches.",
            )
        return self._index.wheel(name, by_version[max(matching)])


def _runs_here(file: IndexedFile) -> bool:
    """Whether a wheel is for this machine; the index may have a library in builds for several."""
    return file.filename.endswith("-none-any.whl") or not _tags().isdisjoint(parse_wheel_filename(file.filename)[3])


@cache
def _tags() -> frozenset[Tag]:
    return frozenset(sys_tags())
