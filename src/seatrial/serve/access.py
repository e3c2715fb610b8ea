"""Decides about a request, from its first line and its headers, before anything of its body is read.

The same function decides for the ASGI application and for FastAPI where that is mounted alone. The fast path looks its
header line up in what was found good here.
"""

import re
from collections.abc import Sequence
from math import ceil
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

from seatrial.http.messages import EncodedResponse, Headers, refusal
from seatrial.serve.keys import KeyHolder, KeyRing
from seatrial.serve.refusals import in_form_of
from seatrial.serve.routes import MCP_ROUTE, OPEN, PREDICT_SCOPE, ROUTES, Route, RouteTable, own_routes
from seatrial.serve.server_settings import Settings

ALLOWED = "seatrial.key"  # in the scope of a request that was decided about: the name of its key
AUTHORIZATION, API_KEY = b"authorization", b"x-api-key"
CREDENTIALS = frozenset((AUTHORIZATION, API_KEY))
_SECRET = re.compile(rb"st_[A-Za-z0-9_-]{43}")
_BEARER = re.compile(rb"bearer (%b)" % _SECRET.pattern, re.IGNORECASE)

HOW = "Send it as `Authorization: Bearer KEY`, or as `X-API-Key: KEY`."
NO_KEY = f"This needs a key. {HOW}"
WRONG_KEY = "The key is not valid: it is unknown, revoked or expired."
WRONG_FORM = f"This is not a key in a known form. {HOW}"
SEVERAL = "The request has more than one key, or a header with a key twice."
IN_URL = f"A key does not belong in a URL, where logs and proxies keep it. Replace this key. {HOW}"


class AccessDecision(NamedTuple):
    """The response to a request that is refused, the name of its key, if it has a valid one, and its route."""

    refusal: EncodedResponse | None = None
    key: str = ""
    route: str = ""


class AccessControl:
    """Who may call which of the routes; without keys, anyone. Raises SeatrialError where the keys cannot be read.

    `routes` are those of another application than the model server.
    """

    def __init__(self, settings: Settings, routes: Sequence[Route] | None = None) -> None:
        own = own_routes(settings) if routes is None else []
        self.routes = RouteTable([*ROUTES, *own] if routes is None else routes)
        self._own = frozenset(route.path for route in own if route != MCP_ROUTE)
        self.ring = KeyRing(settings.keys, settings.keys_text, settings.workers) if settings.locked else None

    def decide(self, method: str, path: str, headers: Any, query: bytes = b"") -> AccessDecision:
        """Decide about a request to a percent-decoded `path`; an allowed one counts for the rate of its key.

        A refusal has the form of the path's protocol.
        """
        found = self.routes.find(method, path)
        scope, route = (found[0].scope, found[0].path) if found else (None, "")
        refused, key, _ = self._decide(scope, path, headers, query)
        return AccessDecision(in_form_of(path, self._own, refused) if refused else None, key, route)

    def decide_call(self, route: Route, headers: Any) -> AccessDecision:
        """Decide about a call through a port of its own, of which `headers` are the metadata; refusals are native."""
        refused, key, _ = self._decide(route.scope, "", headers, b"")
        return AccessDecision(refused, key, route.path)

    def has_scope(self, headers: Any, scope: str) -> bool:
        """Whether the caller of a request that was allowed may do something else, too; it does not count."""
        found = _caller(self.ring, headers, b"") if self.ring else None
        return found is None or (not isinstance(found, EncodedResponse) and scope in found[0].key.scopes)

    def _decide(self, scope: str | None, path: str, headers: Any, query: bytes) -> AccessDecision:
        if scope == OPEN:
            return AccessDecision()
        ring = self.ring
        if ring is None:
            return AccessDecision() if scope else AccessDecision(self._no_route(path))
        ring.look_if_due()
        found = _caller(ring, headers, query)
        if isinstance(found, EncodedResponse):
            return AccessDecision(found)
        caller, line = found
        name = caller.key.name
        if scope is None:
            return AccessDecision(self._no_route(path), name)
        if scope not in caller.key.scopes:
            return AccessDecision(_unauthorized(403, f"The key does not have the scope {scope}.", scope), name)
        if not caller.meter.take():
            return AccessDecision(_limited(caller), name)
        if scope == PREDICT_SCOPE:
            ring.remember(line, caller)
        return AccessDecision(None, name)

    def _no_route(self, path: str) -> EncodedResponse:
        """FastAPI's 404, or its 405 for a path that has other methods."""
        if methods := self.routes.methods_of(path):
            return refusal(405, "Method Not Allowed", ((b"allow", ", ".join(methods).encode()),))
        return refusal(404, "Not Found")


def _caller(ring: KeyRing, headers: Any, query: bytes) -> tuple[KeyHolder, tuple[bytes, bytes]] | EncodedResponse:
    """The caller by the one key of a request, and its header line; or the refusal."""
    lines = [(name, value) for name, value in headers if name in CREDENTIALS]
    if query and (_SECRET.search(query) or _SECRET.search(unquote_to_bytes(query))):
        return _unauthorized(401, IN_URL, error="invalid_request")
    if not lines:
        return _unauthorized(401, NO_KEY)
    forms = [(_BEARER if name == AUTHORIZATION else _SECRET).fullmatch(value) for name, value in lines]
    secrets = {form[form.re.groups] for form in forms if form}
    if len({name for name, _ in lines}) < len(lines) or len(secrets) > 1:
        return _unauthorized(401, SEVERAL, error="invalid_request")
    if not all(forms):
        return _unauthorized(401, WRONG_FORM, error="invalid_request")
    caller = ring.find(secrets.pop().decode("ascii"))
    return (caller, lines[0]) if caller else _unauthorized(401, WRONG_KEY, error="invalid_token")


def _unauthorized(status: int, detail: str, scope: str = "", error: str = "") -> EncodedResponse:
    """A 401 or 403 with the challenge of RFC 6750; a request without any key gets no error code."""
    code = "insufficient_scope" if scope else error
    parts = [f'error="{code}"'] * bool(code) + [f'scope="{scope}"'] * bool(scope)
    challenge = f"Bearer {', '.join(parts)}".strip()
    return refusal(status, detail, ((b"www-authenticate", challenge.encode()),))


def _limited(caller: KeyHolder) -> EncodedResponse:
    """A 429 with the fields of draft-ietf-httpapi-ratelimit-headers-10."""
    states = caller.meter.states()
    used_up = [state for state in states if not state.left] or states
    wait = max(ceil(max(state.one_after for state in used_up)), 1)
    policy = ", ".join(f'"{each.name}";q={each.allowance.amount};w={each.allowance.seconds}' for each in states)
    limit = ", ".join(f'"{each.name}";r={each.left};t={ceil(each.all_after)}' for each in states)
    headers: Headers = (
        (b"retry-after", b"%d" % wait),
        (b"ratelimit-policy", policy.encode()),
        (b"ratelimit", limit.encode()),
    )
    what = " and ".join(f"{state.name} of {state.allowance}" for state in used_up)
    verb = "is" if len(used_up) == 1 else "are"
    return refusal(429, f"The key's {what} {verb} used up. Try again in {wait} s.", headers)
