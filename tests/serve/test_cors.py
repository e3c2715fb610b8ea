"""Web pages of other origins: preflights, the headers of responses, and what stays closed."""

import json
from typing import Any

import pytest
from tests.serve.clients import Client, ask, run, threaded

from seatrial.core.access_keys import make_key, render_keys
from seatrial.model import Release
from seatrial.serve import create_app
from seatrial.serve.asgi import AsgiApp
from seatrial.serve.server_settings import Settings

PAGE = "http://localhost:3000"
PREFLIGHT = [
    ("Origin", PAGE),
    ("Access-Control-Request-Method", "POST"),
    ("Access-Control-Request-Headers", "authorization,content-type"),
]


def app_for(release: Release, **settings: Any) -> AsgiApp:
    app = create_app(release, Settings(**settings))
    app.service.load()
    return app


def test_a_preflight_needs_no_key_and_allows_the_headers_of_keys(titanic: Release) -> None:
    key, _ = make_key("web", ["predict"])
    app = app_for(titanic, cors_origins=(PAGE,), keys_text=render_keys([key]))
    reply = run(ask(app, "OPTIONS", headers=PREFLIGHT))
    assert reply.status == 200
    assert reply.headers["access-control-allow-origin"] == PAGE
    assert reply.headers["access-control-allow-methods"] == "POST"
    assert {"Authorization", "X-API-Key", "Content-Type"} <= set(
        reply.headers["access-control-allow-headers"].split(", ")
    )
    assert reply.headers["vary"] == "Origin"
    assert "access-control-allow-credentials" not in reply.headers
    assert run(ask(app, "OPTIONS", "/nowhere", headers=PREFLIGHT)).status == 404
    assert run(ask(app, "OPTIONS", headers=PREFLIGHT[:1])).status == 401, "no preflight"
    app.service.stop()


@pytest.mark.parametrize(
    "origin", ["http://localhost:3001", "https://localhost:3000", "null", PAGE + "/", PAGE.upper()]
)
def test_another_origin_gets_no_permission(titanic: Release, origin: str) -> None:
    app = app_for(titanic, cors_origins=(PAGE,))
    headers = [("Origin", origin), *PREFLIGHT[1:]]
    preflight = run(ask(app, "OPTIONS", headers=headers))
    assert preflight.status == 403
    reply = run(ask(app, body=json.dumps(titanic.metadata.example).encode(), headers=[("Origin", origin)]))
    assert reply.status == 200
    for each in (preflight, reply):
        assert "access-control-allow-origin" not in each.headers
        assert each.headers["vary"] == "Origin"
    app.service.stop()


def test_without_the_setting_there_is_no_permission(titanic: Release) -> None:
    app = app_for(titanic)
    assert run(ask(app, "OPTIONS", headers=PREFLIGHT)).status == 405
    reply = run(ask(app, body=json.dumps(titanic.metadata.example).encode(), headers=PREFLIGHT[:1]))
    assert reply.status == 200
    assert not [name for name in reply.headers if name.startswith("access-control") or name == "vary"]
    app.service.stop()


def test_every_response_can_be_read_by_the_page_on_a_real_socket(titanic: Release) -> None:
    key, secret = make_key("web", ["predict"], rate="1/day")
    settings = Settings(cors_origins=("*",), keys_text=render_keys([key]))
    row = json.dumps(titanic.metadata.example).encode()
    authorization = f"Authorization: Bearer {secret}"
    with threaded(create_app(titanic, settings)) as (port, _):
        client = Client(port)
        for headers, status in (((), 401), ((authorization,), 200), ((authorization,), 429), (("X-API-Key: x",), 401)):
            reply = client.predict(row, f"Origin: {PAGE}", *headers)
            assert reply.status == status
            assert reply.headers["access-control-allow-origin"] == "*"
            exposed = reply.headers["access-control-expose-headers"]
            assert {"retry-after", "ratelimit", "x-request-id"} <= set(exposed.split(", "))
            assert "vary" not in reply.headers
        assert client.ask("GET", "/docs", b"", f"Origin: {PAGE}").headers["access-control-allow-origin"] == "*"
