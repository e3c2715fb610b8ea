"""Cross-origin requests: which web pages of other origins may call the server and read its responses."""

from collections.abc import Callable, Sequence
from typing import Any

from seatrial.http.messages import EncodedResponse, Headers, refusal
from seatrial.serve.routes import RouteTable

# `*` would not cover Authorization; those that begin with Mcp are of the Model Context Protocol
ALLOWED_HEADERS = (
    b"Authorization, Content-Type, X-API-Key, X-Request-ID, Mcp-Protocol-Version, Mcp-Session-Id, Mcp-Method, Mcp-Name"
)
EXPOSED_HEADERS = b"Allow, RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, X-Release, X-Request-ID"
MAX_AGE = b"600"  # seconds for which a browser may keep the answer to a preflight
_ORIGIN, _WANTED = b"origin", b"access-control-request-method"


class CrossOrigin:
    """The origins that a server's settings allow; `*` allows all. Keys are sent in headers, so cookies never count."""

    def __init__(self, origins: Sequence[str], routes: RouteTable) -> None:
        self._routes = routes
        self._all = "*" in origins
        self._origins = {origin.encode("ascii") for origin in origins}

    def preflight(self, path: str, headers: Any) -> EncodedResponse:
        """Answer the question of a browser whether a page may send a request; it carries no key."""
        given = dict(headers)
        methods = self._routes.methods_of(path)
        if not self._allows(given.get(_ORIGIN, b"")):
            return refusal(
                403, "Pages of this origin may not call the server. Its option --cors-origins names those that may."
            )
        if not methods:
            return refusal(404, "Not Found")
        more: Headers = (
            (b"access-control-allow-methods", ", ".join(methods).encode()),
            (b"access-control-allow-headers", ALLOWED_HEADERS),
            (b"access-control-max-age", MAX_AGE),
        )
        return EncodedResponse(200, b"{}", more)

    def headers_for(self, headers: Any) -> Headers:
        """What the response to a request needs: the origin that may read it, for caches that the origin matters."""
        origin = next((value for name, value in headers if name == _ORIGIN), b"")
        vary = () if self._all else ((b"vary", b"Origin"),)
        if not self._allows(origin):
            return vary
        own = b"*" if self._all else origin
        exposed = (b"access-control-expose-headers", EXPOSED_HEADERS)
        return ((b"access-control-allow-origin", own), exposed, *vary)

    def adding(self, send: Any, request_headers: Any) -> Callable[[Any], Any]:
        """Wrap ASGI's `send` so that each response has these headers."""
        more = self.headers_for(request_headers)

        async def send_with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *more]
            await send(message)

        return send_with_headers

    def _allows(self, origin: bytes) -> bool:
        return bool(origin) and (self._all or origin in self._origins)


def is_preflight(method: str, headers: Any) -> bool:
    """Whether a browser asks before it sends a request of a page of another origin."""
    return method == "OPTIONS" and {_ORIGIN, _WANTED} <= {name for name, _ in headers}
