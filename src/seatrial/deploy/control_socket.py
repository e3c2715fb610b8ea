"""Where a supervisor is reached: its control socket, and the record `supervisor.json` in its folder that names it."""

import os
import secrets
import socket
import tempfile
from pathlib import Path

from seatrial.core.errors import SeatrialError
from seatrial.core.files import read_json, to_json, write_atomic

PATH_LIMIT = 100  # bytes; a Unix socket's path may have 107 on Linux and 103 elsewhere
BACKLOG = 16


def control_path(folder: Path) -> Path:
    """A path for the control socket of a new supervisor: in its folder, unless that path is too long."""
    path = folder / "control"
    return path if len(os.fsencode(path)) <= PATH_LIMIT else Path(tempfile.mkdtemp(prefix="seatrial-")) / "control"


def known_control_path(folder: Path) -> Path:
    """The path in the record, or the usual one where the record is lost or damaged."""
    try:
        return Path(str(read_json(record_of(folder))["control"]))
    except (SeatrialError, KeyError, TypeError):
        return folder / "control"


def record_of(folder: Path) -> Path:
    """The record of the supervisor whose folder this is."""
    return folder / "supervisor.json"


def write_record(folder: Path, pid: int, path: Path) -> None:
    """Write the record, unless it is there."""
    content = to_json({"pid": pid, "control": str(path)})
    record = record_of(folder)
    try:
        written = record.read_bytes() == content.encode()
    except OSError:
        written = False
    if not written:
        write_atomic(record, content)


def bind_control(path: Path) -> socket.socket:
    """Listen on a control socket that only this user can open."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if path.is_dir() and not path.is_symlink():
        path.rename(path.with_name(f"{path.name}-{secrets.token_hex(3)}"))  # not ours to delete
    path.unlink(missing_ok=True)
    control = socket.socket(socket.AF_UNIX)
    before = os.umask(0o177)
    try:
        control.bind(str(path))
    except OSError:
        control.close()
        raise
    finally:
        os.umask(before)
    control.listen(BACKLOG)
    return control
