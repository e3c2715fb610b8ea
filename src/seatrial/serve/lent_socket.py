"""A listening socket that one server lends to others in its network: how the containers of a canary share one port.

The server that serves offers its socket on an abstract Unix socket, which belongs to a container's network and to no
file system. Another container that has joined this network borrows it: it serves a port of its own until SIGUSR1, and
from then on accepts from both. All accept from one queue, so that a client that has connected is answered when one of
them stops. With sockets of their own on the same port (SO_REUSEPORT), who waits in the queue of a socket that is closed
is reset, unless Linux is told to move them (net.ipv4.tcp_migrate_req).

A borrower keeps its connection to the lender, and stops when that ends, as a server under a supervisor does.
"""

import asyncio
import errno
import os
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from loguru import logger

from seatrial.core.errors import SeatrialError

LENT = b"listening"
PATIENCE = 5.0  # seconds for the lender's answer
MOST_BORROWERS = 64  # that are connected at the same time
SHORT_OF = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.ECONNABORTED)  # which passes
PAUSE = 0.2  # seconds, until it may have
CREDENTIALS = struct.Struct("3i")  # the process, the user and the group at the other end


@dataclass(frozen=True)
class BorrowedSocket:
    """A listening socket of another server, and the connection that lasts as long as that server."""

    listener: socket.socket
    lender: socket.socket

    def wait_for_word(self, accept: Callable[[], None]) -> None:
        """Call `accept` at SIGUSR1, once, and stop as at SIGTERM when the lender is gone. For a running event loop."""
        loop = asyncio.get_running_loop()

        def begin() -> None:
            loop.add_signal_handler(signal.SIGUSR1, _nothing)
            accept()

        def watch() -> None:
            with suppress(OSError):
                while self.lender.recv(64):
                    pass
            logger.warning("the server whose socket this one has borrowed is gone; this one stops")
            os.kill(os.getpid(), signal.SIGTERM)

        loop.add_signal_handler(signal.SIGUSR1, begin)
        threading.Thread(target=watch, name="lender", daemon=True).start()


def borrow_socket(name: str) -> BorrowedSocket:
    """Borrow the listening socket that a server in this network lends by this name; SeatrialError where none does."""
    try:
        lender = socket.socket(socket.AF_UNIX)
        lender.settimeout(PATIENCE)
        lender.connect(f"\0{name}")
        if _user(lender) != os.geteuid():
            raise PermissionError(None, "another user has taken that name")
        message, handles, _, _ = socket.recv_fds(lender, len(LENT), 1)
        lender.settimeout(None)
    except (OSError, AttributeError) as error:  # AttributeError: Windows
        cause = getattr(error, "strerror", None) or error
        raise SeatrialError(
            f"No server lends its socket as {name!r}: {cause}.",
            hint="Deploy the release that serves again, with this version of Seatrial.",
        ) from None
    if message != LENT or len(handles) != 1:
        raise SeatrialError(
            f"The server that has the socket {name!r} does not lend it to this one.",
            hint="Both must be the same user, in the same network.",
        )
    return BorrowedSocket(socket.socket(fileno=handles[0]), lender)


@contextmanager
def lent_socket(listener: socket.socket, name: str) -> Iterator[None]:
    """Lend a listening socket by a name while the block runs, to processes of the same user; "" lends it to nobody.

    Where that is impossible, a warning is logged: it serves all the same.
    """
    offer = _offer(name) if name else None
    if offer is None:
        yield
        return
    borrowers: list[socket.socket] = []
    threading.Thread(target=_lend, args=(offer, listener, borrowers), name="lend", daemon=True).start()
    try:
        yield
    finally:
        with suppress(OSError):
            offer.shutdown(socket.SHUT_RDWR)  # ends the thread's accept
        for each in (offer, *borrowers):
            each.close()


def _offer(name: str) -> socket.socket | None:
    if sys.platform != "linux":
        logger.warning("the socket {} cannot be lent: only Linux has abstract Unix sockets", name)
        return None
    offer = socket.socket(socket.AF_UNIX)
    try:
        offer.bind(f"\0{name}")
    except OSError as error:
        logger.warning("the socket {} cannot be lent: {}", name, error.strerror)
        offer.close()
        return None
    offer.listen()
    return offer


def _lend(offer: socket.socket, listener: socket.socket, borrowers: list[socket.socket]) -> None:
    while True:
        try:
            borrower, _ = offer.accept()
        except OSError as error:
            if error.errno not in SHORT_OF:
                return  # closed
            time.sleep(PAUSE)
            continue
        borrowers[:] = [each for each in borrowers if not _is_gone(each)]
        if _user(borrower) != os.geteuid() or len(borrowers) >= MOST_BORROWERS:
            borrower.close()
            continue
        with suppress(OSError, ValueError):  # it is gone, or this server's own socket is closed
            socket.send_fds(borrower, [LENT], [listener.fileno()])
            borrowers.append(borrower)


def _user(connection: socket.socket) -> int:
    """The user at the other end, as Linux knows it."""
    sent = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
    return int(CREDENTIALS.unpack(sent)[1])


def _is_gone(borrower: socket.socket) -> bool:
    try:
        return borrower.recv(1, socket.MSG_DONTWAIT | socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def _nothing() -> None:
    pass
