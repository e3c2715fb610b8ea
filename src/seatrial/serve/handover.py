"""A server that takes over from another one on the same socket, and goes without losing a request.

Taking over: a supervisor holds the listening socket and hands it to each server it starts. A new one answers at first
on a private socket only; when the supervisor has seen it answer, it writes "accept" to the new one's standard input,
and both take connections from the same queue until the old one is told to go. When the supervisor is gone, so is the
other end of that pipe, and the server ends at once.

Going: SIGTERM stops it from taking connections; those it has get `Connection: close` with their next answer. An idle
one stays for up to `drain` seconds: Uvicorn would close it, maybe just when the next request is on its way.
"""

import asyncio
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType

import uvicorn

from seatrial.core.errors import SeatrialError

TICK = 0.05  # seconds between looks at what is left
ACCEPT = b"accept"


class Server(uvicorn.Server):
    """Uvicorn's server with a beginning and an end of our own; the three calls are told of what happens."""

    def __init__(self, config: uvicorn.Config, *, drain: float) -> None:
        super().__init__(config)
        self._drain = drain
        self._hurry = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pending: set[asyncio.Task[None]] = set()
        self.on_start: Callable[[], None] = _nothing
        self.on_accept: Callable[[], None] = _nothing
        self.on_leave: Callable[[], None] = _nothing

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Tell when it has begun to answer."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        if self.started:
            self.on_start()

    def accept_from(self, listener: socket.socket) -> None:
        """Take connections from `listener` too; callable from any thread, once the server has started."""
        assert self._loop is not None

        def begin() -> None:
            task = asyncio.ensure_future(self._accept_from(listener))
            self._pending.add(task)
            task.add_done_callback(self._pending.discard)

        self._loop.call_soon_threadsafe(begin)

    async def _accept_from(self, listener: socket.socket) -> None:
        config = self.config

        def connection() -> asyncio.Protocol:
            return config.http_protocol_class(  # type: ignore[call-arg]
                config=config, server_state=self.server_state, app_state=self.lifespan.state
            )

        loop = asyncio.get_running_loop()
        self.servers.append(await loop.create_server(connection, sock=listener, backlog=config.backlog))
        self.on_accept()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Go: let every connection end by an answer, or by having been idle for long."""
        self.on_leave()
        if self._drain and not self._hurry:
            for server in self.servers:
                server.close()
            state = self.server_state
            state.leaving = True  # type: ignore[attr-defined]
            for connection in list(state.connections):
                connection.leave()  # type: ignore[union-attr]
            end = time.monotonic() + self._drain
            while (state.connections or state.tasks) and time.monotonic() < end and not self._hurry:
                await asyncio.sleep(TICK)
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Go; and at once if it is Ctrl-C, or the second time that it is asked."""
        self._hurry = self._hurry or self.should_exit or sig == signal.SIGINT
        super().handle_exit(sig, frame)


def inherited(handle: int, option: str) -> socket.socket:
    """Give the listening socket that the parent process has left open under this number."""
    try:
        found = socket.socket(fileno=handle)
        listening = found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError:
        listening = 0
    if not listening:
        raise SeatrialError(f"{option} {handle} is no listening socket.", hint="The parent process has to open it.")
    return found


def obey(accept: Callable[[], None]) -> None:
    """Listen to standard input in a thread: call `accept` when told so, and end the process when nobody is there."""

    def listen() -> None:
        for line in sys.stdin.buffer:
            if line.strip() == ACCEPT:
                accept()
        os._exit(0)  # whatever it is at: the supervisor was killed, and the next one starts anew

    threading.Thread(target=listen, name="supervisor", daemon=True).start()


def _nothing() -> None:
    pass
