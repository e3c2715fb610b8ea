"""Who may call a route of the index. Each route is declared with its caller, and checks it before its handler runs.

Nothing here looks at a URL: a route is matched by the path and the method that the server parsed, and by nothing that a
client can write in another way. What no route answers is for callers with the password.
"""

import hmac
import re
from base64 import b64decode
from binascii import Error as Base64Error
from dataclasses import dataclass
from enum import Enum
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from seatrial.http.hosts import host_of, is_loopback
from seatrial.release.index_brake import Brake

CHALLENGE = {"WWW-Authenticate": 'Basic realm="index"'}
CLOSE = {"Connection": "close"}  # the rest of the request is not read
ONCE = (b"host", b"authorization", b"content-length", b"content-type")  # headers that a request has once or not at all


class Caller(Enum):
    """Who may call a route."""

    ANYONE = "anyone, without a password"
    READER = "a caller with the password, or anyone where reading is open"
    WRITER = "a caller with the password"


@dataclass(frozen=True)
class Access:
    """The password. Without one everybody may do everything; that is only for use on this machine."""

    user: str
    password: str = ""
    open_reading: bool = False

    def allows(self, authorization: str) -> bool:
        """Check user and password, in a time that does not depend on them."""
        kind, _, value = authorization.partition(" ")
        try:
            credentials = b64decode(value.strip(), validate=True) if kind.lower() == "basic" else b""
        except (Base64Error, ValueError):
            credentials = b""
        return hmac.compare_digest(credentials, f"{self.user}:{self.password}".encode())


class Gate:
    """Decides about one request, from its headers and from the caller that its route declares."""

    def __init__(self, access: Access, brake: Brake | None = None) -> None:
        self._access = access
        self._brake = brake or Brake()

    async def refusal(self, scope: Scope, caller: Caller) -> Response | None:
        """Return the response for a caller who may not call the route, and None for one who may."""
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        names = [name for name, _ in headers]
        if any(names.count(name) > 1 for name in ONCE):
            return PlainTextResponse("A header is repeated.\n", 400, CLOSE)
        given = {name: value for name, value in headers if name in ONCE}
        if not self._access.password:
            # A web page whose host name resolves to this machine must not read or write here.
            host = host_of(given.get(b"host", b""))
            return None if host and is_loopback(host) else PlainTextResponse("Wrong host.\n", 421, CLOSE)
        if caller is Caller.ANYONE or (caller is Caller.READER and self._access.open_reading):
            return None
        authorization = given.get(b"authorization", b"").decode("latin-1")
        if self._access.allows(authorization):
            return None
        # A client that has not sent a password yet may do so on the same connection. One that sends a body without a
        # password is treated as one that guesses: it would connect again at once.
        hostile = bool(authorization) or given.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in names
        if hostile:
            await self._brake.wait((scope.get("client") or ("unknown",))[0])
        close = CLOSE if hostile else {}
        return PlainTextResponse("The user name or the password is wrong.\n", 401, {**CHALLENGE, **close})

    async def not_found(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what no route does: 404, for callers with the password."""
        refusal = await self.refusal(scope, Caller.WRITER)
        if refusal is None:
            raise HTTPException(404)
        await refusal(scope, receive, send)


class IndexRoute(Route):
    """One method of one path, and who may call it."""

    def __init__(self, method: str, path: str, endpoint: Any, caller: Caller, gate: Gate) -> None:
        super().__init__(path, endpoint, methods=[method])
        # Starlette's pattern ends with $, which a line break may follow.
        self.path_regex = re.compile(self.path_regex.pattern.removesuffix("$") + r"\Z")
        self.caller = caller
        self._gate = gate

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the handler for those who may call it; a method that the path does not have needs the password."""
        declared = scope["method"] in (self.methods or ())
        refusal = await self._gate.refusal(scope, self.caller if declared else Caller.WRITER)
        await (refusal or super().handle)(scope, receive, send)
