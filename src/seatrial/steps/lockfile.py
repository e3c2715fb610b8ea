"""A release of the index as a pin: our own wheels fetched, all else resolved."""

import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from seatrial.core.errors import SeatrialError

if TYPE_CHECKING:
    from seatrial.release import Index, IndexedRelease
    from seatrial.wheels.lockfile import Lockfile
    from seatrial.wheels.sources import WheelSource

EXTRAS = ("serve",)
Progress = Callable[[str], None]


def pin_release(
    index: "Index", release: "IndexedRelease", known: "Sequence[Lockfile]", progress: Progress
) -> "tuple[Lockfile, list[Path], str]":
    """Pin a release of the index with the server; gives the pin, our wheels in it, and the package's name."""
    from seatrial.steps.environment import offer_toolkit

    wheel = index.fetch(release)
    return pin_wheel(wheel, offer_toolkit(index, progress), known, progress)


def pin_wheel(
    wheel: Path, source: "WheelSource", known: "Sequence[Lockfile]", progress: Progress
) -> "tuple[Lockfile, list[Path], str]":
    """Pin the release in a wheel with the server, as `pin_release` does.

    One of `known` pins that is of these very wheels is taken as it is: what was tried, or ran once, runs again, to
    the last hash.
    """
    from seatrial.wheels.lockfile import compile_lockfile
    from seatrial.wheels.resolution import resolve_release
    from seatrial.wheels.wheel import inspect

    contents = resolve_release(
        wheel, extras=EXTRAS, toolkit=None, index=source, constraints=(), interpreter=sys.executable
    )
    ours = {each.wheel.name: each.wheel for each in contents.wheels}
    model = ours[inspect(wheel).name]
    wheels = [wheel, *(each.path for each in ours.values() if each is not model)]
    for pin in known:
        pinned = {line.name: line.hashes for line in pin.requirements if line.name in ours}
        if pinned == {name: (each.sha256,) for name, each in ours.items()}:
            return pin, wheels, model.package
    return compile_lockfile(wheel, wheels[1:], extras=EXTRAS, progress=progress), wheels, model.package


def tried_pins(root: Path, model: str) -> "list[Lockfile]":
    """The pins that trials of the release with this hash have written in the project at `root`, the newest first."""
    from seatrial.steps.trial import REQUIREMENTS
    from seatrial.trial import gate
    from seatrial.wheels.lockfile import read_lockfile

    found = []
    for folder in gate.result_folders(root, model):
        with suppress(SeatrialError, OSError, UnicodeDecodeError):  # without it, all is resolved anew
            found.append(read_lockfile((folder / REQUIREMENTS).read_text("utf-8"), str(folder / REQUIREMENTS)))
    return found


def fetch_pinned(index: "Index") -> "Callable[[Lockfile], list[Path]]":
    """Give a function that fetches the wheels of ours that a pin names; by hash, whatever version they now have."""
    from seatrial.steps.environment import with_toolkit

    source = with_toolkit(index)

    def fetch(pin: "Lockfile") -> list[Path]:
        found = []
        for line in pin.requirements:
            held = [file for file in source.files(line.name) if file.sha256 in line.hashes]
            found += [source.local(line.name, file) for file in held[:1]]
            if line is pin.model and not held:
                raise SeatrialError(
                    f"The index has no {line.requirement} with the pinned hash.", hint="Publish the same build again."
                )
        return found

    return fetch
