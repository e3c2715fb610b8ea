"""Atomic writes, and JSON whose bytes depend on its content only."""

import glob
import hashlib
import json
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from seatrial.core.errors import SeatrialError
from seatrial.core.processes import is_running

PROBE_BYTES = 1 << 18  # less room than this is none
LITTLE_SPACE = 200_000_000  # bytes; an environment takes some 300 MB


@contextmanager
def replacing(path: Path, *, like: Path | Sequence[Path] | None = None, private: bool = False) -> Iterator[BinaryIO]:
    """Yield a file that replaces `path` when the block ends, and that is removed where the block raises.

    A file that exists keeps its permissions; a new one has those that the user's umask gives. With `like`, nobody is
    given access who has none to that file, or to one of those, as for a copy of a table; with `private`, only the owner
    has any.
    """
    temporary = temporary_for(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Opened by hand, since tempfile ignores the umask.
        allowed = 0o600 if private else _permissions(like)
        with open(temporary, "xb", opener=lambda name, flags: os.open(name, flags, 0o666 & allowed)) as file:
            if (existing := _existing_permissions(path)) is not None:
                temporary.chmod(existing & allowed)
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink()
        if isinstance(error, FileNotFoundError) and error.filename in map(str, (temporary, *path.parents)):
            # As in /proc, or in a folder that was removed meanwhile.
            raise SeatrialError(f"{path}: no file can be created there.", hint="Name another folder.") from None
        if isinstance(error, OSError) and error.filename in (None, str(temporary)):
            raise OSError(error.errno, error.strerror, str(path)) from None  # a full disk names no file
        raise


def temporary_for(path: Path) -> Path:
    """A name next to `path` for what will replace it; what killed processes left under such names is removed."""
    remove_left(path)
    return path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(3)}")


def remove_left(path: Path) -> None:
    """Remove what killed processes left next to `path` in order to replace it; an editor's hidden files stay."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.*-*"):
        pid = left.name.removeprefix(f".{path.name}.").partition("-")[0]
        if pid.isdecimal() and not is_running(int(pid)):
            with suppress(OSError):
                shutil.rmtree(left) if left.is_dir() else left.unlink()


def write_atomic(
    path: Path, content: bytes | str, *, like: Path | Sequence[Path] | None = None, private: bool = False
) -> None:
    """Write a file so that a reader sees the old content or the new, and never a part of it; options as above."""
    with replacing(path, like=like, private=private) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def restrict(path: Path, like: Path) -> None:
    """Take the access to `path` from those who have none to `like`, as for a copy of a table."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & ~_permissions(like):
        path.chmod(mode & _permissions(like))


def _existing_permissions(path: Path) -> int | None:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return None


def _permissions(like: Path | Sequence[Path] | None) -> int:
    allowed = 0o777
    for each in (like,) if isinstance(like, Path) else like or ():
        existing = _existing_permissions(each)
        allowed &= 0o777 if existing is None else existing
    return allowed | 0o600  # the owner may still edit the copy of a read-only file


def touch_as_newest(path: Path, others: Iterable[Path]) -> None:
    """Give a file a later time than `others`, of which it may be one, whatever the clock says: it may be set back."""
    times = [other.stat().st_mtime_ns for other in others if other != path and other.exists()]
    if times and path.stat().st_mtime_ns <= max(times):
        os.utime(path, ns=(max(times) + 1000, max(times) + 1000))


def require_writable(*folders: Path) -> None:
    """Raise OSError for a full or a read-only disk, before long work whose result could not be written there."""
    for folder in folders:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder) as file:
                file.write(bytes(PROBE_BYTES))
                file.flush()
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(folder)) from None


def disk_hint(folder: Path, otherwise: str) -> str:
    """The hint for a tool that failed in `folder`: its disk, where it is full or read-only, since tools hide that."""
    try:
        free = shutil.disk_usage(folder).free
        writable = os.access(folder, os.W_OK)
    except OSError:
        return otherwise
    if free < LITTLE_SPACE:
        return f"The disk of {folder} has {free / 1e6:.0f} MB left: free some space."
    return otherwise if writable else f"{folder} cannot be written: check its permissions and its disk."


def to_json(value: Any) -> str:
    """Render JSON for people and for hashing: sorted keys, no NaN, a final line break."""
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def read_json(path: Path, hint: str = "") -> Any:
    """Read a JSON file; raises SeatrialError, with the path and the hint, where it is missing or damaged."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe or a device would never end
            raise OSError("it is not a file")
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        raise SeatrialError(f"{path} does not exist.", hint=hint) from None
    except (ValueError, OSError, RecursionError) as error:
        raise SeatrialError(f"{path} cannot be read as JSON: {error}.", hint=hint) from None


def sha256(path: Path) -> str:
    """Hash a file in chunks, so that a large one need not fit in memory."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
