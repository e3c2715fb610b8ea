"""What goes into an environment: wheels by their path, and what is left by its name.

The model's wheel is installed by its path, and so is everything else that the project's index holds, be it a
folder or at an address, the toolkit first. None of these names is ever looked up on a public index, where somebody
else may own it. The rest, numpy and its like, comes from the index that the user's uv or pip is set up for.
"""

import hashlib
import json
import platform
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.tags import Tag, sys_tags
from packaging.utils import canonicalize_name, parse_wheel_filename

from seatrial.core.errors import SeatrialError
from seatrial.wheels.simple_api import IndexedFile
from seatrial.wheels.sources import FolderSource, WheelSource
from seatrial.wheels.wheel import WheelInfo, inspect, refuse_unsafe

TOOLKIT = "seatrial"
FORMAT = "1"  # part of every key: raise it when environments are made in another way


@dataclass(frozen=True)
class ResolvedWheel:
    """A wheel to install by its path, with these of its extras."""

    wheel: WheelInfo
    extras: tuple[str, ...]

    @property
    def requirement(self) -> str:
        """As pip and uv read it."""
        extras = f"[{','.join(self.extras)}]" if self.extras else ""
        return f"{self.wheel.name}{extras} @ {self.wheel.path.as_uri()}"


@dataclass(frozen=True)
class Resolution:
    """Everything that decides what an environment is."""

    wheels: tuple[ResolvedWheel, ...]
    by_name: tuple[str, ...]
    constraints: tuple[str, ...]
    interpreter: str

    @property
    def requirements(self) -> list[str]:
        """What the installer is asked for."""
        return [*(each.requirement for each in self.wheels), *self.by_name]

    @property
    def key(self) -> str:
        """The identity: hashes of wheels, extras, limits, and the Python that it is for."""
        own = platform.python_version() if self.interpreter == sys.executable else ""
        wheels = [(each.wheel.filename, each.wheel.sha256, each.extras) for each in self.wheels]
        told = [FORMAT, wheels, self.by_name, self.constraints, self.interpreter, own, platform.machine()]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]


def resolve_release(
    wheel: Path,
    *,
    extras: Sequence[str],
    toolkit: Path | str | None,
    index: WheelSource | Path | None,
    constraints: Sequence[str],
    interpreter: str,
    more: Sequence[Path] = (),
) -> Resolution:
    """Decide what is installed by path and what by name, starting from a model's wheel.

    A name that the index holds comes from there alone, also when another wheel from there asks for it; and so
    does the name of a wheel in `more`, which are installed in any case.
    """
    model = inspect(wheel.resolve())
    refuse_unsafe(model)
    search = _Search(FolderSource(index) if isinstance(index, Path) else index)
    search.add(model, ())
    for path in more:
        search.add(inspect(path.resolve()), ())
    if isinstance(toolkit, Path):
        given = inspect(toolkit.resolve())
        if given.name != TOOLKIT:
            raise SeatrialError(f"{toolkit} is a wheel of {given.name}, not of {TOOLKIT}.")
        search.add(given, ())
    elif toolkit:
        search.ask(toolkit)
    if extras:
        search.ask(f"{TOOLKIT}[{','.join(extras)}]")
    search.run()
    return Resolution(
        wheels=tuple(ResolvedWheel(info, tuple(sorted(more))) for _, (info, more) in sorted(search.found.items())),
        by_name=tuple(sorted(search.by_name)),
        constraints=tuple(constraints),
        interpreter=interpreter,
    )


class _Search:
    """Follows requirements through the wheels of the index."""

    def __init__(self, index: WheelSource | None) -> None:
        self.index = index
        self.found: dict[str, tuple[WheelInfo, set[str]]] = {}
        self.by_name: set[str] = set()
        self._asked: list[Requirement] = []

    def ask(self, requirement: str) -> None:
        try:
            self._asked.append(Requirement(requirement))
        except InvalidRequirement as error:
            raise SeatrialError(f"{requirement!r} is no requirement: {error}") from None

    def add(self, wheel: WheelInfo, extras: Iterable[str]) -> None:
        self.found.setdefault(wheel.name, (wheel, set()))[1].update(extras)
        for line in wheel.requires_dist:
            requirement = Requirement(line)
            marker = requirement.marker
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras)):
                self._asked.append(requirement)

    def run(self) -> None:
        while self._asked:
            requirement = self._asked.pop(0)
            name = canonicalize_name(requirement.name)
            if name in self.found:
                wheel, known = self.found[name]
                if requirement.extras - known:
                    self.add(wheel, requirement.extras)
            elif held := self._held(requirement, name):
                self.add(held, requirement.extras)
            elif name == TOOLKIT:
                self.by_name.add(str(requirement))

    def _held(self, requirement: Requirement, name: str) -> WheelInfo | None:
        """The newest wheel on the index that meets this requirement and the others of its name."""
        if self.index is None:
            return None
        files = self.index.files(name)
        by_version = {file.version: file for file in files if file.is_wheel and not file.yanked and _runs_here(file)}
        if not by_version:
            if not files:
                return None
            # The name is the index's own, so that nobody else's package may stand in for it.
            raise SeatrialError(f"{self.index.where} has no wheel of {name}.", hint=f"Publish a wheel of {name} there.")
        specifier = requirement.specifier
        for other in self._asked:
            if canonicalize_name(other.name) == name:
                specifier &= other.specifier
        fitting = list(specifier.filter(by_version))
        if not fitting:
            there = ", ".join(str(version) for version in sorted(by_version))
            raise SeatrialError(
                f"{self.index.where} has {name} {there}, and {name}{specifier} is wanted.",
                hint=f"Publish a fitting {name} there.",
            )
        return inspect(self.index.local(name, by_version[max(fitting)]).resolve())


def _runs_here(file: IndexedFile) -> bool:
    """Whether a wheel is for this machine, as of a library that the index has in builds for several."""
    return file.filename.endswith("-none-any.whl") or not _tags().isdisjoint(parse_wheel_filename(file.filename)[3])


@cache
def _tags() -> frozenset[Tag]:
    return frozenset(sys_tags())
