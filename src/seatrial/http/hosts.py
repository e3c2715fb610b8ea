"""Which Host headers a server answers to.

A web page whose own host name resolves to this machine could otherwise read from and write to a server on it, past the
browser's same-origin policy. `host_of` accepts what a URL may contain, and nothing that reads like a path.
"""

import re
from collections.abc import Sequence
from ipaddress import ip_address

_HOST = re.compile(rb"(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?))(?::[0-9]{0,5})?")
MOST_KNOWN = 64
LONGEST = 260  # a name has 253 characters at most


def host_of(header: bytes) -> str | None:
    """The name or address in a Host header, in lower case and without a port; None where the header is not valid."""
    found = _HOST.fullmatch(header) if len(header) <= LONGEST else None
    return (found[1] or found[2]).decode("ascii").lower().rstrip(".") if found else None


def is_loopback(host: str) -> bool:
    """Whether a name or address always means this machine."""
    if host == "localhost" or host.endswith(".localhost"):  # RFC 6761
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class AllowedHosts:
    """The host names that a server answers to: `names`, or all if there are none.

    A name may begin with `*.`. Without names a server that is `bound` to a loopback address answers to loopback names
    only. The name `*` allows all.
    """

    def __init__(self, names: Sequence[str] = (), bound: str = "") -> None:
        self._names = {name.lower().strip("[]").rstrip(".") for name in names}
        self._endings = tuple(name[1:] for name in self._names if name.startswith("*."))
        self.loopback_only = not names and is_loopback(bound)
        self.known: set[bytes] = set()  # headers that were found good
        self.all = "*" in self._names or not (names or self.loopback_only)

    def knows(self, header: bytes) -> bool:
        """Whether this Host header is valid and allowed; it is looked up the next time."""
        good = host_of(header) is not None and self.allows(header)
        if good and len(self.known) < MOST_KNOWN:
            self.known.add(header)
        return good

    def allows(self, header: bytes) -> bool:
        """Whether a request with this Host header is answered."""
        host = host_of(header)
        if self.all or host is None:
            return self.all
        if self.loopback_only:
            return is_loopback(host)
        return host in self._names or bool(self._endings and host.endswith(self._endings))
