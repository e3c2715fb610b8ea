"""Every route of the server, and who may call it: a route that is not listed here is not served by a door.

`find` is the one place that matches a path. A scope is what a caller's key must allow; OPEN is for anybody.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

PREDICT_SCOPE = "predict"
EXPLAIN_SCOPE = "explain"
METRICS_SCOPE = "metrics"
ADMIN_SCOPE = "admin"
LOG_SCOPE = "log"
OPEN = ""


@dataclass(frozen=True)
class Route:
    """A method and a path, and the scope that a caller needs; `{name}` in the path matches one segment of any text."""

    method: str
    path: str
    scope: str

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The path as a regular expression, with a group for each name."""
        parts = re.split(r"\{(\w+)\}", self.path)
        return re.compile("".join(f"(?P<{p}>[^/]+)" if i % 2 else re.escape(p) for i, p in enumerate(parts)))


ROUTES = (
    Route("POST", "/api/v1/predict", PREDICT_SCOPE),
    Route("POST", "/api/v1/explain", EXPLAIN_SCOPE),
    Route("GET", "/api/v1/model", PREDICT_SCOPE),
    Route("GET", "/health", OPEN),
    Route("GET", "/api/v1/health", OPEN),
    Route("GET", "/ready", OPEN),
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


class RouteTable:
    """Finds the route of a request."""

    def __init__(self, routes: Sequence[Route] = ROUTES) -> None:
        self.routes = tuple(routes)
        self._plain = {(route.method, route.path): route for route in routes if "{" not in route.path}
        self._patterns = [route for route in routes if "{" in route.path]

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """The route, and the values of the names in its path. HEAD is answered where GET is."""
        method = "GET" if method == "HEAD" else method
        if route := self._plain.get((method, path)):
            return route, {}
        for route in self._patterns:
            if route.method == method and (found := route.pattern.fullmatch(path)):
                return route, found.groupdict()
        return None
