"""The lockfile of a release: our own wheels by their hashes, everything else resolved."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seatrial.core.errors import SeatrialError
from seatrial.core.progress import Progress

if TYPE_CHECKING:
    from seatrial.release import Index
    from seatrial.wheels.lockfile import Lockfile
    from seatrial.wheels.sources import WheelSource
    from seatrial.wheels.wheel import WheelInfo

LOCKFILE = "requirements.txt"  # next to a passed verdict: the environment that was tested, for `deploy`
EXTRAS = ("serve",)


@dataclass(frozen=True)
class LockedRelease:
    """A release with its lockfile, and those wheels in it that come from our own index."""

    lockfile: "Lockfile"
    wheels: tuple[Path, ...]


def lock_release(
    wheel: "WheelInfo", source: "WheelSource", known: "Sequence[Lockfile]", progress: Progress
) -> LockedRelease:
    """Lock the release in a wheel together with the server.

    If one of the `known` lockfiles has exactly these wheels, it is used unchanged: what was tested, or ran before,
    runs again with the same hashes.
    """
    from seatrial.wheels.lockfile import compile_lockfile
    from seatrial.wheels.resolution import resolve_release

    resolution = resolve_release(wheel, extras=EXTRAS, index=source)
    ours = {resolved.wheel.name: resolved.wheel for resolved in resolution.wheels}
    wheels = (wheel.path, *(other.path for name, other in ours.items() if name != wheel.name))
    hashes = {name: (each.sha256,) for name, each in ours.items()}
    for lockfile in known:
        if {line.name: line.hashes for line in lockfile.requirements if line.name in ours} == hashes:
            return LockedRelease(lockfile, wheels)
    return LockedRelease(compile_lockfile(resolution, progress), wheels)


def trial_lockfiles(root: Path, candidate: str) -> "list[Lockfile]":
    """Read the lockfiles that trials of the release with this hash left in the project at `root`, newest first."""
    from seatrial.trial import gate
    from seatrial.wheels.lockfile import read_lockfile

    lockfiles = []
    for path in (folder / LOCKFILE for folder in gate.result_folders(root, candidate)):
        with suppress(SeatrialError, OSError, UnicodeDecodeError):  # without it, everything is resolved again
            lockfiles.append(read_lockfile(path.read_text("utf-8"), str(path)))
    return lockfiles


def fetch_locked(index: "Index") -> "Callable[[Lockfile], list[Path]]":
    """Return a function that fetches our own wheels of a lockfile; by hash, whichever version they have now."""
    from seatrial.steps.environment import with_toolkit

    source = with_toolkit(index)

    def fetch(lockfile: "Lockfile") -> list[Path]:
        wheels = []
        for line in lockfile.requirements:
            matching = [file for file in source.files(line.name) if file.sha256 in line.hashes]
            wheels += [source.local(line.name, file) for file in matching[:1]]
            if line is lockfile.model and not matching:
                raise SeatrialError(
                    f"The index has no {line.requirement} with the locked hash.", hint="Publish the same build again."
                )
        return wheels

    return fetch
