"""A release of the index as a pin: our own wheels fetched, all else resolved."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seatrial.core.errors import SeatrialError

if TYPE_CHECKING:
    from seatrial.core.pins import Pin
    from seatrial.release import Index, IndexedRelease

EXTRAS = ("serve",)
Progress = Callable[[str], None]


def pin_release(
    index: "Index", release: "IndexedRelease", known: "Sequence[Pin]", progress: Progress
) -> "tuple[Pin, list[Path], str]":
    """Pin a release with the server; gives the pin, our wheels in it, and the package's name.

    One of `known` pins that is of these very wheels is taken as it is: what ran once runs again, to the last hash.
    """
    from seatrial.cli.environment import offer_toolkit
    from seatrial.core.files import sha256
    from seatrial.core.pins import compile_pin
    from seatrial.core.wheel import inspect, parse_name

    wheel = index.fetch(release)
    offer_toolkit(index, progress)
    others = _others(index, wheel)
    hashes = {parse_name(path)[0]: sha256(path) for path in (wheel, *others)}
    for pin in known:
        pinned = {line.name: line.hashes for line in pin.lines if line.name in hashes}
        if pinned == {name: (digest,) for name, digest in hashes.items()}:
            return pin, [wheel, *others], inspect(wheel).package
    return compile_pin(wheel, others, extras=EXTRAS, progress=progress), [wheel, *others], inspect(wheel).package


def fetch_pinned(index: "Index") -> "Callable[[Pin], list[Path]]":
    """Give a function that fetches the wheels of ours that a pin names; by hash, whatever version they now have."""

    def fetch(pin: "Pin") -> list[Path]:
        found = []
        for line in pin.lines:
            held = [release for release in index.releases(line.name) if release.sha256 in line.hashes]
            found += [index.fetch(release) for release in held[:1]]
            if line is pin.model and not held:
                raise SeatrialError(
                    f"The index has no {line.requirement} with the pinned hash.", hint="Publish the same build again."
                )
        return found

    return fetch


def _others(index: "Index", model: Path) -> list[Path]:
    """The wheels that the index holds of what the model's wheel asks for, directly or not, in their newest version."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    from seatrial.core.wheel import inspect

    first = inspect(model)
    asked = [Requirement(line) for line in (f"seatrial[{','.join(EXTRAS)}]", *first.requires_dist)]
    wanted: dict[str, list[Requirement]] = {}
    found: dict[str, Path] = {}
    while asked:
        requirement = asked.pop(0)
        name = canonicalize_name(requirement.name)
        known = wanted.setdefault(name, [])
        if name == first.name or str(requirement) in map(str, known):
            continue
        known.append(requirement)
        if name not in found:
            specifier = requirement.specifier
            for other in asked:
                specifier &= other.specifier if canonicalize_name(other.name) == name else ""
            fitting = [r for r in index.releases(name) if specifier.contains(r.version, prereleases=True)]
            if not fitting:
                continue
            found[name] = index.fetch(fitting[-1])
        for line in inspect(found[name]).requires_dist:
            follow = Requirement(line)
            extras = ("", *requirement.extras)
            if follow.marker is None or any(follow.marker.evaluate({"extra": extra}) for extra in extras):
                asked.append(follow)
    return [found[name] for name in sorted(found)]
