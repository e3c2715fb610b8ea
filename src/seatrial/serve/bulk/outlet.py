"""What a thread has written for a client: in memory for a client that reads, in a file for one that sends first.

Most clients send the whole request before they read the answer. If the server then stopped reading because nobody takes
its answer, both would wait for each other. So what they do not read yet goes to a temporary file, up to a limit.
"""

import asyncio
import tempfile
import threading
from collections import deque
from typing import IO

from seatrial.serve.bulk.inlet import ClientGoneError

HELD = 2**20  # bytes in memory; an answer is begun when there is more of it, or when it is complete
SENT = 128 * 2**10  # bytes that are sent at once


class AnswerTooLargeError(Exception):
    """An answer that must be complete before it is sent is over the limit."""


class Outlet:
    """The answer to one request, written by a thread; made in the event loop.

    At most `limit` bytes wait in the file: then the thread waits for the client. With `whole`, nothing is sent before
    the answer is complete.
    """

    def __init__(self, limit: int, *, whole: bool = False) -> None:
        self._loop = asyncio.get_running_loop()
        self._limit = limit
        self._whole = whole
        self._no_file = False  # where there is no folder for one
        self._parts: deque[bytes] = deque()
        self._held = 0
        self._file: IO[bytes] | None = None
        self._written = self._read = 0  # bytes of the file
        self._changed = threading.Condition()
        self._news = asyncio.Event()
        self._gone = self._finished = False
        self.outcome: BaseException | None = None  # why the answer ends before its end

    def write(self, piece: bytes) -> None:
        """Add to the answer, in the thread. Raises ClientGoneError and AnswerTooLargeError."""
        with self._changed:
            while not self._gone and self._is_full():
                if self._whole:
                    raise AnswerTooLargeError
                self._changed.wait()
            if self._gone:
                raise ClientGoneError
            self._add(piece)

    def _is_full(self) -> bool:
        return self._held > HELD if self._no_file else self._written - self._read > self._limit

    def _add(self, piece: bytes) -> None:
        if not self._file and not self._no_file and self._held + len(piece) > HELD:
            try:
                self._file = tempfile.TemporaryFile(prefix="seatrial-answer-")  # noqa: SIM115 - `give_up` closes it
            except OSError:
                self._no_file = True
        if self._file and (self._written > self._read or self._held + len(piece) > HELD):
            self._file.seek(self._written)
            self._file.write(piece)
            self._written += len(piece)
        else:
            self._parts.append(piece)
            self._held += len(piece)
        self._loop.call_soon_threadsafe(self._news.set)

    def finish(self, outcome: BaseException | None = None) -> None:
        """Say that the answer is complete, or why it never will be. In the thread; only the first time counts."""
        with self._changed:
            if not self._finished:
                self._finished = True
                self.outcome = outcome
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._news.set)

    def give_up(self) -> None:
        """Let the thread know that the client has gone. In the event loop."""
        with self._changed:
            self._gone = True
            self._changed.notify()
            self._parts.clear()
            if self._file:
                self._file.close()
                self._file, self._written, self._read = None, 0, 0
        self._news.set()

    @property
    def gone(self) -> bool:
        """Whether nobody waits for the answer."""
        return self._gone

    @property
    def complete(self) -> bool:
        """Whether nothing more will be written."""
        return self._finished or self._gone

    async def begin(self) -> bytes | None:
        """Wait for enough of the answer to begin it; returns all of it if it is complete and in memory."""
        while not self.complete and (self._whole or not (self._written or self._held > HELD)):
            await self._next_news()
        with self._changed:
            if not self.complete or self._written:
                return None
            answer = b"".join(self._parts)
            self._parts.clear()
            self._held = 0
            return answer

    @property
    def size(self) -> int:
        """How many bytes wait."""
        return self._held + self._written - self._read

    async def take(self) -> bytes:
        """Some of the answer; empty at its end."""
        while True:
            if piece := self._take():
                return piece
            if self.complete:
                return self._take()
            await self._next_news()

    def _take(self) -> bytes:
        with self._changed:
            if self._parts:
                taken = [self._parts.popleft()]
                size = len(taken[0])
                while self._parts and size < SENT:
                    taken.append(self._parts.popleft())
                    size += len(taken[-1])
                self._held -= size
                self._changed.notify()
                return b"".join(taken)
            if not self._file or self._read == self._written:
                return b""
            self._file.seek(self._read)
            piece = self._file.read(SENT)
            self._read += len(piece)
            if self._read == self._written:
                self._file.seek(0)
                self._file.truncate()
                self._read = self._written = 0
            self._changed.notify()
            return piece

    async def _next_news(self) -> None:
        self._news.clear()
        await self._news.wait()
