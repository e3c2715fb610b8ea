"""Each route of the server is listed with who may call it, and found by its path."""

import pytest

from seatrial.model import Release
from seatrial.serve.app import create_fastapi
from seatrial.serve.doors import HANDLERS
from seatrial.serve.routes import OPEN, PREDICT_SCOPE, ROUTES, RouteTable
from seatrial.serve.server_settings import Settings
from seatrial.serve.service import Service


def test_every_documented_route_is_listed_and_every_listed_one_documented(titanic: Release) -> None:
    paths = create_fastapi(Service(titanic, Settings())).openapi()["paths"]
    documented = {(method.upper(), path) for path, operations in paths.items() for method in operations}
    assert documented == {(route.method, route.path) for route in ROUTES}


def test_every_route_of_a_door_is_listed() -> None:
    assert set(HANDLERS) <= {route.path for route in ROUTES}


def test_what_predicts_needs_a_scope() -> None:
    assert {route.scope for route in ROUTES if route.method == "POST"} >= {PREDICT_SCOPE}
    assert all(route.scope != OPEN for route in ROUTES if route.method == "POST")


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
