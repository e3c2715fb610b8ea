"""How much the system receives from a client before the server has read it.

By default that is 128 KiB at first: large bodies that there is no room for would cost the time to read so much of each,
and memory of the system that no budget counts.
"""

import asyncio
import socket
from contextlib import suppress

RECEIVED = 32 * 2**10  # bytes, of which Linux makes twice as much
SO_BUF_LOCK = 72  # of Linux 5.14; Python has no name for it


def receive_little(listener: socket.socket) -> None:
    """Receive little on the connections that are accepted from now on; the largest header fits."""
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVED)


def receive_freely(transport: asyncio.BaseTransport) -> None:
    """Let the system choose again how much it receives of a client: there is room for the large body that it sends."""
    if accepted := transport.get_extra_info("socket"):
        with suppress(OSError):  # where the option is unknown, the buffer stays small
            accepted.setsockopt(socket.SOL_SOCKET, SO_BUF_LOCK, 0)
