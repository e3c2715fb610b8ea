"""The server's settings, and how they are passed to worker processes."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from seatrial.http import Limits
from seatrial.http.tls import TlsFiles
from seatrial.model.row_validation import ROW_LIMIT

LogFormat = Literal["auto", "text", "json"]
KEYS = "SEATRIAL_KEYS"  # the environment variable with access keys, as JSON or as the path of a file
WORKER_SETTINGS = "SEATRIAL_SERVE"  # the environment variable that passes the settings to a server's workers


@dataclass(frozen=True)
class Settings:
    """Where to listen, what to refuse, and how to log. Sizes in bytes, times in seconds."""

    host: str = "127.0.0.1"
    port: int = 8001
    allowed_hosts: tuple[str, ...] = ()  # the names in Host headers; default: see AllowedHosts
    bound: str = ""  # the address that the server really listens on
    keys: str = ""  # the path of a file with access keys
    keys_text: str = field(default_factory=lambda: os.environ.get(KEYS, ""), repr=False)  # more keys, see KEYS
    open: bool = False  # listen beyond this machine although there are no keys
    cors_origins: tuple[str, ...] = ()  # of web pages that may read responses; * for all
    root_path: str = ""  # the path below which a proxy serves everything
    trusted_proxies: tuple[str, ...] = ()  # addresses and networks whose X-Forwarded headers count
    tls_certificate: str = ""  # the path of a PEM file; connections are encrypted
    tls_key: str = ""  # the path of its private key
    workers: int = 1
    body_limit: int = 2**20
    bulk_limit: int = 128 * 2**20  # of a table that is answered as it arrives
    row_limit: int = ROW_LIMIT
    header_limit: int = 16 * 2**10
    receive_timeout: float = 10.0
    keep_alive: float = 30.0
    stop_timeout: float = 3.0
    buffer_limit: int | None = None  # what clients make all workers hold; default: a sixteenth of the memory
    connection_limit: int | None = None  # of all workers
    wait_limit: float = 1.0  # how long a request may have to wait for the engine
    drain: float = 0.0  # how long idle connections are kept after SIGTERM, see handover.py
    fd: int | None = None  # a listening socket that the parent process opened
    standby_fd: int | None = None  # a private socket, the only one that is served before "accept"
    lent_socket: str = ""  # the name by which other servers may borrow the listening socket, see lent_socket.py
    borrowed_socket: str = ""  # the name of one to borrow; until SIGUSR1 only 127.0.0.1:port is served
    predict_route: str = ""  # a further path for predictions in Vertex AI's form
    health_route: str = ""  # a further path for its health checks
    prediction_log: str = field(default="", repr=False)  # a destination, or settings as JSON; see LogSettings
    metrics_folder: str = ""  # where the workers share their numbers; the server makes it
    mcp: bool = False  # answer the Model Context Protocol at /mcp
    grpc_port: int | None = None  # where the Open Inference Protocol is served over gRPC; 0 chooses a free port
    log_format: LogFormat = "auto"
    log_level: str = "info"

    @property
    def standby(self) -> bool:
        """Whether it serves a private socket first, to be verified there."""
        return self.standby_fd is not None or bool(self.borrowed_socket)

    @property
    def locked(self) -> bool:
        """Whether callers need a key."""
        return bool(self.keys or self.keys_text)

    @property
    def tls(self) -> TlsFiles | None:
        """The files for encrypted connections."""
        return TlsFiles(Path(self.tls_certificate), Path(self.tls_key)) if self.tls_certificate else None

    def limits(self) -> Limits:
        """What each worker process accepts from its clients."""
        return Limits(
            header_size=self.header_limit,
            body_size=self.body_limit,
            header_seconds=self.receive_timeout,
            body_seconds=self.receive_timeout,
            stall_seconds=self.receive_timeout,
            keep_alive=self.keep_alive,
            held=self.buffer_limit,
            connections=self.connection_limit,
            workers=self.workers,
            encrypted=self.tls is not None,
        )

    def pass_to_workers(self, package: str) -> None:
        """Put the settings where this process's workers find them."""
        os.environ[WORKER_SETTINGS] = json.dumps({"package": package, "settings": asdict(self)})


def worker_settings() -> tuple[str, Settings]:
    """In a worker process: the package to serve, and the settings."""
    document = json.loads(os.environ[WORKER_SETTINGS])
    settings: dict[str, Any] = document["settings"]
    settings |= {name: tuple(value) for name, value in settings.items() if isinstance(value, list)}
    return document["package"], Settings(**settings)
