"""The folders for what belongs to a machine and not to one project."""

import os
from pathlib import Path


def state_home() -> Path:
    """$SEATRIAL_HOME, or else the user's state folder."""
    return _home("user_state_dir")


def cache_home() -> Path:
    """$SEATRIAL_HOME, or else the user's cache folder."""
    return _home("user_cache_dir")


def _home(kind: str) -> Path:
    home = os.environ.get("SEATRIAL_HOME")
    if home:
        return Path(home).absolute()
    import platformdirs

    return Path(getattr(platformdirs, kind)("seatrial"))
