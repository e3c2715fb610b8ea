"""The folders for what belongs to a machine and not to one project."""

import os
import tempfile
from pathlib import Path

from seatrial.core.errors import SeatrialError


def state_home() -> Path:
    """$SEATRIAL_HOME, or else the user's state folder; without a writable home, a private temporary folder."""
    return _home("user_state_dir")


def cache_home() -> Path:
    """$SEATRIAL_HOME, or else the user's cache folder; without a writable home, a private temporary folder."""
    return _home("user_cache_dir")


def _home(kind: str) -> Path:
    home = os.environ.get("SEATRIAL_HOME")
    if home:
        return Path(home).absolute()
    import platformdirs

    folder = Path(getattr(platformdirs, kind)("seatrial"))
    return folder if _can_be_written(folder) else _temporary_home() / kind


def tool_cache(tool: str) -> Path | None:
    """A folder for another tool's cache where its usual one cannot be written; None where it can."""
    import platformdirs

    return None if _can_be_written(Path(platformdirs.user_cache_dir(tool))) else cache_home() / tool


def _can_be_written(folder: Path) -> bool:
    existing = next((each for each in (folder, *folder.parents) if each.exists()), folder)
    return folder.is_absolute() and os.access(existing, os.W_OK)


def _temporary_home() -> Path:
    """A folder of this user's own for containers with a user that has no home."""
    folder = Path(tempfile.gettempdir()) / f"seatrial-{os.getuid() if hasattr(os, 'getuid') else 'user'}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if hasattr(os, "getuid") and (folder.is_symlink() or folder.stat().st_uid != os.getuid()):
        raise SeatrialError(f"{folder} belongs to somebody else.", hint="Set SEATRIAL_HOME to a folder of your own.")
    return folder
