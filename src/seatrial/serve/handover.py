"""A server that takes over from another one on the same socket, and stops without losing a request.

Taking over: a supervisor owns the listening socket and passes it to each server that it starts. A new server first
serves a private socket only. Once the supervisor has verified it, it writes "accept" to the server's standard input,
and both servers accept connections from the same queue until the old one is told to stop. If the supervisor dies, that
pipe closes, and the server exits at once.

Stopping: after SIGTERM the server accepts no new connections, and its open ones get `Connection: close` with their next
response. An idle one stays open for up to `drain` seconds: closing it, as Uvicorn would, could cross with a request.
"""

import asyncio
import os
import signal
import socket
import threading
import time
from collections.abc import Awaitable, Callable
from types import FrameType

import uvicorn
from loguru import logger

from seatrial.core.errors import SeatrialError
from seatrial.http.server import GuardedServer

POLL_SECONDS = 0.05  # between checks of the connections that are left
ACCEPT = b"accept"


class Server(GuardedServer):
    """Uvicorn's server with our own way to start and stop, and callbacks for both."""

    def __init__(self, config: uvicorn.Config, *, drain: float) -> None:
        super().__init__(config)
        self._drain = drain
        self._hurry = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pending: set[asyncio.Task[None]] = set()
        self.on_start: Callable[[], None] = _nothing
        self.on_accept: Callable[[], None] = _nothing
        self.open_ports: Callable[[], Awaitable[None]] = _no_ports
        self.on_stop: Callable[[], None] = _nothing

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and call `on_start`."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        if self.started:
            self.on_start()

    def accept_from(self, listener: socket.socket) -> None:
        """Accept connections from `listener` too. May be called from any thread once the server has started."""
        assert self._loop is not None

        def begin() -> None:
            task = asyncio.ensure_future(self._accept_from(listener))
            self._pending.add(task)
            task.add_done_callback(self._pending.discard)

        self._loop.call_soon_threadsafe(begin)

    async def _accept_from(self, listener: socket.socket) -> None:
        try:
            await self.open_ports()
        except SeatrialError as error:  # predictions over HTTP are needed all the same
            logger.error("{} {}", error.message, error.hint)
        await self.accept_on(listener)
        self.on_accept()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop: let every connection end with a response, or after it has been idle for long."""
        self.on_stop()
        if self._drain and not self._hurry:
            for server in self.servers:
                server.close()
            state = self.server_state
            state.draining = True  # type: ignore[attr-defined]
            for connection in list(state.connections):
                connection.drain()  # type: ignore[union-attr]
            deadline = time.monotonic() + self._drain
            while (state.connections or state.tasks) and time.monotonic() < deadline and not self._hurry:
                await asyncio.sleep(POLL_SECONDS)
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop; without draining on Ctrl-C and on the second signal."""
        self._hurry = self._hurry or self.should_exit or sig == signal.SIGINT
        super().handle_exit(sig, frame)


def inherited_socket(handle: int, option: str) -> socket.socket:
    """The listening socket that the parent process has left open under this file descriptor."""
    try:
        inherited = socket.socket(fileno=handle)
        listening = inherited.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError:
        listening = 0
    if not listening:
        raise SeatrialError(f"{option} {handle} is not a listening socket.", hint="The parent process must open it.")
    return inherited


def follow_supervisor(accept: Callable[[], None]) -> None:
    """Read standard input in a thread: call `accept` when told to, and exit when the supervisor is gone."""

    def listen() -> None:
        rest = b""
        while data := os.read(0, 1024):  # Python aborts at its end where a thread waits in sys.stdin
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                if line.strip() == ACCEPT:
                    accept()
        os._exit(0)  # whatever is in progress: the supervisor was killed, and the next one starts a new server

    threading.Thread(target=listen, name="supervisor", daemon=True).start()


def _nothing() -> None:
    pass


async def _no_ports() -> None:
    pass
