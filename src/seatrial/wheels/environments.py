"""A virtual environment that holds exactly one release, made once and kept by the hash of what is in it."""

import hashlib
import os
import platform
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from seatrial.core.errors import SeatrialError
from seatrial.core.files import to_json, write_atomic
from seatrial.wheels.installer import create, install, install_locked, python_in
from seatrial.wheels.lockfile import Lockfile
from seatrial.wheels.resolution import resolve_release
from seatrial.wheels.sources import WheelSource
from seatrial.wheels.wheel import parse_wheel_name

COMPLETE = ".complete.json"
LOCK_TIMEOUT = 900.0  # seconds to wait for another process that makes the same environment
UNUSED_DAYS = 30.0

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Environment:
    """A complete environment; `cached` if it was there already, `seconds` what it took."""

    root: Path
    python: Path
    cached: bool
    seconds: float


def make_environment(
    wheel: Path,
    *,
    extras: Sequence[str] = (),
    toolkit: Path | str | None = None,
    index: WheelSource | Path | None = None,
    cache: Path | None = None,
    python: str | None = None,
    constraints: Sequence[str] = (),
    progress: Progress = lambda _: None,
) -> Environment:
    """Give an environment with the release in `wheel` and `extras` of the toolkit; make it if need be.

    `toolkit` is a requirement or the path of a wheel of Seatrial; else `index` is asked, an opened one or a folder,
    then the public index. `python` is an interpreter or, with uv, a version; default: the one that runs this. Raises
    SeatrialError with the installer's last words; a failure leaves nothing behind.
    """
    started = time.monotonic()
    contents = resolve_release(
        wheel,
        extras=extras,
        toolkit=toolkit,
        index=index,
        constraints=constraints,
        interpreter=python or sys.executable,
    )
    root = environments_folder(cache) / f"{wheel.name.rpartition('-py')[0] or wheel.stem}-{contents.key}"

    def fill() -> None:
        install(root, contents.requirements, contents.constraints)

    told = {"installed": contents.requirements, "python": contents.interpreter}
    return _ensure(root, contents.interpreter, fill, told, started, progress)


def make_locked_environment(
    pin: Lockfile, wheels: Path, *, cache: Path | None = None, progress: Progress = lambda _: None
) -> Environment:
    """Give an environment that holds exactly what `pin` says; ours come from the folder `wheels`, all by hash.

    It is named by the pin: the same text gives the same environment, for the Python that runs this.
    """
    started = time.monotonic()
    python = sys.executable
    names = {parse_wheel_name(path)[0] for path in wheels.glob("*.whl")}
    key = hashlib.sha256(f"{pin.digest} {platform.python_version()} {platform.machine()}".encode()).hexdigest()[:16]
    root = environments_folder(cache) / f"{pin.model.name}-pinned-{key}"

    def fill() -> None:
        install_locked(root, pin.lines_for(names), pin.lines_for(names, others=True), wheels)

    return _ensure(root, python, fill, {"pin": pin.digest, "python": python}, started, progress)


def _ensure(
    root: Path, interpreter: str, fill: Callable[[], None], told: object, started: float, progress: Progress
) -> Environment:
    """Give the environment at `root`; make it if it is not there, under a lock."""
    home = root.parent
    cached = _usable(root)
    if not cached:
        with _lock(home, root.name, progress):
            cached = _usable(root)  # another process may have made it while we waited
            if not cached:
                _make(root, interpreter, fill, told, progress)
    if cached:
        with suppress(OSError):
            os.utime(root / COMPLETE)  # when it was last asked for: `prune` goes by that
    else:
        prune(home)
    return Environment(root, python_in(root), cached, time.monotonic() - started)


def environments_folder(cache: Path | None = None) -> Path:
    """Where environments are: `cache`, else $SEATRIAL_HOME/environments, else the user's cache folder."""
    if cache is not None:
        return cache.absolute()
    home = os.environ.get("SEATRIAL_HOME")
    if home:
        return Path(home).absolute() / "environments"
    import platformdirs

    return Path(platformdirs.user_cache_dir("seatrial")) / "environments"


def prune(cache: Path | None = None, *, unused_days: float = UNUSED_DAYS) -> list[Path]:
    """Remove environments that nobody asked for in so many days, and half-made ones; those in use stay."""
    home = environments_folder(cache)
    removed = []
    for root in sorted(home.glob("[!.]*")) if home.is_dir() else []:
        with _lock_if_free(home, root.name) as free:
            if free and _idle(root, unused_days) and not _in_use(root):
                _remove(root)
                removed.append(root)
    return removed


def _make(root: Path, interpreter: str, fill: Callable[[], None], told: object, progress: Progress) -> None:
    """Make the environment where it stays, since one cannot be moved; the marker comes last."""
    _remove(root)
    try:
        progress("making a clean environment")
        create(root, interpreter)
        progress("installing the release into it")
        fill()
        write_atomic(root / COMPLETE, to_json(told))
    except OSError as error:
        _remove(root)
        raise _unwritable(root.parent, error) from None
    except BaseException:
        _remove(root)
        raise


def _usable(root: Path) -> bool:
    """Whether an environment is complete, and the Python that it links to still there."""
    return (root / COMPLETE).is_file() and python_in(root).exists()


def _idle(root: Path, days: float) -> bool:
    try:
        return time.time() - (root / COMPLETE).stat().st_mtime >= days * 86400
    except FileNotFoundError:
        return True  # half-made by a process that was killed: nobody holds its lock


def _remove(root: Path) -> None:
    with suppress(OSError):
        (root / COMPLETE).unlink()  # first, so that a removal cut off here leaves nothing that looks complete
    shutil.rmtree(root, ignore_errors=True)


def _in_use(root: Path) -> bool:
    """Whether a process runs from there, as far as the system tells (/proc)."""
    here = os.fsencode(root) + b"/"
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if here in path.read_bytes():
                return True
    return False


@contextmanager
def _lock(home: Path, name: str, progress: Progress) -> Iterator[None]:
    with _lock_if_free(home, name) as free:
        if free:
            yield
            return
    from filelock import FileLock, Timeout

    progress("waiting for another process that makes the same environment")
    try:
        lock = FileLock(_lock_path(home, name), timeout=LOCK_TIMEOUT)
        lock.acquire()
    except Timeout:
        raise SeatrialError(
            f"Another process has been making {home / name} for {LOCK_TIMEOUT:.0f} s.",
            hint="End it, and try again.",
        ) from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _lock_if_free(home: Path, name: str) -> Iterator[bool]:
    """Take the lock of one environment if nobody has it; yields whether it was free."""
    from filelock import FileLock, Timeout

    lock = FileLock(_lock_path(home, name), timeout=0)
    try:
        lock.acquire()
    except Timeout:
        yield False
        return
    except OSError as error:
        raise _unwritable(home, error) from None
    try:
        yield True
    finally:
        lock.release()


def _lock_path(home: Path, name: str) -> Path:
    try:
        (home / ".locks").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(home, error) from None
    return home / ".locks" / f"{name}.lock"


def _unwritable(home: Path, error: OSError) -> SeatrialError:
    return SeatrialError(
        f"{home} cannot be written: {error.strerror or error}.",
        hint="Make room there, or name another folder in SEATRIAL_HOME.",
    )
