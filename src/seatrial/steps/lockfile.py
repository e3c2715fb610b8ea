"""What a release runs with: the toolkit from its index, and the lockfile: our wheels by hash, all else resolved."""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from seatrial.core.errors import SeatrialError
from seatrial.core.progress import Progress
from seatrial.release import FolderIndex, Index, publish_toolkit, runs_from_checkout
from seatrial.release.index import UnwritableIndexError
from seatrial.trial import gate
from seatrial.wheels.environments import environments_folder
from seatrial.wheels.lockfile import Lockfile, compile_lockfile, read_lockfile
from seatrial.wheels.pylock import OwnWheel, make_pylock
from seatrial.wheels.resolution import TOOLKIT, resolve_release
from seatrial.wheels.sources import SourceOverride, WheelSource
from seatrial.wheels.wheel import WheelInfo

LOCKFILE = "requirements.txt"  # next to a passed verdict: the environment that was tested, for `deploy`
EXTRAS = ("serve",)
LOG_EXTRA = "log"  # for containers; elsewhere the interpreter of the command line delivers


@dataclass(frozen=True)
class LockedRelease:
    """A release with its lockfile, and those wheels in it that come from our own index."""

    lockfile: Lockfile
    wheels: tuple[Path, ...]


def lock_release(
    wheel: WheelInfo, source: WheelSource, known: Sequence[Lockfile], progress: Progress, *, logs: bool = False
) -> LockedRelease:
    """Lock the release in a wheel together with the server, and with what delivers a prediction log if it `logs`.

    If one of the `known` lockfiles has exactly these wheels, it is used unchanged: what was tested, or ran before,
    runs again with the same hashes.
    """
    resolution = resolve_release(wheel, extras=(*EXTRAS, *[LOG_EXTRA] * logs), index=source)
    ours = {resolved.wheel.name: resolved.wheel for resolved in resolution.wheels}
    wheels = (wheel.path, *(other.path for name, other in ours.items() if name != wheel.name))
    hashes = {name: (each.sha256,) for name, each in ours.items()}
    for lockfile in known:
        if logs and not _has_log(lockfile):
            continue  # locked before the settings had a log
        if {line.name: line.hashes for line in lockfile.requirements if line.name in ours} == hashes:
            resolution.refuse_own(line.name for line in lockfile.requirements if line.name not in ours)
            return LockedRelease(lockfile, wheels)
    return LockedRelease(compile_lockfile(resolution, progress), wheels)


def _has_log(lockfile: Lockfile) -> bool:
    """Whether a lockfile has what delivers a prediction log."""
    toolkit = [Requirement(line.requirement) for line in lockfile.requirements if line.name == TOOLKIT]
    return any(LOG_EXTRA in each.extras for each in toolkit)


def write_pylock(
    locked: LockedRelease, source: WheelSource, requires_python: str | None, folder: Path, root: Path
) -> str:
    """Render the pylock.toml of a lockfile for a folder of the project: our wheels by URL, or by path in a folder."""
    names = {parse_wheel_filename(wheel.name)[0]: wheel for wheel in locked.wheels}
    own = []
    for line in locked.lockfile.requirements:
        if wheel := names.get(canonicalize_name(line.name)):
            file = next((each for each in source.files(line.name) if each.sha256 in line.hashes), None)
            url, index = source.location(line.name, file) if file else (str(wheel), "")
            if "://" not in url and Path(url).is_relative_to(root):
                url = Path(os.path.relpath(url, folder)).as_posix()  # as the standard reads a relative path
            own.append(OwnWheel(wheel.name, line.hashes[0], wheel.stat().st_size, url, index))
    return make_pylock(locked.lockfile, own, requires_python)


def trial_lockfiles(root: Path, candidate: str) -> list[Lockfile]:
    """Read the lockfiles that trials of the release with this hash left in the project at `root`, newest first."""
    lockfiles = []
    for path in (folder / LOCKFILE for folder in gate.result_folders(root, candidate)):
        with suppress(SeatrialError, OSError, UnicodeDecodeError):  # without it, everything is resolved again
            lockfiles.append(read_lockfile(path.read_text("utf-8"), str(path)))
    return lockfiles


def fetch_locked(index: Index) -> Callable[[Lockfile], list[Path]]:
    """Return a function that fetches our own wheels of a lockfile; by hash, whichever version they have now."""
    source = with_toolkit(index)

    def fetch(lockfile: Lockfile) -> list[Path]:
        wheels = []
        for line in lockfile.requirements:
            matching = [file for file in source.files(line.name) if file.sha256 in line.hashes]
            wheels += [source.local(line.name, file) for file in matching[:1]]
            ours = line is lockfile.model or (line.name in (lockfile.own or ()) and line.name != TOOLKIT)
            ours = ours or source.names_of_ours.owns(line.name)
            if ours and not matching:
                raise SeatrialError(
                    f"The index has no {line.requirement} with the locked hash.", hint="Publish the same build again."
                )
        return wheels

    return fetch


def offer_toolkit(index: Index, progress: Progress) -> WheelSource:
    """Return the index, with the toolkit available on it if that runs from a checkout; otherwise it comes from PyPI.

    On a folder index the toolkit is published. A remote index is only read from here: others may use it too, and
    writing may need another token. The toolkit is then put into a folder next to the environments, and `publish`
    uploads it.
    """
    toolkit_index = _toolkit_index(index)
    if runs_from_checkout():
        on_index = toolkit_index is index
        progress("putting the toolkit on the index, as it would be on PyPI" if on_index else "building the toolkit")
        with suppress(UnwritableIndexError):  # a read-only folder
            publish_toolkit(toolkit_index)
    return with_toolkit(index)


def with_toolkit(index: Index) -> WheelSource:
    """Return the index as `offer_toolkit` does, with the toolkit that was made available before."""
    toolkit_index = _toolkit_index(index)
    if toolkit_index is index or not toolkit_index.files(TOOLKIT):
        return index
    return SourceOverride(TOOLKIT, toolkit_index, index)


def _toolkit_index(index: Index) -> FolderIndex:

    return index if isinstance(index, FolderIndex) else FolderIndex(environments_folder() / ".toolkit")
