"""Who may call the routes of other protocols: the same attempts to get by, and refusals in each protocol's form."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.serve.clients import Client, ask, request, run, threaded
from tests.serve.test_access import BEARER, HEADERS, METRICS_SECRET, SECRET, locked, raw, refused_on

from seatrial.core.access_keys import make_key
from seatrial.model import Release
from seatrial.serve import create_app

INFER = "/v2/models/titanic-model/infer"
INSTANCES = ("/v1/models/titanic-model:predict", "/v1/endpoints/1/deployedModels/2:predict", "/own")
PATHS = (INFER, "/v2/models/titanic-model/versions/{version}/infer", "/invocations", "/score", *INSTANCES)
SPELLINGS = ("?", "/", "%00", "%0a", "/.", ";x", "%20", "%2f", "?key=" + SECRET, "?access_token=" + SECRET)


@pytest.fixture(scope="module")
def bodies(titanic: Release) -> dict[str, bytes]:
    """A valid body for each path."""
    row = titanic.metadata.example
    types = {str: "BYTES", int: "INT64", float: "FP64", bool: "BOOL"}
    inputs = [
        {"name": name, "datatype": types.get(type(value), "BYTES"), "shape": [1], "data": [value]}
        for name, value in row.items()
    ]
    documents: dict[str, Any] = {"/score": {"data": [row]}}
    return {
        path: json.dumps({"inputs": inputs} if "/infer" in path else documents.get(path, {"instances": [row]})).encode()
        for path in PATHS
    }


@pytest.fixture(scope="module")
def port(titanic: Release, bodies: dict[str, bytes]) -> Iterator[int]:
    """A server whose doors have been loaded by valid requests, so that small ones are on the fast path."""
    with threaded(create_app(titanic, locked(predict_route="/own", health_route="/alive"))) as (port, server):
        client = Client(port)
        for path, body in bodies.items():
            url = path.replace("{version}", titanic.version)
            assert [client.ask("POST", url, body, BEARER).status for _ in range(2)] == [200, 200], path
        assert INFER.encode() in server.config.app.fast_doors
        yield port


@pytest.mark.parametrize("name", HEADERS)
def test_no_header_but_a_valid_key_opens_a_door(
    port: int, titanic: Release, bodies: dict[str, bytes], name: str
) -> None:
    for path, body in bodies.items():
        line = f"POST {path.replace('{version}', titanic.version)} HTTP/1.1"
        status = refused_on(port, raw(line, body, *HEADERS[name]))
        assert status in (400, 401, 403), path
        assert (status == 403) == (name == "a key for something else"), path


@pytest.mark.parametrize("more", SPELLINGS, ids=range(len(SPELLINGS)))
def test_no_spelling_of_the_path_opens_a_door(port: int, bodies: dict[str, bytes], more: str) -> None:
    for path, body in bodies.items():
        assert refused_on(port, raw(f"POST {path}{more} HTTP/1.1", body)) in (400, 401), path


def test_off_the_fast_path_a_key_is_needed_too(port: int, bodies: dict[str, bytes]) -> None:
    odd = "Content-Type: application/json; charset=ascii"
    assert refused_on(port, raw(f"POST {INFER} HTTP/1.1", bodies[INFER], odd)) == 401
    assert refused_on(port, raw(f"POST {INFER} HTTP/1.0", bodies[INFER])) == 401
    behind = Client(port)
    behind.send(request("POST", INFER, bodies[INFER], BEARER) * 2 + request("POST", INFER, bodies[INFER]))
    assert [behind.read().status for _ in range(3)] == [200, 200, 401]


@pytest.mark.parametrize("path", PATHS)
def test_a_refusal_has_the_form_of_the_protocol(port: int, path: str) -> None:
    codes = {401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED"}
    for status, header in ((401, "X-Other: 1"), (403, f"X-API-Key: {METRICS_SECRET}")):
        reply = Client(port).ask("POST", path, b"{}", header)
        assert reply.status == status
        assert reply.headers["www-authenticate"].startswith("bearer")
        document = reply.json()
        if path == "/invocations":
            assert (set(document), document["error_code"]) == ({"error_code", "message"}, codes[status])
        else:
            assert set(document) == {"error"}


def test_an_unknown_path_has_the_form_of_the_protocol(port: int) -> None:
    for path in ("/v2/nowhere", "/v1/nowhere"):
        assert set(Client(port).ask("GET", path).json()) == {"error"}
        reply = Client(port).ask("GET", path, b"", BEARER)
        assert (reply.status, reply.json()) == (404, {"error": "Not Found"})
    assert set(Client(port).ask("GET", "/nowhere").json()) == {"detail"}


def test_a_rate_holds_over_all_doors(titanic: Release, bodies: dict[str, bytes]) -> None:
    key, secret = make_key("web", ["predict"], quota="2/day")
    with threaded(create_app(titanic, locked(key))) as (port, _):
        client, own = Client(port), f"X-API-Key: {secret}"
        replies = [client.ask("POST", path, bodies[path], own) for path in (INFER, INFER, INFER, "/invocations")]
        assert [reply.status for reply in replies] == [200, 200, 429, 429]
        assert all(int(reply.headers["retry-after"]) >= 1 for reply in replies[2:])
        assert all(reply.headers["ratelimit"].startswith('"quota";r=0;t=') for reply in replies[2:])
        assert "used up" in replies[2].json()["error"]
        assert replies[3].json()["error_code"] == "REQUEST_LIMIT_EXCEEDED"


@pytest.mark.parametrize("path", ["/v2", "/v2/health/live", "/v2/health/ready", "/ping", "/version", "/alive"])
def test_probes_of_doors_need_no_key(port: int, path: str) -> None:
    assert Client(port).ask("GET", path).status == 200


@pytest.mark.parametrize("path", PATHS)
def test_a_preflight_for_a_door_needs_no_key_and_names_its_method(titanic: Release, path: str) -> None:
    settings = locked(cors_origins=("https://a.example",), predict_route="/own")
    own = [("Origin", "https://a.example"), ("Access-Control-Request-Method", "POST")]
    app = create_app(titanic, settings)
    reply = run(ask(app, "OPTIONS", path.replace("{version}", titanic.version), b"", own))
    assert reply.status == 200
    assert reply.headers["access-control-allow-methods"] == "POST"
    assert run(ask(app, "OPTIONS", path, b"", [("Origin", "https://b.example"), own[1]])).status == 403


@pytest.mark.parametrize("path", PATHS)
def test_a_door_is_below_the_root_path_and_keeps_its_lock(
    titanic: Release, bodies: dict[str, bytes], path: str
) -> None:
    url = f"/m{path.replace('{version}', titanic.version)}"
    with threaded(create_app(titanic, locked(root_path="/m", predict_route="/own"))) as (port, _):
        client = Client(port)
        assert client.ask("POST", url, bodies[path], BEARER).status == 200
        assert client.ask("POST", url, bodies[path]).status == 401


def test_a_door_answers_to_allowed_hosts_only(titanic: Release, bodies: dict[str, bytes]) -> None:
    with threaded(create_app(titanic, locked(allowed_hosts=("a.example",), predict_route="/own"))) as (port, _):
        for path, body in bodies.items():
            line = f"POST {path.replace('{version}', titanic.version)} HTTP/1.1"
            for _ in range(2):  # the second one on the fast path, where there is one
                client = Client(port)
                client.send(raw(line, body, BEARER, host="Host: a.example"))
                assert client.read().status == 200, path
            assert refused_on(port, raw(line, body, BEARER, host="Host: b.example")) == 421, path
