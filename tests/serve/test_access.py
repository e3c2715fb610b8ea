"""Who may call: the decision for each kind of credential, alike on all paths, and sixty attempts to get by without."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from tests.serve.clients import PREDICT, Client, Reply, ask, mounted, request, run, threaded, until

from seatrial.core.access_keys import AccessKey, make_key, render_keys
from seatrial.model import Release
from seatrial.serve import create_app
from seatrial.serve.app import create_fastapi
from seatrial.serve.asgi import AsgiApp
from seatrial.serve.server_settings import Settings
from seatrial.serve.service import EXPLAIN, MODEL, Service

KEY, SECRET = make_key("web", ["predict"])
_, UNKNOWN = make_key("web", ["predict"])
METRICS_KEY, METRICS_SECRET = make_key("scraper", ["metrics"])
OTHER_KEY, OTHER_SECRET = make_key("app", ["predict"])
EXPIRED_KEY, EXPIRED_SECRET = make_key("old", ["predict"], expires="2020-01-01")
KEYS = (KEY, METRICS_KEY, OTHER_KEY, EXPIRED_KEY)
BEARER = f"Authorization: Bearer {SECRET}"
WIDE = SECRET.translate({code: code + 0xFEE0 for code in range(0x21, 0x7F)})  # full-width letters


def locked(*keys: AccessKey, **settings: Any) -> Settings:
    return Settings(keys_text=render_keys(keys or KEYS), **settings)


@pytest.fixture(scope="module")
def row(titanic: Release) -> bytes:
    return json.dumps(titanic.metadata.example).encode()


EVERYTHING = {"cors_origins": ("*",), "root_path": "/m", "trusted_proxies": ("127.0.0.1",)}


@pytest.fixture(scope="module", params=["by default", "with all settings", "FastAPI alone"])
def port(request: pytest.FixtureRequest, titanic: Release) -> Iterator[int]:
    if request.param == "FastAPI alone":
        with mounted(create_fastapi(Service(titanic, locked()))) as client:
            yield client.base_url.port or 0
    else:
        settings = locked(**(EVERYTHING if request.param == "with all settings" else {}))
        with threaded(create_app(titanic, settings)) as (port, _):
            yield port


def raw(line: str, body: bytes, *headers: str | bytes, host: str = "Host: localhost") -> bytes:
    """A request in which nothing is made valid."""
    lines = [line, host, f"Content-Length: {len(body)}", *headers]
    encoded = [each if isinstance(each, bytes) else each.encode("latin-1", "replace") for each in lines if each]
    return b"\r\n".join(encoded) + b"\r\n\r\n" + body


POST = f"POST {PREDICT} HTTP/1.1"
HEADERS: dict[str, tuple[str | bytes, ...]] = {
    "no key": (),
    "an empty Authorization": ("Authorization:",),
    "an empty X-API-Key": ("X-API-Key:",),
    "both empty": ("Authorization:", "X-API-Key:"),
    "a scheme without a key": ("Authorization: Bearer",),
    "a scheme and a space": ("Authorization: Bearer ",),
    "a key without a scheme": (f"Authorization: {SECRET}",),
    "the scheme Basic": (f"Authorization: Basic {SECRET}",),
    "the scheme Token": (f"Authorization: Token {SECRET}",),
    "the scheme Digest": (f"Authorization: Digest {SECRET}",),
    "a scheme in X-API-Key": (f"X-API-Key: Bearer {SECRET}",),
    "two spaces": (f"Authorization: Bearer  {SECRET}",),
    "a tab": (f"Authorization: Bearer\t{SECRET}",),
    "a no-break space": (f"Authorization: Bearer\u00a0{SECRET}",),
    "a comma": (f"Authorization: Bearer {SECRET},",),
    "a list": (f"Authorization: Bearer {UNKNOWN}, Bearer {SECRET}",),
    "quoted": (f'Authorization: Bearer "{SECRET}"',),
    "padded with =": (f"Authorization: Bearer {SECRET}=",),
    "padded with ==": (f"X-API-Key: {SECRET}==",),
    "cut by one": (f"Authorization: Bearer {SECRET[:-1]}",),
    "longer by one": (f"Authorization: Bearer {SECRET}A",),
    "a NUL behind": (f"X-API-Key: {SECRET}".encode() + b"\0",),
    "a NUL within": (f"X-API-Key: {SECRET[:9]}".encode() + b"\0" + SECRET[10:].encode(),),
    "white space behind": (f"X-API-Key: {SECRET} \t",),
    "upper case": (f"Authorization: Bearer {SECRET.upper()}",),
    "lower case": (f"Authorization: Bearer {SECRET.lower()}",),
    "letters exchanged": (f"Authorization: Bearer {SECRET.swapcase()}",),
    "another last letter": (f"X-API-Key: {SECRET[:-1]}{'A' if SECRET[-1] != 'A' else 'B'}",),
    "percent-encoded": (f"X-API-Key: {''.join(f'%{ord(letter):02x}' for letter in SECRET)}",),
    "full-width letters": (f"X-API-Key: {WIDE}".encode(),),
    "a soft hyphen": (f"X-API-Key: {SECRET[:20]}\u00ad{SECRET[20:]}".encode(),),
    "a byte order mark": (b"X-API-Key: \xef\xbb\xbf" + SECRET.encode(),),
    "the stored hash": (f"Authorization: Bearer {KEY.sha256}",),
    "the stored hash as a key": (f"X-API-Key: st_{KEY.sha256[:43]}",),
    "the name": ("X-API-Key: web",),
    "an unknown key": (f"Authorization: Bearer {UNKNOWN}",),
    "an expired key": (f"Authorization: Bearer {EXPIRED_SECRET}",),
    "a key for something else": (f"Authorization: Bearer {METRICS_SECRET}",),
    "Authorization twice": (BEARER, BEARER),
    "X-API-Key twice": (f"X-API-Key: {SECRET}", f"X-API-Key: {SECRET}"),
    "a wrong key first": (f"Authorization: Bearer {UNKNOWN}", BEARER),
    "a wrong key last": (BEARER, f"Authorization: Bearer {UNKNOWN}"),
    "two keys that differ": (BEARER, f"X-API-Key: {OTHER_SECRET}"),
    "an unknown key in the other header": (BEARER, f"X-API-Key: {UNKNOWN}"),
    "an empty other header": (BEARER, "X-API-Key:"),
    "a header with an underscore": (f"X_API_Key: {SECRET}",),
    "another header": (f"API-Key: {SECRET}", f"X-Api-Token: {SECRET}", f"Proxy-Authorization: Bearer {SECRET}"),
    "a cookie": (f"Cookie: key={SECRET}; Authorization=Bearer {SECRET}",),
    "a folded header": (f"Authorization: Bearer\r\n {SECRET}",),
    "a space before the colon": (f"Authorization : Bearer {SECRET}",),
    "a bare line feed": (f"X: y\nAuthorization: Bearer {UNKNOWN}",),
    "an overridden method": ("X-HTTP-Method-Override: GET", "X-Original-URL: /health", "X-Rewrite-URL: /health"),
    "an address of this machine": ("X-Forwarded-For: 127.0.0.1", "X-Real-IP: 127.0.0.1", "Forwarded: for=127.0.0.1"),
    "a prefix of the proxy": (f"X-Forwarded-Prefix: {PREDICT}", "X-Forwarded-Host: localhost"),
    "a prefix that hides the path": ("X-Forwarded-Prefix: /api/v1", "X-Forwarded-Proto: https"),
    "a preflight's headers": ("Origin: http://localhost", "Access-Control-Request-Method: POST"),
}
PATHS = (
    *(f"{PREDICT}{more}" for more in ("?", f"?key={SECRET}", f"?access_token={SECRET}", f"?X-API-Key={SECRET}")),
    *(f"{PREDICT}{more}" for more in ("?/health", "#/health", ";/health", "/", "/.", "%00", "%0a", "%20", ".json")),
    *("//api/v1/predict", "/api//v1/predict", "/api/v1//predict", "/./api/v1/predict", "/health/../api/v1/predict"),
    *("/api%2fv1%2fpredict", "/api/v1%2Fpredict", "/%61pi/v1/predict", "/api/v1/%70redict", "/api/v1/predic%74"),
    *("/API/V1/PREDICT", "/api/v1/predict%2f", "/api/v1/predict%3fx", "/health%2f..%2fapi%2fv1%2fpredict"),
    *("/static-offline-docs/..%2fapi%2fv1%2fpredict", "/assets/..%2f..%2fapi%2fv1%2fpredict", "/api/v1%5cpredict"),
    *(
        f"/m{PREDICT}",
        f"/m/m{PREDICT}",
        f"//m{PREDICT}",
        f"/m/../m{PREDICT}",
        f"/m/health/..{PREDICT}",
        f"/m{PREDICT}%0a",
    ),
    *("http://localhost/api/v1/predict", "/docs/../api/v1/predict", "/health/api/v1/predict", "*", "/api/v1/predict\\"),
)
METHODS = ("PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "GET", "TRACE", "PROPFIND", "post", "QUERY")


def refused_on(port: int, data: bytes, *, head_only: bool = False) -> int:
    """Send a request on a connection of its own: the status of its refusal; 400 where the connection just closes."""
    client = Client(port)
    client.send(data)
    try:
        reply = client.read(head_only=head_only)
    except (EOFError, ConnectionError):
        return 400
    finally:
        client.socket.close()
    assert b"predictions" not in reply.body
    assert b"probabilities" not in reply.body
    return reply.status


@pytest.mark.parametrize("name", HEADERS)
def test_no_header_but_a_valid_key_opens_it(port: int, row: bytes, name: str) -> None:
    status = refused_on(port, raw(POST, row, *HEADERS[name]))
    assert status in (400, 401, 403)
    assert (status == 403) == (name == "a key for something else")


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.replace(SECRET, "SECRET"))
def test_no_spelling_of_the_path_opens_it(port: int, row: bytes, path: str) -> None:
    assert refused_on(port, raw(f"POST {path} HTTP/1.1", row, "Content-Type: application/json")) in (400, 401)


@pytest.mark.parametrize(
    "path", [each for each in PATHS if SECRET in each], ids=lambda path: path.replace(SECRET, "SECRET")
)
def test_a_key_in_the_url_is_refused_even_beside_a_valid_one(port: int, row: bytes, path: str) -> None:
    encoded = path.replace(SECRET, quote(SECRET).replace("_", "%5f"))
    for each in (path, encoded):
        client = Client(port)
        client.send(raw(f"POST {each} HTTP/1.1", row, f"X-API-Key: {SECRET}"))
        reply = client.read()
        assert reply.status == 401
        assert "does not belong in a URL" in reply.json()["detail"]


@pytest.mark.parametrize("method", METHODS)
def test_no_method_opens_it(port: int, row: bytes, method: str) -> None:
    data = raw(f"{method} {PREDICT} HTTP/1.1", row)
    assert refused_on(port, data, head_only=method == "HEAD") in (400, 401)


def test_no_version_and_no_order_opens_it(port: int, row: bytes) -> None:
    assert refused_on(port, raw(f"POST {PREDICT} HTTP/1.0", row)) == 401
    assert refused_on(port, raw(f"POST {PREDICT} HTTP/0.9", row)) in (400, 401)
    assert refused_on(port, raw(f"POST {PREDICT}", row)) in (400, 401)
    assert refused_on(port, raw(POST, row, host="")) in (400, 401)
    behind = Client(port)  # a valid request does not open the connection for the next one
    behind.send(request("POST", PREDICT, row, BEARER) * 2 + request("POST", PREDICT, row) + request("GET", MODEL))
    assert [behind.read().status for _ in range(4)] == [200, 200, 401, 401]
    behind.send(request("POST", PREDICT, row, BEARER))
    assert behind.read().status == 200


def test_a_key_in_the_trailer_of_a_body_is_none(titanic: Release) -> None:
    """Plain Uvicorn, with FastAPI alone, adds what arrives with the body to the header; our connections do not."""
    chunks = b"2\r\n{}\r\n0\r\n" + BEARER.encode() + b"\r\n\r\n"
    data = raw(POST, chunks, "Transfer-Encoding: chunked").replace(b"Content-Length", b"X")
    with threaded(create_app(titanic, locked())) as (port, _):
        assert refused_on(port, data) == 401


def test_sixty_attempts_and_more_were_made() -> None:
    assert len(HEADERS) + len(PATHS) + len(METHODS) >= 60 + 30


@pytest.mark.parametrize(
    "headers",
    [
        (BEARER,),
        (f"authorization: bearer {SECRET}",),
        (f"X-API-Key: {SECRET}",),
        (BEARER, f"X-API-Key: {SECRET}"),
        (f"Authorization: \t Bearer {SECRET}",),
    ],
)
def test_a_valid_key_opens_it_again_and_again(port: int, row: bytes, headers: tuple[str, ...]) -> None:
    client = Client(port)
    for _ in range(3):
        reply = client.predict(row, *headers)
        assert reply.status == 200
        assert len(reply.json()["predictions"]) == 1
    assert client.predict(row).status == 401
    assert client.ask("GET", MODEL, b"", *headers).status == 200
    assert client.ask("POST", EXPLAIN, row, *headers).status == 403
    assert client.ask("GET", "/nowhere", b"", *headers).status == 404
    assert client.ask("GET", PREDICT, b"", *headers).status == 405
    assert client.ask("GET", "/nowhere").status == 401


def test_a_body_is_not_awaited_from_who_may_not_call(port: int) -> None:
    client = Client(port)
    client.send(raw(POST, b"").replace(b"Content-Length: 0", b"Content-Length: 900000\r\nExpect: 100-continue"))
    assert client.read().status == 401


@pytest.mark.parametrize("path", ["/health", "/api/v1/health", "/ready", "/", "/docs", "/redoc", "/openapi.json"])
def test_health_and_pages_need_no_key(port: int, path: str) -> None:
    assert Client(port).ask("GET", path).status == 200
    assert Client(port).ask("GET", path, b"", "X-API-Key: wrong").status == 200


def test_a_refusal_says_how_to_do_it(port: int, row: bytes) -> None:
    nothing = Client(port).predict(row)
    assert nothing.headers["www-authenticate"] == "bearer"
    assert "Authorization: Bearer KEY" in nothing.json()["detail"]
    wrong = Client(port).predict(row, f"X-API-Key: {UNKNOWN}")
    assert wrong.headers["www-authenticate"] == 'bearer error="invalid_token"'
    other = Client(port).predict(row, f"X-API-Key: {METRICS_SECRET}")
    assert other.status == 403
    assert other.headers["www-authenticate"] == 'bearer error="insufficient_scope", scope="predict"'
    for reply in (nothing, wrong, other):
        assert reply.headers["x-request-id"]
        assert reply.headers["x-content-type-options"] == "nosniff"


def test_fastapi_mounted_alone_decides_in_the_same_way(titanic: Release, row: bytes) -> None:
    service = Service(titanic, locked())
    service.load()
    asgi, fastapi = AsgiApp(service), create_fastapi(service)
    attempts = [
        (method, path, headers)
        for method, path in (("POST", PREDICT), ("POST", EXPLAIN), ("GET", MODEL), ("GET", "/docs"), ("PUT", PREDICT))
        for headers in ([], [("X-API-Key", SECRET)], [("X-API-Key", UNKNOWN)], [("Authorization", "Basic x")])
    ]

    async def main() -> list[tuple[Reply, Reply]]:
        return [(await ask(asgi, m, p, row, h), await ask(fastapi, m, p, row, h)) for m, p, h in attempts]

    replies = run(main())
    for attempt, (first, second) in zip(attempts, replies, strict=True):
        assert first.comparable() == second.comparable(), attempt
    assert {first.status for first, _ in replies} == {200, 401, 403, 405}
    service.stop()


def test_an_allowed_request_counts_once_on_every_path(titanic: Release, row: bytes) -> None:
    key, secret = make_key("web", ["predict", "explain"], quota="1000000/day")
    own = f"X-API-Key: {secret}"
    with threaded(create_app(titanic, locked(key))) as (port, server):
        client = Client(port)
        requests = [("POST", PREDICT)] * 3 + [("GET", MODEL), ("POST", EXPLAIN), ("GET", "/health"), ("GET", "/docs")]
        for method, path in requests:
            assert client.ask(method, path, row if method == "POST" else b"", own).status == 200
        assert client.predict(row, own, "Content-Type: application/json; charset=ascii").status == 200, (
            "not the fast path"
        )
        holder = server.config.app.service.access.ring.find(secret)
        (state,) = holder.meter.states()
        assert state.left == 1_000_000 - 6


def test_a_rate_that_is_used_up_is_a_429_and_comes_back(titanic: Release, row: bytes) -> None:
    key, secret = make_key("web", ["predict"], rate="2/s", quota="100/day")
    with threaded(create_app(titanic, locked(key))) as (port, _):
        client = Client(port)
        own = f"Authorization: Bearer {secret}"
        replies = [client.predict(row, own) for _ in range(3)]
        assert [reply.status for reply in replies] == [200, 200, 429]
        headers = replies[2].headers
        assert headers["retry-after"] == "1"
        assert headers["ratelimit-policy"] == '"rate";q=2;w=1, "quota";q=100;w=86400'
        assert headers["ratelimit"].startswith('"rate";r=0;t=1, "quota";r=98;t=')
        assert "rate of 2/s is used up" in replies[2].json()["detail"]
        until(lambda: client.predict(row, own).status == 200, 5)
        assert client.ask("GET", "/health", b"", own).status == 200


def test_keys_are_replaced_and_revoked_while_the_server_runs(titanic: Release, row: bytes, tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    file.write_text(render_keys([KEY]))
    with threaded(create_app(titanic, Settings(keys=str(file)))) as (port, _):
        client = Client(port)

        def status(secret: str) -> int:
            return client.predict(row, f"Authorization: Bearer {secret}").status

        assert [status(SECRET) for _ in range(3)] == [200] * 3
        assert status(OTHER_SECRET) == 401
        file.write_text(render_keys([KEY, OTHER_KEY]))
        until(lambda: status(OTHER_SECRET) == 200, 5)
        assert status(SECRET) == 200
        file.write_text(render_keys([OTHER_KEY]))
        until(lambda: status(SECRET) == 401, 5)
        file.write_text("{")
        time.sleep(1.1)  # until it has been read
        assert status(OTHER_SECRET) == 200
        file.write_text(render_keys([]))
        until(lambda: status(OTHER_SECRET) == 401, 5)
