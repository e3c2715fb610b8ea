"""What one server process accepts from its clients, and how much memory there is for it."""

import os
from contextlib import suppress
from dataclasses import dataclass

from seatrial.core.memory_limits import available_memory

HELD_SHARE = 16  # a sixteenth of the memory for what clients make a server hold
CONNECTION_SHARE = 8  # an eighth for connections
CONNECTION_BYTES = 32 * 2**10  # what an open connection costs: some 20 KiB, and buffers
TLS_BYTES = 32 * 2**10  # and what its encryption costs
MOST_HELD = 2**30
MOST_CONNECTIONS = 16_384
FILES_APART = 128  # file descriptors that are not connections


@dataclass(frozen=True)
class Limits:
    """Limits of one server process. Sizes in bytes, times in seconds."""

    header_size: int = 16 * 2**10  # of one request, its URL included
    header_count: int = 128  # header lines of one request
    body_size: int = 2**20  # of one request; the application answers 413 to more
    body_held: int | None = None  # what the application keeps of one body in memory; default: all of it
    header_seconds: float = 10.0  # within which a new connection must send a header
    body_seconds: float = 10.0  # within which a request must arrive completely
    stall_seconds: float = 10.0  # without a byte, sent or read, while a request or a response is unfinished
    keep_alive: float = 30.0  # between two requests
    held: int | None = None  # unfinished requests and unread responses together; default: a sixteenth of the memory
    connections: int | None = None  # default: as many as an eighth of the memory allows
    workers: int = 1  # processes that share the memory
    encrypted: bool = False

    def held_bytes(self) -> int:
        """The budget of one process for everything that it holds for its clients."""
        if self.held is not None:
            return max(self.held // self.workers, 1)
        return max(min(available_memory() // HELD_SHARE // self.workers, MOST_HELD), 4 * self.body_in_memory())

    def connection_count(self) -> int:
        """How many connections one process keeps open."""
        if self.connections is not None:
            return max(self.connections // self.workers, 1)
        size = CONNECTION_BYTES + (TLS_BYTES if self.encrypted else 0)
        by_memory = available_memory() // CONNECTION_SHARE // size // self.workers
        return max(min(by_memory, MOST_CONNECTIONS, _open_files() - FILES_APART), 64)

    def body_in_memory(self) -> int:
        """What a body of the maximum size takes while it is held."""
        return self.body_size if self.body_held is None else self.body_held


def _open_files() -> int:
    """How many files the process may open, after raising the limit as far as it may."""
    if os.name == "nt":
        return MOST_CONNECTIONS
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_CONNECTIONS + FILES_APART if hard == resource.RLIM_INFINITY else min(hard, 2 * MOST_CONNECTIONS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            return wanted
    return wanted if soft == resource.RLIM_INFINITY else soft
