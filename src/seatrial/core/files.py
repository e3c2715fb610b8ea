"""Atomic writes, and JSON whose bytes depend on its content only."""

import hashlib
import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from seatrial.core.errors import SeatrialError


def write_atomic(path: Path, content: bytes | str) -> None:
    """Write a file so that a reader sees the old content or the new, and never a part of it."""
    data = content.encode() if isinstance(content, str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException as error:
        with suppress(OSError):
            Path(temporary).unlink()
        if isinstance(error, OSError):  # a full disk does not name the file
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise


def to_json(value: Any) -> str:
    """Render JSON for people and for hashing: sorted keys, no NaN, a final line break."""
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def read_json(path: Path) -> Any:
    """Read a JSON file; raises SeatrialError, with the path, where it is missing or damaged."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        raise SeatrialError(f"{path} does not exist.") from None
    except (ValueError, OSError) as error:
        raise SeatrialError(f"{path} cannot be read as JSON: {error}") from None


def sha256(path: Path) -> str:
    """Hash a file in chunks, so that a large one need not fit in memory."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
