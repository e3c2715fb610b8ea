"""The server's settings, and how they reach worker processes."""

import json
import os
from dataclasses import asdict, dataclass
from typing import Literal

from seatrial.model.row_validation import ROW_LIMIT

LogFormat = Literal["auto", "text", "json"]
HANDED_ON = "SEATRIAL_SERVE"  # the environment variable by which a server's workers get its settings


@dataclass(frozen=True)
class Settings:
    """Where to listen, what is refused, and how to log. Sizes in bytes, times in seconds."""

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
    standby_fd: int | None = None  # and a private one, on which alone it answers until it is told to accept
    log_format: LogFormat = "auto"
    log_level: str = "info"

    def hand_on(self, package: str) -> None:
        """Leave the settings where this process's workers find them."""
        os.environ[HANDED_ON] = json.dumps({"package": package, "settings": asdict(self)})


def handed_on() -> tuple[str, Settings]:
    """The package to serve and the settings, in a worker process."""
    document = json.loads(os.environ[HANDED_ON])
    return document["package"], Settings(**document["settings"])
