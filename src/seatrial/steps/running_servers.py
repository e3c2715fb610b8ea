"""Which releases are being served on this machine: a small file per server, checked against the running process."""

import json
from pathlib import Path
from typing import Any

from seatrial.core.processes import is_running
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
            running = is_running(int(note["pid"]))
        except (OSError, ValueError, KeyError):
            continue
        found += [note] if running else []
    return found
