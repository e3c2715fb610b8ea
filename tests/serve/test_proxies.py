"""Behind a proxy: a prefix, removed by the proxy or not, and X-Forwarded headers of trusted proxies only."""

import json
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from tests.serve.clients import PREDICT, Client, Reply, ask, run, threaded

from seatrial.core.access_keys import make_key, render_keys
from seatrial.model import Release
from seatrial.serve import create_app
from seatrial.serve.asgi import AsgiApp
from seatrial.serve.proxies import ProxySettings
from seatrial.serve.server_settings import Settings

PREFIX = "/models/churn"


def scope_for(client: str, *headers: tuple[str, str], path: str = "/docs") -> dict[str, Any]:
    encoded = [(name.lower().encode(), value.encode()) for name, value in headers]
    return {"path": path, "client": (client, 1234), "scheme": "http", "headers": encoded, "root_path": ""}


def applied(proxies: ProxySettings, client: str, *headers: tuple[str, str], path: str = "/docs") -> dict[str, Any]:
    scope = scope_for(client, *headers, path=path)
    proxies.apply(scope)
    return scope


@pytest.fixture
def app(titanic: Release) -> Any:
    app = create_app(titanic, Settings(root_path=PREFIX))
    app.service.load()
    yield app
    app.service.stop()


@pytest.mark.parametrize("path", ["", PREFIX])
def test_everything_works_below_a_prefix_whether_the_proxy_removes_it_or_not(app: AsgiApp, path: str) -> None:
    row = json.dumps(app.service.release.metadata.example).encode()

    async def main() -> list[Reply]:
        pages = ("/", "/docs", "/redoc", "/openapi.json", "/redoc.js", "/api/v1/model", "/ready", "/assets/try.js")
        static = "/static-offline-docs/swagger-ui.css"
        return [
            *[await ask(app, "GET", path + page) for page in (*pages, static)],
            await ask(app, "POST", path + PREDICT, row),
        ]

    replies = run(main())
    assert [reply.status for reply in replies] == [200] * 10
    _, docs, redoc, document, *_ = replies
    assert f"url: '{PREFIX}/openapi.json'".encode() in docs.body
    assert f'src="{PREFIX}/static-offline-docs/swagger-ui-bundle.js"'.encode() in docs.body
    assert f'spec-url="{PREFIX}/openapi.json"'.encode() in redoc.body
    assert f'src="{PREFIX}/redoc.js"'.encode() in redoc.body
    assert document.json()["servers"] == [{"url": PREFIX}]


def test_a_prefix_leads_to_no_route_without_its_decision(titanic: Release) -> None:
    key, secret = make_key("web", ["metrics"])
    app = create_app(titanic, Settings(root_path="/api", keys_text=render_keys([key])))
    app.service.load()
    own = [("X-API-Key", secret)]
    for path in ("/api/v1/model", "/api/api/v1/model", "/api/reports/x", "/api/api/reports/x"):
        assert run(ask(app, "GET", path)).status == 401, path
        assert run(ask(app, "GET", path, headers=own)).status in (403, 404), path
    assert run(ask(app, "GET", "/api/health")).status == 200
    app.service.stop()


def test_nothing_is_believed_by_default(titanic: Release) -> None:
    with threaded(create_app(titanic, Settings())) as (port, _):
        headers = ("X-Forwarded-Prefix: /evil", "X-Forwarded-Proto: https", "X-Forwarded-For: 10.9.9.9")
        reply = Client(port).ask("GET", "/docs", b"", *headers)
    assert reply.status == 200
    assert b"evil" not in reply.body
    assert not ProxySettings("", ()).used


def test_a_trusted_proxy_reports_prefix_scheme_and_client(titanic: Release) -> None:
    with threaded(create_app(titanic, Settings(trusted_proxies=("127.0.0.1",)))) as (port, _):
        reply = Client(port).ask("GET", "/docs", b"", f"X-Forwarded-Prefix: {PREFIX}")
    assert f"url: '{PREFIX}/openapi.json'".encode() in reply.body
    proxies = ProxySettings("", ("10.0.0.0/8", "::1"))
    for client in ("10.0.0.1", "::ffff:10.0.0.1", "::1"):
        scope = applied(proxies, client, ("X-Forwarded-Proto", "https"), ("X-Forwarded-For", "1.2.3.4, 10.0.0.7"))
        assert (scope["scheme"], scope["client"]) == ("https", ("1.2.3.4", 0))


@pytest.mark.parametrize("client", ["11.0.0.1", "::ffff:11.0.0.1", "::10.0.0.1", "unix", "10.0.0.1.example"])
def test_others_are_not_believed(client: str) -> None:
    proxies = ProxySettings(PREFIX, ("10.0.0.0/8",))
    headers = [("X-Forwarded-Prefix", "/evil"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-For", "1.2.3.4")]
    scope = applied(proxies, client, *headers)
    assert (scope["root_path"], scope["scheme"], scope["client"]) == (PREFIX, "http", (client, 1234))


def test_a_client_cannot_forge_its_address_in_front_of_the_proxy() -> None:
    proxies = ProxySettings("", ("10.0.0.0/8",))
    for value, expected in (
        ("9.9.9.9, 1.2.3.4", "1.2.3.4"),
        ("9.9.9.9, 1.2.3.4, 10.0.0.7", "1.2.3.4"),
        ("10.0.0.8", "10.0.0.1"),
        ("junk, 10.0.0.7", "10.0.0.1"),
        ("1.2.3.4, junk", "10.0.0.1"),
    ):
        assert applied(proxies, "10.0.0.1", ("X-Forwarded-For", value))["client"][0] == expected
    twice = applied(proxies, "10.0.0.1", ("X-Forwarded-For", "9.9.9.9"), ("X-Forwarded-For", "1.2.3.4"))
    assert twice["client"][0] == "1.2.3.4"


@pytest.mark.parametrize(
    "prefix", ["//evil.example", "/a'b", '/"><script>', "/a/../b", "evil", "/a b", "/a\n", "/a//b"]
)
def test_a_prefix_that_is_no_plain_path_is_ignored(prefix: str) -> None:
    scope = applied(ProxySettings("", ("10.0.0.1",)), "10.0.0.1", ("X-Forwarded-Prefix", prefix))
    assert scope["root_path"] == ""


def test_it_can_be_mounted_in_another_application(titanic: Release) -> None:
    inner = create_app(titanic, Settings())
    inner.service.load()
    outer = Starlette(routes=[Mount("/models/titanic", inner)])
    row = json.dumps(titanic.metadata.example).encode()
    assert run(ask(outer, "POST", f"/models/titanic{PREDICT}", row)).status == 200
    docs = run(ask(outer, "GET", "/models/titanic/docs"))
    assert docs.status == 200
    assert b"url: '/models/titanic/openapi.json'" in docs.body
    assert run(ask(outer, "GET", "/models/titanic/nowhere")).status == 404
    inner.service.stop()
