"""Every route that the server answers, and who may call it. What is not listed here is not answered."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from seatrial.core.access_keys import SCOPES
from seatrial.core.errors import SeatrialError
from seatrial.serve.server_settings import Settings

PREDICT_SCOPE, EXPLAIN_SCOPE, LOG_SCOPE, METRICS_SCOPE, ADMIN_SCOPE = SCOPES
OPEN = ""  # for anyone: health checks, and what a browser must load before it can send a key


@dataclass(frozen=True)
class Route:
    """One method of one path, and the scope that a caller's key must have; HEAD is as GET."""

    method: str
    path: str  # "{name}" matches one segment, or a part of one
    scope: str


ROUTES = (
    Route("POST", "/api/v1/predict", PREDICT_SCOPE),
    Route("POST", "/api/v1/explain", EXPLAIN_SCOPE),
    Route("GET", "/api/v1/model", PREDICT_SCOPE),
    Route("GET", "/health", OPEN),
    Route("GET", "/api/v1/health", OPEN),
    Route("GET", "/ready", OPEN),
    Route("GET", "/metrics", METRICS_SCOPE),
    # the page, the documents, and their files
    Route("GET", "/", OPEN),
    Route("GET", "/assets/{name}", OPEN),
    Route("GET", "/docs", OPEN),
    Route("GET", "/redoc", OPEN),
    Route("GET", "/redoc.js", OPEN),
    Route("GET", "/openapi.json", OPEN),
    Route("GET", "/static-offline-docs/{name}", OPEN),
    Route("GET", "/reports/{name}", ADMIN_SCOPE),
    # Open Inference Protocol, version 2
    Route("GET", "/v2", OPEN),
    Route("GET", "/v2/health/live", OPEN),
    Route("GET", "/v2/health/ready", OPEN),
    Route("GET", "/v2/models/{name}", PREDICT_SCOPE),
    Route("GET", "/v2/models/{name}/versions/{version}", PREDICT_SCOPE),
    Route("GET", "/v2/models/{name}/ready", OPEN),
    Route("GET", "/v2/models/{name}/versions/{version}/ready", OPEN),
    Route("POST", "/v2/models/{name}/infer", PREDICT_SCOPE),
    Route("POST", "/v2/models/{name}/versions/{version}/infer", PREDICT_SCOPE),
    # KServe's version 1, and Vertex AI's default routes
    Route("GET", "/v1/models", OPEN),
    Route("GET", "/v1/models/{name}", OPEN),
    Route("POST", "/v1/models/{name}:predict", PREDICT_SCOPE),
    Route("GET", "/v1/endpoints/{endpoint}/deployedModels/{model}", OPEN),
    Route("POST", "/v1/endpoints/{endpoint}/deployedModels/{model}:predict", PREDICT_SCOPE),
    # MLflow's scoring server, and SageMaker
    Route("GET", "/ping", OPEN),
    Route("GET", "/version", OPEN),
    Route("POST", "/invocations", PREDICT_SCOPE),
    # Azure ML
    Route("POST", "/score", PREDICT_SCOPE),
)
MCP_ROUTE = Route("POST", "/mcp", PREDICT_SCOPE)  # where it is switched on; its tools may need more scopes

# The methods of the Open Inference Protocol over gRPC, which has a port of its own; health and reflection are open.
GRPC_ROUTES = tuple(
    Route("POST", f"/inference.GRPCInferenceService/{name}", scope)
    for name, scope in (
        ("ServerLive", OPEN),
        ("ServerReady", OPEN),
        ("ServerMetadata", OPEN),
        ("ModelReady", OPEN),
        ("ModelMetadata", PREDICT_SCOPE),
        ("ModelInfer", PREDICT_SCOPE),
    )
)


class RouteTable:
    """Finds the route of a request by its method and its path, percent-decoded and without the query.

    A path must match exactly, as the routers behind this table match it.
    """

    def __init__(self, routes: Sequence[Route] = ROUTES) -> None:
        self.routes = tuple(routes)
        self._exact = {(route.method, route.path): route for route in routes if "{" not in route.path}
        self._patterns = [(route, _pattern(route.path)) for route in routes if "{" in route.path]
        self._methods = sorted({route.method for route in routes})

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """The route, and the values of the names in its path; None where there is no such route."""
        method = "GET" if method == "HEAD" else method
        if route := self._exact.get((method, path)):
            return route, {}
        for route, pattern in self._patterns:
            if route.method == method and (found := pattern.fullmatch(path)):
                return route, found.groupdict()
        return None

    def scope_of(self, method: str, path: str) -> str | None:
        """The scope that a request needs, OPEN for none; None where there is no such route."""
        found = self.find(method, path)
        return found[0].scope if found else None

    def methods_of(self, path: str) -> tuple[str, ...]:
        """The methods of a path, in alphabetical order; none where the path does not exist."""
        found = {method for method in self._methods if self.find(method, path)}
        return tuple(sorted(found | ({"HEAD"} if "GET" in found else set())))


def _pattern(path: str) -> re.Pattern[str]:
    """The paths that a route answers: a part in braces is never empty, and has no slash and no colon."""
    parts = re.split(r"\{(\w+)\}", path)
    return re.compile("".join(f"(?P<{p}>[^/:\n]+)" if i % 2 else re.escape(p) for i, p in enumerate(parts)))


def own_routes(settings: Settings) -> list[Route]:
    """The routes that settings add: Vertex AI's, and that of agents.

    Raises SeatrialError where another protocol has the path of Vertex AI's.
    """
    found = [MCP_ROUTE] if settings.mcp else []
    for method, path, scope in (("POST", settings.predict_route, PREDICT_SCOPE), ("GET", settings.health_route, OPEN)):
        known = _TABLE.find(method, path)
        if not path or (known and (method == "GET" or known[0].path.startswith("/v1/"))):  # answered in this form
            continue
        if known or path in ("/", MCP_ROUTE.path):
            hint = "Choose another path, such as /predict, as AIP_PREDICT_ROUTE and AIP_HEALTH_ROUTE."
            raise SeatrialError(f"{path} cannot be a route of Vertex AI's form; it has another.", hint=hint)
        found.append(Route(method, path, scope))
    return found


_TABLE = RouteTable()
