"""Every route that the server answers, and who may call it. What is not listed here is not answered."""

import re
from dataclasses import dataclass

from seatrial.core.access_keys import SCOPES

PREDICT_SCOPE, EXPLAIN_SCOPE, LOG_SCOPE, METRICS_SCOPE, ADMIN_SCOPE = SCOPES
OPEN = ""  # for anyone: health checks, and what a browser must load before it can send a key


@dataclass(frozen=True)
class Route:
    """One method of one path, and the scope that a caller's key must have."""

    method: str
    path: str  # "{name}" matches one segment, or a part of one
    scope: str


ROUTES = (
    Route("POST", "/api/v1/predict", PREDICT_SCOPE),
    Route("POST", "/api/v1/explain", EXPLAIN_SCOPE),
    Route("GET", "/api/v1/model", PREDICT_SCOPE),
    Route("HEAD", "/api/v1/model", PREDICT_SCOPE),
    *(
        Route(method, path, OPEN)
        for path in (
            *("/health", "/api/v1/health", "/ready", "/", "/assets/{name}"),
            *("/openapi.json", "/static-offline-docs/{name}"),
        )
        for method in ("GET", "HEAD")
    ),
    *(Route("GET", path, OPEN) for path in ("/docs", "/redoc", "/redoc.js")),
    *(Route(method, "/reports/{name}", ADMIN_SCOPE) for method in ("GET", "HEAD")),
)


def _pattern(path: str) -> re.Pattern[str]:
    """The paths that a route answers: a part in braces is never empty and has no slash."""
    parts = re.split(r"\{[a-z_]+\}", path)
    return re.compile("[^/\n]+".join(re.escape(part) for part in parts))


_EXACT = {(route.method, route.path): route.scope for route in ROUTES if "{" not in route.path}
_PATTERNS = [(route, _pattern(route.path)) for route in ROUTES if "{" in route.path]


def scope_of(method: str, path: str) -> str | None:
    """The scope that a request needs, OPEN for none; None for a route that does not exist.

    `path` is percent-decoded and has no query. It must match exactly, as the routers below match it.
    """
    scope = _EXACT.get((method, path))
    if scope is not None:
        return scope
    return next((r.scope for r, pattern in _PATTERNS if r.method == method and pattern.fullmatch(path)), None)


def methods_of(path: str) -> tuple[str, ...]:
    """The methods of a path, in alphabetical order; none where the path does not exist."""
    exact = [method for method, known in _EXACT if known == path]
    return tuple(sorted({*exact, *(r.method for r, pattern in _PATTERNS if pattern.fullmatch(path))}))
