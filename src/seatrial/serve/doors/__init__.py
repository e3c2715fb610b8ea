"""Other protocols in front of the one `Service`: Open Inference, KServe V1, Vertex AI, MLflow, SageMaker, Azure ML.

A request comes in in a protocol's form, is translated into the rows that /api/v1/predict takes, and is answered or
refused in the same form. A door validates no rows, scores nothing, and keeps nothing between requests.
"""

from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from seatrial.http.messages import EncodedResponse
from seatrial.serve.doors.door import Call as Call
from seatrial.serve.doors.door import Door
from seatrial.serve.routes import MCP_ROUTE, ROUTES, Route

if TYPE_CHECKING:
    from seatrial.serve.service import Service

Answer = Callable[[Call], Awaitable[EncodedResponse | None]]

# By a route's path: the class of its door, and the method that answers.
_MODULES = {
    "OpenInference": ".open_inference",
    "Instances": ".instances",
    "MlflowScoring": ".mlflow",
    "AzureScoring": ".azure",
    "ModelContext": "..mcp.mcp_door",
}
HANDLERS = {
    "/v2": ("OpenInference", "server"),
    "/v2/health/live": ("OpenInference", "live"),
    "/v2/health/ready": ("OpenInference", "ready"),
    "/v2/models/{name}": ("OpenInference", "model"),
    "/v2/models/{name}/versions/{version}": ("OpenInference", "model"),
    "/v2/models/{name}/ready": ("OpenInference", "model_ready"),
    "/v2/models/{name}/versions/{version}/ready": ("OpenInference", "model_ready"),
    "/v2/models/{name}/infer": ("OpenInference", "infer"),
    "/v2/models/{name}/versions/{version}/infer": ("OpenInference", "infer"),
    "/v1/models": ("Instances", "models"),
    "/v1/models/{name}": ("Instances", "model"),
    "/v1/models/{name}:predict": ("Instances", "predict_model"),
    "/v1/endpoints/{endpoint}/deployedModels/{model}": ("Instances", "health"),
    "/v1/endpoints/{endpoint}/deployedModels/{model}:predict": ("Instances", "predict_endpoint"),
    "/ping": ("MlflowScoring", "ping"),
    "/version": ("MlflowScoring", "version"),
    "/invocations": ("MlflowScoring", "invocations"),
    "/score": ("AzureScoring", "score"),
}

PROBES = ("/ping", "/v2/health/live", "/v2/health/ready")
VERTEX = {"POST": ("Instances", "predict_endpoint"), "GET": ("Instances", "health")}


class Doors:
    """The doors of one service. Each is loaded at the first request that comes through it."""

    def __init__(self, service: "Service") -> None:
        self._service = service
        self._made: dict[str, Door] = {}
        self.fast: dict[bytes, Any] = {}  # doors on the HTTP fast path, by URL, once they are loaded
        self.table = service.access.routes
        own = set(self.table.routes) - {*ROUTES, MCP_ROUTE}
        agents = {MCP_ROUTE.path: ("ModelContext", "post")} if service.settings.mcp else {}
        self._handlers = {**HANDLERS, **{route.path: VERTEX[route.method] for route in own}, **agents}

    def find(self, method: str, path: str) -> tuple[Answer, dict[str, str]] | None:
        """What answers a request, and the names in its path; None if no door has the path."""
        if found := self.table.find(method, path):
            route, names = found
            return (self.handler(route.path), names) if route.path in self._handlers else None
        return None

    def routes(self) -> list[Route]:
        """The routes that doors answer."""
        return [route for route in self.table.routes if route.path in self._handlers]

    def handler(self, path: str) -> Answer:
        """What answers the requests of a route."""
        answer: Answer = getattr(self.door(path), self._handlers[path][1])
        return answer

    def door(self, path: str) -> Any:
        """The door of a route."""
        return self._door(self._handlers[path][0])

    def _door(self, name: str) -> Any:
        if name not in self._made:
            module = import_module(_MODULES[name], __name__)
            self._made[name] = door = getattr(module, name)(self._service)
            self.fast |= dict.fromkeys(door.fast_urls(), door)
        return self._made[name]
