"""A virtual environment that holds exactly one release, created once and found again by the hash of its contents."""

import hashlib
import os
import platform
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from seatrial.core.errors import SeatrialError
from seatrial.core.files import to_json, write_atomic
from seatrial.core.progress import Progress, silent
from seatrial.core.state import cache_home
from seatrial.wheels.compiled import copy_compiled
from seatrial.wheels.installer import create, install, install_locked, python_in, resolve, site_packages
from seatrial.wheels.lockfile import Lockfile
from seatrial.wheels.resolution import Resolution, resolve_release
from seatrial.wheels.sources import WheelSource
from seatrial.wheels.wheel import WheelInfo, parse_wheel_name

COMPLETE = ".complete.json"
RECENT = 600.0  # seconds
LOCK_TIMEOUT = 900.0  # seconds to wait for another process that creates the same environment
UNUSED_DAYS = 30.0
LIMIT_GB = 2.0


@dataclass(frozen=True)
class Environment:
    """A complete environment; `cached` if it existed before."""

    root: Path
    python: Path
    cached: bool


def make_environment(
    wheel: WheelInfo,
    *,
    extras: Sequence[str] = (),
    toolkit: WheelInfo | None = None,
    index: WheelSource | None = None,
    cache: Path | None = None,
    constraints: Sequence[str] = (),
    progress: Progress = silent,
) -> Environment:
    """Return an environment with the release in `wheel` and `extras` of the toolkit; create it if it does not exist.

    The toolkit is `toolkit`, or else comes from `index`, or else from the public index; its Python is the running one.
    Raises SeatrialError with the installer's last lines; a failure leaves nothing behind.
    """
    resolution = resolve_release(wheel, extras=extras, toolkit=toolkit, index=index, constraints=constraints)
    root = environments_folder(cache) / f"{wheel.filename.rpartition('-py')[0] or wheel.path.stem}-{resolution.key}"
    contents = {"installed": resolution.requirements}
    return _ensure(root, contents, partial(_install_resolved, root, resolution), progress)


def _install_resolved(root: Path, resolution: Resolution) -> None:
    """Install our wheels by path and the rest by version, once it is known that the rest has none of our names."""
    ours = {each.wheel.name: each.requirement for each in resolution.wheels}
    found = resolve(root, resolution.requirements, resolution.constraints)
    others = {name: line for name, line in found.items() if name not in ours}
    resolution.refuse_own(others)
    install(root, [*ours.values(), *others.values()])


def make_locked_environment(
    lockfile: Lockfile, wheels: Path, *, cache: Path | None = None, progress: Progress = silent
) -> Environment:
    """Return an environment with exactly what a lockfile lists; our own wheels come from the folder `wheels`.

    The same text gives the same environment, for the Python that runs this.
    """
    names = {parse_wheel_name(path)[0] for path in wheels.glob("*.whl")}
    identity = f"{lockfile.digest} {platform.python_version()} {platform.machine()}"
    key = hashlib.sha256(identity.encode()).hexdigest()[:16]
    root = environments_folder(cache) / f"{lockfile.model.name}-pinned-{key}"
    private, public = lockfile.split(names)
    fill = partial(install_locked, root, private, public, wheels)
    return _ensure(root, {"lockfile": lockfile.digest}, fill, progress)


def environments_folder(cache: Path | None = None) -> Path:
    """The folder of all environments: `cache`, or else $SEATRIAL_HOME/environments, or else in the user's cache."""
    return cache.absolute() if cache else cache_home() / "environments"


@dataclass(frozen=True)
class CachedEnvironment:
    """An environment on this machine: when it was last requested, and the bytes that its removal would free."""

    root: Path
    last_used: float  # seconds since 1970; 0 if it is only half created

    @cached_property
    def size(self) -> int:
        """The bytes of files that are only here; measured only when asked for, since it takes thousands of calls."""
        return _own_size(self.root)

    @property
    def in_use(self) -> bool:
        """Whether a process runs from there."""
        return _in_use(self.root)


def cached_environments(cache: Path | None = None) -> list[CachedEnvironment]:
    """Find the environments on this machine, the last requested first."""
    home = environments_folder(cache)
    roots = [root for root in home.glob("[!.]*") if root.is_dir()] if home.is_dir() else []
    found = [CachedEnvironment(root, _last_used(root)) for root in roots]
    return sorted(found, key=lambda each: (-each.last_used, each.root.name))


def size_limit() -> int:
    """The bytes that environments may take: $SEATRIAL_CACHE_GB, or else 2 GB."""
    text = os.environ.get("SEATRIAL_CACHE_GB", "")
    try:
        limit = float(text) if text else LIMIT_GB
    except ValueError:
        limit = -1.0
    if not 0 <= limit < float("inf"):
        raise SeatrialError(f"SEATRIAL_CACHE_GB is {text!r}, which is not a number of gigabytes.", hint="Example: 2.5.")
    return int(limit * 1e9)


def prune(cache: Path | None = None, *, limit: int | None = None, recent: float = RECENT) -> list[CachedEnvironment]:
    """Remove environments that are half created, unused for 30 days, or beyond the size limit, the oldest first.

    None that is in use is removed, and beyond the limit none that was requested in the last `recent` seconds: somebody
    may be about to use it. Returns those that were removed.
    """
    home, total, removed = environments_folder(cache), 0, []
    limit = size_limit() if limit is None else limit
    found, now = cached_environments(cache), time.time()
    if all(now - each.last_used < min(recent, UNUSED_DAYS * 86400) for each in found):
        return []  # none may be removed, so none need be measured
    for each in found:
        total += each.size
        age = now - each.last_used
        if age < UNUSED_DAYS * 86400 and (total <= limit or age < recent):
            continue
        with _lock(home, each.root.name) as acquired:
            if acquired and _last_used(each.root) == each.last_used and not each.in_use:
                _remove(each.root)
                removed.append(each)
                total -= each.size
    return removed


def _ensure(root: Path, contents: object, fill: Callable[[], None], progress: Progress) -> Environment:
    """Return the environment at `root`; if it does not exist, create it under a lock, and `fill` it.

    `contents` is written into it for people to read.
    """
    home = root.parent
    cached = _is_usable(root)
    if not cached:
        with _lock_or_wait(home, root.name, progress):
            cached = _is_usable(root)  # another process may have created it while we waited
            if not cached:
                _create(root, contents, fill, progress)
    if cached:
        with suppress(OSError):
            os.utime(root / COMPLETE)  # when it was last requested, for `prune`
    else:
        prune(home)
    return Environment(root, python_in(root), cached)


def _create(root: Path, contents: object, fill: Callable[[], None], progress: Progress) -> None:
    """Create the environment in its final place, since it cannot be moved; the marker is written last."""
    _remove(root)
    try:
        progress("creating a clean environment")
        create(root)
        progress("installing the release into it")
        fill()
        if site := site_packages(root):
            copy_compiled(site)
        write_atomic(root / COMPLETE, to_json(contents))
    except BaseException as error:
        _remove(root)
        if isinstance(error, OSError):
            raise unwritable(root.parent, error) from None
        raise


def _is_usable(root: Path) -> bool:
    """Whether an environment is complete, and the Python that it links to still exists."""
    return (root / COMPLETE).is_file() and python_in(root).exists()


def _last_used(root: Path) -> float:
    try:
        return (root / COMPLETE).stat().st_mtime
    except FileNotFoundError:
        return 0.0  # half created by a process that was killed, or being created under its lock


def _own_size(root: Path) -> int:
    """The bytes of files that are only here; uv links most of an environment to its own cache."""
    size = 0
    for folder, _, names in os.walk(root):
        for name in names:
            with suppress(OSError):
                status = os.lstat(os.path.join(folder, name))  # noqa: PTH118 - many thousand files
                size += status.st_size if status.st_nlink == 1 else 0
    return size


def _remove(root: Path) -> None:
    with suppress(OSError):
        (root / COMPLETE).unlink()  # first, so that an interrupted removal leaves nothing that looks complete
    shutil.rmtree(root, ignore_errors=True)


def _in_use(root: Path) -> bool:
    """Whether a process runs from there, where the system has /proc."""
    prefix = os.fsencode(root) + b"/"
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if prefix in path.read_bytes():
                return True
    return False


@contextmanager
def _lock_or_wait(home: Path, name: str, progress: Progress) -> Iterator[None]:
    with _lock(home, name) as acquired:
        if acquired:
            yield
            return
    progress("waiting for another process that creates the same environment")
    with _lock(home, name, LOCK_TIMEOUT) as acquired:
        if not acquired:
            raise SeatrialError(
                f"Another process has been creating {home / name} for {LOCK_TIMEOUT:.0f} s.",
                hint="Stop that process, and try again.",
            )
        yield


@contextmanager
def _lock(home: Path, name: str, timeout: float = 0) -> Iterator[bool]:
    """Try to take the lock of one environment; yields whether that succeeded."""
    from filelock import FileLock, Timeout

    locks = home / ".locks"
    try:
        locks.mkdir(parents=True, exist_ok=True)
        lock = FileLock(locks / f"{name}.lock", timeout=timeout)
        lock.acquire()
    except Timeout:
        yield False
        return
    except OSError as error:
        raise unwritable(home, error) from None
    try:
        yield True
    finally:
        lock.release()


def unwritable(home: Path, error: OSError) -> SeatrialError:
    """The error for a cache that cannot be written, as when its disk is full."""
    return SeatrialError(
        f"{home} cannot be written: {error.strerror or error}.",
        hint="Free some space there, or set SEATRIAL_HOME to another folder.",
    )
