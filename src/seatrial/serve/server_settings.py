"""The server's settings, and how they are passed to worker processes."""

import json
import os
from dataclasses import asdict, dataclass
from typing import Literal

from seatrial.model.row_validation import ROW_LIMIT

LogFormat = Literal["auto", "text", "json"]
WORKER_SETTINGS = "SEATRIAL_SERVE"  # the environment variable that passes the settings to a server's workers


@dataclass(frozen=True)
class Settings:
    """Where to listen, what to refuse, and how to log. Sizes in bytes, times in seconds."""

    host: str = "127.0.0.1"
    port: int = 8001
    workers: int = 1
    body_limit: int = 2**20
    row_limit: int = ROW_LIMIT
    header_limit: int = 16 * 2**10
    receive_timeout: float = 10.0
    keep_alive: float = 30.0
    stop_timeout: float = 3.0
    drain: float = 0.0  # how long idle connections are kept after SIGTERM, see handover.py
    fd: int | None = None  # a listening socket that the parent process opened
    standby_fd: int | None = None  # a private socket, the only one that is served before "accept"
    log_format: LogFormat = "auto"
    log_level: str = "info"

    def pass_to_workers(self, package: str) -> None:
        """Put the settings where this process's workers find them."""
        os.environ[WORKER_SETTINGS] = json.dumps({"package": package, "settings": asdict(self)})


def worker_settings() -> tuple[str, Settings]:
    """In a worker process: the package to serve, and the settings."""
    document = json.loads(os.environ[WORKER_SETTINGS])
    return document["package"], Settings(**document["settings"])
