"""Runs the server, as one process or several, from its first log line to a quick shutdown."""

import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import replace
from functools import partial
from importlib import import_module
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

import uvicorn
from loguru import logger
from uvicorn.supervisors import multiprocess as uvicorn_workers

from seatrial.core.errors import SeatrialError
from seatrial.core.ports import listen, url_of
from seatrial.http.config import GuardedConfig, guarded_config
from seatrial.http.hosts import is_loopback
from seatrial.model import Release
from seatrial.serve import logs
from seatrial.serve.access import AccessControl
from seatrial.serve.asgi import AsgiApp, create_app
from seatrial.serve.handover import Server, follow_supervisor, inherited_socket
from seatrial.serve.http_fast_path import FastPathProtocol
from seatrial.serve.lent_socket import borrow_socket, lent_socket
from seatrial.serve.metrics.worker_files import add_ended, worker_folder
from seatrial.serve.registry_entry import RegistryEntry
from seatrial.serve.server_settings import KEYS, Settings, worker_settings
from seatrial.serve.shipping import shipping

POLL_SECONDS = 0.05  # between checks of workers that stop
SWITCH_SECONDS = 0.0005  # how long the event loop waits for a thread that works on a large request


def run(package: str, settings: Settings) -> int:
    """Serve the installed `package` until a signal stops it; returns the exit code.

    Raises SeatrialError where the release cannot be read or the address cannot be used.
    """
    access_log = logs.configure(settings)
    sys.setswitchinterval(SWITCH_SECONDS)
    with redirect_stdout(logs.Prints()), redirect_stderr(sys.stdout):
        return _run(package, settings, access_log)


def _run(package: str, settings: Settings, access_log: logs.AccessLog) -> int:
    release = Release(package, row_limit=settings.row_limit)
    title = f"{release.name} {release.version}"
    if settings.tls:
        settings.tls.context()  # an error is reported before anything listens
    borrowed = borrow_socket(settings.borrowed_socket) if settings.borrowed_socket else None
    with (
        shipping(settings, release.name),
        borrowed.listener if borrowed else _listener(settings) as listener,
        lent_socket(listener, settings.lent_socket),
    ):
        address = listener.getsockname()[0]
        settings = replace(settings, bound=address)
        to_whom = _require_closed(settings)
        settings, _holder = _with_grpc_port(settings)
        if settings.mcp:
            _require_extra("mcp", "mcp.mcp_door", "The Model Context Protocol")
        host = settings.host if settings.fd is None and borrowed is None else address
        url = url_of(host, listener.getsockname()[1], "https" if settings.tls else "http")
        entry = RegistryEntry({"pid": os.getpid(), "url": url, "release": release.name, "version": release.version})
        headers = [("x-release", f"{release.name}=={release.version}")]
        if settings.workers > 1:
            with entry.removed_at_exit(), worker_folder() as folder:
                settings = replace(settings, metrics_folder=str(folder or ""))
                settings.pass_to_workers(package)
                config = server_config("seatrial.serve.server:create_worker", settings, factory=True, headers=headers)
                entry.write()
                logger.info("serving {} on {}, with {} workers, {}", title, url, settings.workers, to_whom)
                supervisor = _Workers(config, sockets=[listener])
                supervisor.metrics_folder = folder
                supervisor.run()
            return 1 if supervisor.failed else 0
        app = create_app(release, settings, access_log)
        config = server_config(app, settings, headers=headers)
        server = Server(config, drain=settings.drain)
        first = listener

        def accepting() -> None:
            entry.write()
            logger.info("serving {} on {}, {}", title, url, to_whom)

        if not settings.standby:
            server.on_start = accepting
        else:
            server.on_accept = accepting
            server.open_ports = app.open_ports
        if settings.standby_fd is not None:
            first = inherited_socket(settings.standby_fd, "--standby-fd")
            follow_supervisor(lambda: server.accept_from(listener))
        if borrowed:
            first = listen("127.0.0.1", settings.port)
            server.on_start = partial(borrowed.wait_for_word, partial(server.accept_from, listener))
        server.on_stop = entry.remove
        with entry.removed_at_exit(), _stopped_by_signals(server), suppress(SystemExit):
            server.run(sockets=[first])
        return 0 if server.started else 1


def _with_grpc_port(settings: Settings) -> tuple[Settings, socket.socket | None]:
    """The settings with the port for gRPC that all workers share, and what holds it for them while it exists.

    Raises SeatrialError where the extra is missing, or where the port cannot be used.
    """
    if settings.grpc_port is None:
        return settings, None
    _require_extra("grpc", "grpc.grpc_server", "gRPC")
    if settings.workers == 1:
        return settings, None
    from seatrial.serve.grpc.grpc_server import reserve_port

    holder = reserve_port(settings)
    return replace(settings, grpc_port=holder.getsockname()[1]), holder


def _require_extra(extra: str, module: str, what: str) -> None:
    """Raise SeatrialError where a module of ours cannot be loaded, since what its extra installs is missing."""
    try:
        import_module(f"seatrial.serve.{module}")
    except ImportError as error:
        hint = f'pip install "seatrial[{extra}]"'
        raise SeatrialError(f"{what} needs {error.name}, which is not installed.", hint=hint) from None


def _require_closed(settings: Settings) -> str:
    """Describe who may call the server. Raises SeatrialError where that is anyone on the network, unless it is open."""
    ring = AccessControl(settings).ring
    if ring is None and not settings.open and not is_loopback(settings.bound):
        raise SeatrialError(
            f"Other machines can reach the server on {settings.bound}, and it has no access keys.",
            hint=f"Name a file of keys with --keys (`seatrial keys add` writes it), put the keys into {KEYS}, or let "
            "anyone call it with --open.",
        )
    if ring is not None and settings.open:
        raise SeatrialError(
            "The server has access keys, and it was to be open.",
            hint=f"Leave out --open (SEATRIAL_OPEN), or --keys and {KEYS}.",
        )
    if ring is not None and ring.empty:
        logger.warning("No access key is valid, so that nobody can call the server.")
    return "open to anyone who can reach it" if ring is None else "for callers with a key"


def create_worker() -> AsgiApp:
    """Make the application in a worker process."""
    package, settings = worker_settings()
    access_log = logs.configure(settings)
    sys.setswitchinterval(SWITCH_SECONDS)
    sys.stdout = sys.stderr = logs.Prints()
    return create_app(Release(package, row_limit=settings.row_limit), settings, access_log)


def server_config(
    app: Any, settings: Settings, *, factory: bool = False, headers: Sequence[tuple[str, str]] = ()
) -> GuardedConfig:
    """Uvicorn's configuration for an AsgiApp, or with `factory` for what makes one; `headers` go to every response."""
    return guarded_config(
        app,
        settings.limits(),
        protocol=FastPathProtocol,
        headers=headers,
        tls=settings.tls,
        stop_timeout=settings.stop_timeout,
        factory=factory,
        workers=settings.workers,
        lifespan="on",
    )


class _Worker(uvicorn_workers.Process):
    """A worker process with our own server."""

    @property
    def server(self) -> uvicorn.Server:
        """The server; Uvicorn asks for it in the worker."""
        if self._server is None:
            self._server = Server(self.config, drain=worker_settings()[1].drain)
        return self._server

    def start(self) -> None:
        """Start the worker. Ctrl-C, which a terminal sends to it as well, does not end it before it can handle it."""
        if os.name == "nt":
            super().start()
            return
        resource_tracker.ensure_running()  # where `start` does that, it lets Ctrl-C through
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            super().start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def send(self, number: int) -> None:
        """Send the worker a signal, if it is still there."""
        if self.pid and self.process.is_alive():
            os.kill(self.pid, number)

    def target(self, sockets: list[socket.socket] | None = None) -> None:
        """Run in the worker, until a signal or the end of the process that started it."""
        if os.name != "nt":
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # until the server handles it; the parent sends SIGTERM
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        threading.Thread(target=_stop_with_parent, daemon=True).start()
        super().target(sockets)


def _stop_with_parent() -> None:
    """Stop as at SIGTERM: a worker that is left alone would keep the port, and an old release, for good."""
    if parent := multiprocessing.parent_process():
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


class _Workers(uvicorn_workers.Multiprocess):
    """Restarts workers that die, and logs it; stops if one cannot start. Each signal to stop reaches the workers."""

    failed = False
    metrics_folder: Path | None = None
    processes: list[_Worker]  # type: ignore[assignment] # see `run`

    def run(self) -> None:
        """Run until a signal."""
        uvicorn_workers.Process = _Worker  # type: ignore[misc] # Uvicorn has no setting for it
        super().run()

    def handle_signals(self) -> None:
        """Handle what has arrived, up to the signal that stops us. Further ones are for the workers, see `join_all`."""
        while self.signal_queue and not self.should_exit.is_set():
            number = self.signal_queue.pop(0)
            if handler := getattr(self, f"handle_{uvicorn_workers.SIGNALS[number].lower()}", None):
                handler()

    def handle_int(self) -> None:
        """Stop without draining: the workers get SIGTERM twice, since a terminal has sent them SIGINT already."""
        self.signal_queue.insert(0, signal.SIGTERM)
        super().handle_int()

    def terminate_all(self) -> None:
        """Stop the workers; nobody else accepts connections on the socket."""
        for listener in self.sockets:
            listener.close()
        super().terminate_all()

    def join_all(self) -> None:
        """Wait for the workers, and pass further signals on to them: after a second one they do not drain."""
        while any(process.process.is_alive() for process in self.processes):
            time.sleep(POLL_SECONDS)
            while self.signal_queue:
                number = self.signal_queue.pop(0)
                for process in self.processes if number in (signal.SIGINT, signal.SIGTERM) else ():
                    process.send(number)
        super().join_all()

    def keep_subprocess_alive(self) -> None:
        """Check the workers; Uvicorn calls this twice a second."""
        stopping = self.should_exit.is_set()
        before = [process.pid for process in self.processes]
        super().keep_subprocess_alive()
        deaths = 0
        for old, process in zip(before, self.processes, strict=True):
            if process.pid != old:
                deaths += 1
                logger.warning("worker {} died; started worker {} in its place", old, process.pid)
        if self.metrics_folder:
            add_ended(self.metrics_folder, {process.pid for process in self.processes if process.pid}, deaths)
        if self.should_exit.is_set() and not stopping:  # Uvicorn gives up if a worker cannot start
            self.failed = True


@contextmanager
def _stopped_by_signals(server: uvicorn.Server) -> Iterator[None]:
    """Handle signals before Uvicorn does, and afterwards: Uvicorn raises the signal that stopped it again."""

    def stop(*_: object) -> None:
        server.should_exit = True

    numbers = [signal.SIGINT, signal.SIGTERM]
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # else as `nohup` wants it
        numbers.append(signal.SIGHUP)  # a terminal was closed
    before = [signal.signal(number, stop) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _listener(settings: Settings) -> socket.socket:
    """Listen on the address, or on the inherited socket. Callers wait in its queue while the model is loaded."""
    if settings.fd is not None:
        return inherited_socket(settings.fd, "--fd")
    listener = listen(settings.host, settings.port, hint="Choose another port with --port or PORT.")
    listener.set_inheritable(True)
    return listener
