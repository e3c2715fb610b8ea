"""Uvicorn's server with a way to accept connections that a crowd of clients does not block.

The event loop's own servers accept one connection in each of its turns. When turns are long, because there is much to
do, new clients wait for seconds behind those who only connect.
"""

import asyncio
import logging
import socket
from contextlib import suppress
from typing import Any

import uvicorn

from seatrial.core.ports import BACKLOG
from seatrial.http.memory import collector_off
from seatrial.http.receiving import receive_little
from seatrial.http.tls import Certificate

MOST_ACCEPTED = 64  # connections in one turn of the loop
LAST_SECONDS = 1.0  # for handshakes when the server stops, and for the client's last word of TLS
PAUSE_SECONDS = 0.2  # when the process has no file descriptor or memory left


class GuardedServer(uvicorn.Server):
    """Uvicorn's server; its configuration is a GuardedConfig."""

    servers: list[Any]

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and accept connections on `sockets`, which listen already."""
        with collector_off():  # the application loads
            await super().startup([])
        if self.started:
            for listener in sockets or []:
                await self.accept_on(listener)

    async def accept_on(self, listener: socket.socket) -> None:
        """Accept the connections of a listening socket from now on."""
        config, loop = self.config, asyncio.get_running_loop()

        def connection() -> asyncio.Protocol:
            return config.http_protocol_class(  # type: ignore[call-arg]
                config=config, server_state=self.server_state, app_state=self.lifespan.state
            )

        acceptor = _Acceptor(listener, connection, config)
        try:
            loop.add_reader(listener, acceptor.accept)
        except NotImplementedError:  # on Windows
            server = await loop.create_server(connection, sock=listener, ssl=config.ssl, backlog=config.backlog)
            self.servers.append(server)
        else:
            self.servers.append(acceptor)


class _Acceptor:
    """Accepts the connections of one socket, many in a turn; has the methods of asyncio's Server that Uvicorn uses."""

    def __init__(self, listener: socket.socket, connection: Any, config: uvicorn.Config) -> None:
        listener.setblocking(False)
        with suppress(OSError):  # not a TCP socket; those that are accepted inherit it
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            receive_little(listener)
        self._listener = listener
        self._connection = connection
        self._certificate: Certificate | None = config.certificate  # type: ignore[attr-defined]
        self._handshake_seconds = config.limits.header_seconds  # type: ignore[attr-defined]
        self._loop = asyncio.get_running_loop()
        self._most = config.limits.connection_count() // 2  # type: ignore[attr-defined]
        self._tasks: dict[asyncio.Task[Any], None] = {}  # the oldest first

    def accept(self, most: int = MOST_ACCEPTED) -> None:
        """Accept what has connected."""
        for _ in range(most):
            try:
                accepted, _address = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                logging.getLogger("uvicorn.error").warning("No connection can be accepted: %s", error.strerror)
                self._loop.remove_reader(self._listener)
                self._loop.call_later(PAUSE_SECONDS, self._resume)
                return
            accepted.setblocking(False)
            task = self._loop.create_task(self._serve(accepted))
            self._tasks[task] = None
            task.add_done_callback(lambda done: self._tasks.pop(done, None))
            if self._certificate and len(self._tasks) > self._most:
                oldest = next(iter(self._tasks))  # it had the most time, and a handshake takes some milliseconds
                del self._tasks[oldest]
                oldest.cancel()

    async def _serve(self, accepted: socket.socket) -> None:
        tls: dict[str, Any] = {}
        if self._certificate:
            tls = {
                "ssl": self._certificate.context(),
                "ssl_handshake_timeout": self._handshake_seconds,
                "ssl_shutdown_timeout": LAST_SECONDS,
            }
        try:
            await self._loop.connect_accepted_socket(self._connection, accepted, **tls)
        except (OSError, asyncio.CancelledError):  # no TLS, or the client has gone
            accepted.close()

    def _resume(self) -> None:
        if self._listener.fileno() >= 0:
            self._loop.add_reader(self._listener, self.accept)

    def close(self) -> None:
        """Accept who has connected already, and close the socket."""
        if self._listener.fileno() >= 0:
            self.accept(most=BACKLOG)
            self._loop.remove_reader(self._listener)
            self._listener.close()

    async def wait_closed(self) -> None:
        """Wait for the TLS handshakes, not for those that never end."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=LAST_SECONDS)
            for task in late:
                task.cancel()
