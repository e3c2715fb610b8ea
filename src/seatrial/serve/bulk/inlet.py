"""What a client sends, for a thread that reads it: the client waits while the thread is behind."""

import asyncio
import io
import threading
from collections import deque
from collections.abc import Iterator
from typing import Any

from seatrial.serve.content_codings import BodyTooLargeError

MOST_WAITING = 256 * 2**10  # bytes that wait for the thread


class ClientGoneError(Exception):
    """The client has disconnected, or the server stops."""


class Inlet:
    """The body of one request of at most `limit` bytes; made in the event loop."""

    def __init__(self, limit: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._limit = limit
        self._parts: deque[bytes] = deque()
        self._waiting = 0
        self._ended = False
        self._error: Exception | None = None
        self._changed = threading.Condition()
        self._room = asyncio.Event()
        self._room.set()

    async def fill(self, receive: Any) -> None:
        """Take the body from an ASGI server, and then wait; returns when the client has disconnected."""
        size, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.end(ClientGoneError())
                return
            data, more = message.get("body", b""), message.get("more_body", False)
            size += len(data)
            if size > self._limit:
                self.end(BodyTooLargeError())
                break
            self._put(data)
            await self._room.wait()
        else:
            self.end()
        while (await receive())["type"] != "http.disconnect":
            pass

    def _put(self, data: bytes) -> None:
        if not data:
            return
        with self._changed:
            self._parts.append(data)
            self._waiting += len(data)
            if self._waiting > MOST_WAITING:
                self._room.clear()
            self._changed.notify()

    def end(self, error: Exception | None = None) -> None:
        """Let the thread find the end of the body, or this error."""
        with self._changed:
            self._ended = True
            self._error = self._error or error
            self._changed.notify()

    def pieces(self) -> Iterator[bytes]:
        """What arrives, in the thread. Raises ClientGoneError and BodyTooLargeError."""
        while True:
            with self._changed:
                while not self._parts and not self._ended:
                    self._changed.wait()
                if self._error:
                    raise self._error
                if not self._parts:
                    return
                piece = self._parts.popleft()
                full = self._waiting > MOST_WAITING
                self._waiting -= len(piece)
                if full and self._waiting <= MOST_WAITING:
                    self._loop.call_soon_threadsafe(self._room.set)
            yield piece


class PieceFile(io.RawIOBase):
    """Pieces as a file to read."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """Whether it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer what there is, at least one byte unless it is the end."""
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count
