"""Listening on a port: one place that opens the socket and reports a port that is in use."""

import errno
import json
import os
import socket
from contextlib import suppress

from seatrial.core.errors import SeatrialError
from seatrial.core.processes import is_running
from seatrial.core.state import state_home

BACKLOG = 4096  # connections that may wait to be accepted; a client that finds no place tries again after a second


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
        holder = _holder(port) if number == errno.EADDRINUSE else ""
        raise SeatrialError(f"Port {port} on {host} cannot be used: {cause}.", hint=holder + hint) from None


def _holder(port: int) -> str:
    """Which server of ours has the port, and the command that ends it; empty if it is none of ours."""
    for path in sorted((state_home() / "served").glob("*.json")):
        with suppress(OSError, ValueError, KeyError, TypeError):
            record = json.loads(path.read_bytes())
            if record["url"].endswith(f":{port}") and is_running(int(record["pid"])):
                supervisors = (state_home() / "local").glob(f"*-{port}/supervisor.json")
                deployed = any(is_running(int(json.loads(each.read_bytes())["pid"])) for each in supervisors)
                command = "seatrial deploy local --stop" if deployed else f"kill {record['pid']}"
                return f"{record['release']} {record['version']} is served there: `{command}` ends it. "
    return ""


def check_port(host: str, port: int, *, hint: str = "Choose another with --port.") -> None:
    """Raise SeatrialError where nothing can listen on the port now."""
    listen(host, port, hint=hint).close()


def free_port(host: str) -> int:
    """A port that nothing listens on now."""
    with listen(host, 0) as found:
        return int(found.getsockname()[1])


def url_of(host: str, port: int, scheme: str = "http") -> str:
    """The URL of a server; an IPv6 address is put in brackets."""
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"
