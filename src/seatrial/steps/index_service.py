"""The index service: a private package index, served from a folder."""

import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seatrial.core.errors import SeatrialError
from seatrial.core.index_settings import LOOPBACK
from seatrial.core.ports import listen, url_of

if TYPE_CHECKING:
    from seatrial.core.project import ProjectSettings


@dataclass(frozen=True)
class IndexService:
    """How an index is served: from which folder, on which address, to whom, and with which certificate."""

    folder: Path
    host: str
    port: int
    user: str
    password: str
    open_reading: bool = False
    certificate: Path | None = None
    key: Path | None = None

    @property
    def sends_password_openly(self) -> bool:
        """Whether clients send the password over an unencrypted connection that others can read."""
        return bool(self.password) and self.certificate is None and self.host not in LOOPBACK


def serve_index(service: IndexService, on_start: Callable[[str], None]) -> None:
    """Serve the index until the process is stopped; `on_start` is called with its URL."""
    from filelock import FileLock, Timeout

    for file in (service.certificate, service.key):
        if file and not file.is_file():
            raise SeatrialError(f"{file} does not exist.", hint="Check --certificate and --key.")
    with listen(service.host, service.port) as listener:
        try:
            service.folder.mkdir(parents=True, exist_ok=True)
            with FileLock(service.folder / ".serving", timeout=0):
                scheme = "https" if service.certificate else "http"
                on_start(url_of(service.host, listener.getsockname()[1], scheme))
                _run(service, listener)
        except Timeout:
            raise SeatrialError(
                f"Another process is already serving {service.folder}.", hint="Stop that server first."
            ) from None
        except OSError as error:
            raise SeatrialError(f"{service.folder} cannot be served: {error.strerror or error}.") from None


def index_folder(project: "ProjectSettings") -> Path:
    """Return the folder of the project's first index that is a folder."""
    folders = [settings.folder for settings in project.indexes if settings.folder]
    if not folders:
        raise SeatrialError(f"{project.root} has no index in a folder.", hint="Name one with --folder.")
    return folders[0]


def _run(service: IndexService, listener: socket.socket) -> None:
    import uvicorn

    from seatrial.release import FolderIndex
    from seatrial.release.index_server import Access, make_app

    app: Any = make_app(FolderIndex(service.folder), Access(service.user, service.password, service.open_reading))
    config = uvicorn.Config(
        app,
        log_level="info",
        ssl_certfile=service.certificate,
        ssl_keyfile=service.key,
        limit_concurrency=64,
        timeout_graceful_shutdown=10,
        server_header=False,
    )
    uvicorn.Server(config).run(sockets=[listener])
