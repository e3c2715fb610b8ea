"""Which releases are being served on this machine: a small file per server, checked against the running process."""

import json
import os
from pathlib import Path
from typing import Any

import platformdirs


def served_folder() -> Path:
    """Where servers note that they are running."""
    home = os.environ.get("SEATRIAL_HOME")
    return (Path(home) if home else Path(platformdirs.user_state_dir("seatrial"))) / "served"


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
