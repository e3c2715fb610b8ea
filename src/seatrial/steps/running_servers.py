"""The servers that run on this machine: each keeps a small file, which is checked against its process."""

import json
from dataclasses import dataclass
from pathlib import Path

from seatrial.core.processes import is_running
from seatrial.core.state import state_home


@dataclass(frozen=True)
class RunningServer:
    """A server that is running: what it serves, and where."""

    pid: int
    url: str
    release: str
    version: str


def servers_folder() -> Path:
    """The folder in which servers record that they are running."""
    return state_home() / "served"


def running_servers() -> list[RunningServer]:
    """List the running servers; a record that a killed one left behind is ignored."""
    servers = []
    for path in sorted(servers_folder().glob("*.json")):
        try:
            record = json.loads(path.read_bytes())
            server = RunningServer(int(record["pid"]), record["url"], record["release"], record["version"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if is_running(server.pid):
            servers.append(server)
    return servers
