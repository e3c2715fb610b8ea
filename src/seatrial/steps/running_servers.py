"""Which releases are being served on this machine: a small file per server, checked against the running process."""

import json
import os
from pathlib import Path
from typing import Any

from seatrial.core.state import state_home


def served_folder() -> Path:
    """Where servers note that they are running."""
    return state_home() / "served"


def served() -> list[dict[str, Any]]:
    """The servers that are alive; a note left behind by a killed one is passed over."""
    found = []
    for path in sorted(served_folder().glob("*.json")):
        try:
            note = json.loads(path.read_bytes())
            os.kill(int(note["pid"]), 0)
        except (OSError, ValueError, KeyError):
            continue
        found.append(note)
    return found
