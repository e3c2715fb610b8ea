"""Listening on a port: one place that opens the socket and reports a port that is in use."""

import os
import socket

from seatrial.core.errors import SeatrialError

BACKLOG = 2048  # connections that may wait to be accepted


def listen(host: str, port: int, *, hint: str = "Choose another with --port.") -> socket.socket:
    """Open a listening socket; port 0 takes any free one.

    Raises SeatrialError where the port cannot be used, as when another process listens on it; `hint` says what to do.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        both = family == socket.AF_INET6 and socket.has_dualstack_ipv6()  # "::" also accepts IPv4
        return socket.create_server((host, port), family=family, backlog=BACKLOG, dualstack_ipv6=both)
    except (OSError, UnicodeError) as error:
        number = getattr(error, "errno", None) or 0
        cause = os.strerror(number) if number > 0 else getattr(error, "strerror", None) or error
        raise SeatrialError(f"Port {port} on {host} cannot be used: {cause}.", hint=hint) from None


def check_port(host: str, port: int, *, hint: str = "Choose another with --port.") -> None:
    """Raise SeatrialError where nothing can listen on the port now."""
    listen(host, port, hint=hint).close()


def url_of(host: str, port: int, scheme: str = "http") -> str:
    """The URL of a server; an IPv6 address is put in brackets."""
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"
