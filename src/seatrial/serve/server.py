"""Runs the server: one process or several, from the first line of its log to a quick end."""

import json
import os
import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import uvicorn
from loguru import logger
from uvicorn.supervisors import Multiprocess

from seatrial.core.errors import SeatrialError
from seatrial.core.files import write_atomic
from seatrial.model import Release
from seatrial.serve import logs
from seatrial.serve.asgi import Front, create_app
from seatrial.serve.handover import Server, inherited, obey
from seatrial.serve.http_fast_path import ExpressProtocol
from seatrial.serve.server_settings import Settings, handed_on

NOTES = "SEATRIAL_SERVED_DIR"  # where servers note that they are running, if anybody wants to know
BACKLOG = 2048


def run(package: str, settings: Settings) -> int:
    """Serve the installed `package` until a signal ends it; returns the exit code.

    Raises SeatrialError where the release cannot be read or the address cannot be used.
    """
    access = logs.configure(settings)
    release = Release(package, row_limit=settings.row_limit)
    title = f"{release.name} {release.version}"
    with _listen(settings.host, settings.port) if settings.fd is None else inherited(settings.fd, "--fd") as listener:
        host = settings.host if settings.fd is None else listener.getsockname()[0]
        url = _url(host, listener.getsockname()[1])
        note = _Note({"pid": os.getpid(), "url": url, "release": release.name, "version": release.version})
        stamp = [("x-release", f"{release.name}=={release.version}")]
        if settings.workers > 1:
            settings.hand_on(package)
            config = server_config("seatrial.serve.server:create_worker", settings, factory=True, headers=stamp)
            with note.kept():
                logger.info("serving {} on {}, with {} workers", title, url, settings.workers)
                supervisor = _Workers(config, sockets=[listener])
                supervisor.run()
            return 1 if supervisor.failed else 0
        config = server_config(create_app(release, settings, access), settings, headers=stamp)
        server = Server(config, drain=settings.drain)
        first = listener

        def accepting() -> None:
            note.put()
            logger.info("serving {} on {}", title, url)

        if settings.standby_fd is None:
            server.on_start = accepting
        else:
            first = inherited(settings.standby_fd, "--standby-fd")
            server.on_accept = accepting
            obey(lambda: server.accept_from(listener))
        server.on_leave = note.remove
        with note.kept(put=False), _signals_end(server), suppress(SystemExit):
            server.run(sockets=[first])
        return 0 if server.started else 1


def create_worker() -> Front:
    """Make the application in a worker process."""
    package, settings = handed_on()
    return create_app(Release(package, row_limit=settings.row_limit), settings, logs.configure(settings))


def server_config(
    app: Any, settings: Settings, *, factory: bool = False, headers: Sequence[tuple[str, str]] = ()
) -> uvicorn.Config:
    """Say how Uvicorn is to serve a Front, or with `factory` what makes one; every answer gets `headers`."""
    return uvicorn.Config(
        app,
        factory=factory,
        workers=settings.workers,
        http=ExpressProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        headers=list(headers),
        backlog=BACKLOG,
        timeout_keep_alive=settings.keep_alive,  # type: ignore[arg-type]
        timeout_graceful_shutdown=settings.stop_timeout,  # type: ignore[arg-type]
    )


class _Workers(Multiprocess):
    """Restarts workers that die, and says so; ends if one cannot start."""

    failed = False

    def keep_subprocess_alive(self) -> None:
        """Look after the workers, which Uvicorn does twice a second."""
        ending = self.should_exit.is_set()
        before = [process.pid for process in self.processes]
        super().keep_subprocess_alive()
        for old, process in zip(before, self.processes, strict=True):
            if process.pid != old:
                logger.warning("worker {} died; {} takes its place", old, process.pid)
        if self.should_exit.is_set() and not ending:  # Uvicorn gives up where a worker cannot start
            self.failed = True


@contextmanager
def _signals_end(server: uvicorn.Server) -> Iterator[None]:
    """End by signals before Uvicorn listens to them, and quietly: it raises the one that ended it once more."""

    def end(*_: object) -> None:
        server.should_exit = True

    ending = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, end) for number in ending]
    try:
        yield
    finally:
        for number, handler in zip(ending, before, strict=True):
            signal.signal(number, handler)


def _listen(host: str, port: int) -> socket.socket:
    """Take the address; from here on it is ours, and callers wait while the model is loaded."""
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = min(found, key=lambda info: info[0] != socket.AF_INET)
    except (OSError, UnicodeError):
        raise SeatrialError(f"There is no address to listen on called {host!r}.", hint="Use 127.0.0.1.") from None
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name != "nt":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise SeatrialError(
            f"Port {port} on {host} cannot be used: {error.strerror}.", hint="Choose another with --port or PORT."
        ) from None
    listener.set_inheritable(True)
    return listener


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _Note:
    """A note that this server takes connections, for as long as it does, if anybody wants to know."""

    def __init__(self, content: dict[str, Any]) -> None:
        folder = os.environ.get(NOTES)
        self._path = Path(folder) / f"{content['pid']}.json" if folder else None
        self._content = content

    def put(self) -> None:
        try:
            if self._path:
                write_atomic(self._path, json.dumps(self._content))
        except OSError as error:
            logger.warning("the note that this server is running cannot be written: {}", error)

    def remove(self) -> None:
        with suppress(OSError):
            if self._path:
                self._path.unlink()

    @contextmanager
    def kept(self, *, put: bool = True) -> Iterator[None]:
        """Take the note away at the end, whatever the end is."""
        if put:
            self.put()
        try:
            yield
        finally:
            self.remove()
