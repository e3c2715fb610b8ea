"""The index service: a private package index, served from a folder."""

import logging
import sys
from asyncio.sslproto import SSLProtocol
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TextIO

from filelock import FileLock, Timeout

from seatrial.core.errors import SeatrialError
from seatrial.core.ports import listen, url_of
from seatrial.core.project import ProjectSettings
from seatrial.http import Limits
from seatrial.http.tls import TlsFiles
from seatrial.release import FolderIndex
from seatrial.release.index_brake import Brake
from seatrial.release.index_server import Access, make_app

if TYPE_CHECKING:
    import uvicorn

BODY_HELD = 256 * 2**10  # bytes of an upload that are in memory while it is received; the rest is on disk
REFUSALS_LOGGED = 20  # lines a second
TLS_BUFFER = 16 * 2**10  # bytes; as many as one record has
FORM_SIZE = 8 * 2**20  # bytes of the other fields of an upload


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
    from seatrial.http import GuardedServer

    if certificate and key:
        TlsFiles(certificate, key).context()  # an error is reported before anything listens
    with listen(host, port) as listener:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with FileLock(folder / ".serving", timeout=0):
                on_start(url_of(host, listener.getsockname()[1], "https" if certificate else "http"))
                # Half of the connections stay free for those who know the password.
                brake = Brake(pending=index_limits().connection_count() // 2)
                app = make_app(FolderIndex(folder), access, brake=brake)
                config = server_config(app, certificate=certificate, key=key)
                with _logged_to(sys.stderr):
                    GuardedServer(config).run(sockets=[listener])
        except Timeout:
            raise SeatrialError(
                f"Another process is already serving {folder}.", hint="Stop that server first."
            ) from None
        except OSError as error:
            raise SeatrialError(f"{folder} cannot be served: {error.strerror or error}.") from None


def index_limits() -> Limits:
    """The limits of the index: those of the model server, with time and room for large uploads."""
    from seatrial.release.index_upload import LIMIT, SECONDS

    return Limits(body_size=LIMIT + FORM_SIZE, body_held=BODY_HELD, body_seconds=SECONDS)


def server_config(app: Any, *, certificate: Path | None = None, key: Path | None = None) -> "uvicorn.Config":
    """Uvicorn's configuration for the index."""
    from seatrial.http import guarded_config

    loop: Literal["auto", "asyncio"] = "auto"
    if certificate:
        loop = "asyncio"  # the buffer of each of its connections can be set: 256 KiB are too many for thousands
        SSLProtocol.max_size = TLS_BUFFER
    return guarded_config(
        app,
        index_limits(),
        access_log=True,
        log_level="info",
        loop=loop,
        tls=TlsFiles(certificate, key) if certificate and key else None,
        stop_timeout=10,
    )


class RefusalFilter(logging.Filter):
    """Lets through some lines of each second about refused requests, so that a flood of them does not cost more."""

    def __init__(self) -> None:
        super().__init__()
        self._second, self._lines, self._left_out = 0.0, 0, 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a line of Uvicorn's access log is written; its last argument is the status."""
        arguments = record.args
        if not (isinstance(arguments, tuple) and arguments and isinstance(arguments[-1], int) and arguments[-1] >= 400):
            return True
        if record.created - self._second >= 1:
            left_out, self._left_out = self._left_out, 0
            self._second, self._lines = record.created, 0
            if left_out:
                logging.getLogger("uvicorn.error").warning("%d more requests were refused", left_out)
        self._lines += 1
        self._left_out += self._lines > REFUSALS_LOGGED
        return self._lines <= REFUSALS_LOGGED


@contextmanager
def _logged_to(stream: TextIO) -> Iterator[None]:
    """Write the log by a thread that drops lines while nobody reads them: a full pipe must not stop the server."""
    from seatrial.http.log_writer import BackgroundHandler

    root, handler = logging.getLogger(), BackgroundHandler(stream)  # of all: others would write to the stream and wait
    handler.setFormatter(logging.Formatter("%(levelname)s:     %(message)s"))
    root.addHandler(handler)
    logging.getLogger("uvicorn").setLevel(logging.INFO)
    access, refusals = logging.getLogger("uvicorn.access"), RefusalFilter()
    access.addFilter(refusals)
    try:
        yield
    finally:
        access.removeFilter(refusals)
        root.removeHandler(handler)
        handler.close()


def index_folder(project: ProjectSettings) -> Path:
    """Return the folder of the project's first index that is a folder."""
    folders = [settings.folder for settings in project.indexes if settings.folder]
    if not folders:
        raise SeatrialError(f"{project.root} has no index in a folder.", hint="Name one with --folder.")
    return folders[0]
