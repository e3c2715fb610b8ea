"""The index service: a private package index, served from a folder."""

from collections.abc import Callable
from pathlib import Path

from filelock import FileLock, Timeout

from seatrial.core.errors import SeatrialError
from seatrial.core.ports import listen, url_of
from seatrial.core.project import ProjectSettings
from seatrial.release import FolderIndex
from seatrial.release.index_server import Access, make_app


def serve_index(
    folder: Path,
    access: Access,
    *,
    host: str,
    port: int,
    certificate: Path | None,
    key: Path | None,
    on_start: Callable[[str], None],
) -> None:
    """Serve the index until the process is stopped; `on_start` is called with its URL."""
    import uvicorn

    for file in (certificate, key):
        if file and not file.is_file():
            raise SeatrialError(f"{file} does not exist.", hint="Check --certificate and --key.")
    with listen(host, port) as listener:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with FileLock(folder / ".serving", timeout=0):
                on_start(url_of(host, listener.getsockname()[1], "https" if certificate else "http"))
                config = uvicorn.Config(
                    make_app(FolderIndex(folder), access),
                    log_level="info",
                    ssl_certfile=certificate,
                    ssl_keyfile=key,
                    limit_concurrency=64,
                    timeout_graceful_shutdown=10,
                    server_header=False,
                )
                uvicorn.Server(config).run(sockets=[listener])
        except Timeout:
            raise SeatrialError(
                f"Another process is already serving {folder}.", hint="Stop that server first."
            ) from None
        except OSError as error:
            raise SeatrialError(f"{folder} cannot be served: {error.strerror or error}.") from None


def index_folder(project: ProjectSettings) -> Path:
    """Return the folder of the project's first index that is a folder."""
    folders = [settings.folder for settings in project.indexes if settings.folder]
    if not folders:
        raise SeatrialError(f"{project.root} has no index in a folder.", hint="Name one with --folder.")
    return folders[0]
