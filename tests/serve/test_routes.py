"""Every route that the applications really have is listed, with a decision about who may call it."""

import inspect
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.routing import Mount
from starlette.routing import Route as StarletteRoute

from seatrial.core.access_keys import SCOPES
from seatrial.model import Release
from seatrial.serve.app import create_fastapi
from seatrial.serve.asgi import AsgiApp
from seatrial.serve.doors import HANDLERS, Doors
from seatrial.serve.routes import OPEN, ROUTES, Route, RouteTable
from seatrial.serve.server_settings import Settings
from seatrial.serve.service import PREDICT, Service

ONLY_FILES = "/static-offline-docs"  # a folder without folders


def routes_of(app: Any) -> Iterator[tuple[str, str]]:
    """Yield the methods and the paths that a FastAPI application routes."""
    for route in app.routes:
        if isinstance(route, StarletteRoute) or hasattr(route, "methods"):
            yield from ((method, route.path) for method in route.methods)
        elif isinstance(route, Mount) and route.path == ONLY_FILES:
            yield from (("GET", f"{ONLY_FILES}/{{name}}"), ("HEAD", f"{ONLY_FILES}/{{name}}"))
        else:
            yield ("ANY", f"{route.path}: {type(route).__name__}")


def without_decision(app: Any) -> set[tuple[str, str]]:
    return set(routes_of(app)) - listed()


def listed() -> set[tuple[str, str]]:
    """The methods and the paths with a decision; HEAD has that of GET."""
    own = {(route.method, route.path) for route in ROUTES}
    return own | {("HEAD", path) for method, path in own if method == "GET"}


def test_every_route_has_a_decision_and_every_decision_a_route(service: Service) -> None:
    app = create_fastapi(service)
    assert without_decision(app) == set()
    assert {(route.method, route.path) for route in ROUTES} - set(routes_of(app)) == set(), "a decision without a route"
    assert {route.scope for route in ROUTES} <= {OPEN, *SCOPES}
    assert len({(route.method, route.path) for route in ROUTES}) == len(ROUTES)


def test_a_route_without_a_decision_is_found(service: Service) -> None:
    app = create_fastapi(service)
    app.add_api_route("/api/v1/rows", lambda: None, methods=["GET", "DELETE"])
    app.mount("/files", AsgiApp(service))
    app.add_api_websocket_route("/live", lambda: None)
    found = {("GET", "/api/v1/rows"), ("DELETE", "/api/v1/rows"), ("ANY", "/files: Mount")}
    assert without_decision(app) == found | {("ANY", "/live: APIWebSocketRoute")}


def test_what_the_asgi_application_answers_itself_has_a_decision(service: Service) -> None:
    own = {("POST", PREDICT), *((method, path) for path in AsgiApp(service)._checks for method in ("GET", "HEAD"))}
    assert own <= listed()
    source = inspect.getsource(AsgiApp._respond)
    assert source.index("self._decide(") < source.index("self.service.predict(") < source.index("self._forward(")


def test_anyone_may_call_nothing_that_predicts_explains_or_shows_rows() -> None:
    closed = {route.path for route in ROUTES if route.scope != OPEN}
    doors = {route.path for route in ROUTES if route.path in HANDLERS}
    assert closed - doors == {PREDICT, "/api/v1/explain", "/api/v1/model", "/reports/{name}", "/metrics"}
    assert all(route.scope == "predict" for route in ROUTES if route.path in doors and route.method == "POST")
    facts = {"/v2/models/{name}", "/v2/models/{name}/versions/{version}"}
    assert closed & doors == facts | {route.path for route in ROUTES if route.path in doors and route.method == "POST"}


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("POST", "/api/v1/predict", "predict"),
        ("GET", "/api/v1/predict", None),
        ("post", "/api/v1/predict", None),
        ("POST", "/api/v1/predict/", None),
        ("POST", "//api/v1/predict", None),
        ("POST", "/API/v1/predict", None),
        ("POST", "/api/v1/predict\n", None),
        ("GET", "/docs\n", None),
        ("GET", "/assets/try.js", OPEN),
        ("GET", "/assets/", None),
        ("GET", "/assets/a/b", None),
        ("GET", "/assets/a\n", None),
        ("GET", "/reports/trial", "admin"),
        ("GET", "", None),
        ("HEAD", "/api/v1/model", "predict"),
        ("HEAD", "/reports/trial", "admin"),
    ],
)
def test_a_path_matches_exactly(method: str, path: str, scope: str | None) -> None:
    assert RouteTable().scope_of(method, path) == scope


def test_a_part_of_a_segment_can_be_a_name() -> None:
    table = RouteTable([Route("POST", "/v1/models/{name}:predict", "predict")])
    assert table.find("POST", "/v1/models/m-1:predict") == (table.routes[0], {"name": "m-1"})
    for name in ("m.predict", ":predict", "a/b:predict", "a\n:predict", "m:1:predict"):
        assert table.find("POST", f"/v1/models/{name}") is None


def test_the_methods_of_a_path() -> None:
    table = RouteTable()
    assert table.methods_of("/api/v1/predict") == ("POST",)
    assert table.methods_of("/assets/try.js") == ("GET", "HEAD")
    assert table.methods_of("/nowhere") == ()


def test_every_route_of_every_door_has_a_decision(titanic: Release) -> None:
    assert set(HANDLERS) <= {route.path for route in ROUTES}
    service = Service(titanic, Settings(predict_route="/own", health_route="/alive"))
    table = service.access.routes
    doors = Doors(service)
    assert {route.path for route in doors.routes()} == {*HANDLERS, "/own", "/alive"}
    assert table.scope_of("POST", "/own") == "predict"
    assert table.scope_of("GET", "/alive") == OPEN
    routed = {each for each in routes_of(create_fastapi(service)) if each[0] != "HEAD"}
    assert routed == {(route.method, route.path) for route in table.routes}


def test_a_door_answers_no_route_without_a_decision(service: Service) -> None:
    for method, path in (("GET", "/v2/models/a/infer"), ("POST", "/v2/repository/index"), ("POST", "/own")):
        assert Doors(service).find(method, path) is None
        assert service.access.decide(method, path, []).refusal


@pytest.mark.parametrize(
    ("method", "path", "found", "names"),
    [
        ("GET", "/v2", "/v2", {}),
        ("HEAD", "/v2/health/live", "/v2/health/live", {}),
        ("POST", "/v2/models/a-b/infer", "/v2/models/{name}/infer", {"name": "a-b"}),
        ("POST", "/v2/models/a/versions/1.0/infer", "/v2/models/{name}/versions/{version}/infer", {"name": "a", "version": "1.0"}),
        ("POST", "/v1/models/a:predict", "/v1/models/{name}:predict", {"name": "a"}),
        ("POST", "/v1/endpoints/1/deployedModels/2:predict", "/v1/endpoints/{endpoint}/deployedModels/{model}:predict", {"endpoint": "1", "model": "2"}),
    ],
)  # fmt: skip
def test_a_path_is_found_with_its_names(method: str, path: str, found: str, names: dict[str, str]) -> None:
    match = RouteTable().find(method, path)
    assert match is not None
    assert (match[0].path, match[1]) == (found, names)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *[
            ("GET", "/v2/"),
            ("GET", "/v2/models/a/infer"),
            ("POST", "/v2/models//infer"),
            ("POST", "/v2/models/a/b/infer"),
        ],
        *[("POST", "/v1/models/a:explain"), ("PUT", "/score"), ("POST", "/Score"), ("POST", "/score/")],
    ],
)
def test_other_paths_and_methods_are_not_found(method: str, path: str) -> None:
    assert RouteTable().find(method, path) is None
