"""What a proxy in front of the server changes: the path below which it serves, and what it reports about clients.

Only proxies that the settings name are believed. X-Forwarded-Host is never read: the server makes no absolute URLs.
"""

import re
from collections.abc import Sequence
from ipaddress import ip_address, ip_network
from typing import Any

from seatrial.serve.routes import RouteTable

PREFIX = re.compile(r"(/[A-Za-z0-9][A-Za-z0-9._~-]*)+", re.ASCII)  # it becomes a part of pages
_FOR, _PROTO, _PREFIX = b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-prefix"


class ProxySettings:
    """The prefix of the settings, and the networks of the proxies that are trusted."""

    def __init__(self, root_path: str, trusted: Sequence[str], routes: RouteTable | None = None) -> None:
        self._routes = routes or RouteTable()
        self._root = root_path.rstrip("/")
        self._networks = [ip_network(each, strict=False) for each in trusted]
        self.used = bool(self._root or self._networks)

    def apply(self, scope: Any) -> None:
        """Change a scope: `path` without the prefix, `root_path` with it, and the client as the proxy reports it.

        An application that this one is mounted in gives a prefix, too.
        """
        root = self._root or scope.get("root_path", "")
        client = scope.get("client")
        if self._networks and client and self._trusts(client[0]):
            given = {name: value.decode("latin-1") for name, value in scope["headers"]}
            if PREFIX.fullmatch(prefix := given.get(_PREFIX, "").rstrip("/")):
                root = prefix
            if (scheme := given.get(_PROTO, "").strip().lower()) in ("http", "https"):
                scope["scheme"] = scheme
            hops = [value.decode("latin-1") for name, value in scope["headers"] if name == _FOR]
            if hops and (first := self._first_untrusted(",".join(hops))):
                scope["client"] = (first, 0)
        scope["root_path"] = root
        path = scope["path"]
        # A path that is a route as it is comes from a proxy that has removed the prefix.
        if root and path.startswith(root + "/") and not self._routes.methods_of(path):
            scope["path"] = path.removeprefix(root)

    def _trusts(self, address: str) -> bool:
        try:
            own = ip_address(address)
        except ValueError:
            return False
        own = getattr(own, "ipv4_mapped", None) or own  # as a socket that listens on :: reports it
        return any(own in network for network in self._networks)

    def _first_untrusted(self, hops: str) -> str:
        """The client: each proxy has added the address that it saw, so the last one that is no proxy of ours counts."""
        for hop in reversed([each.strip() for each in hops.split(",")]):
            try:
                ip_address(hop)
            except ValueError:
                return ""
            if not self._trusts(hop):
                return hop
        return ""
