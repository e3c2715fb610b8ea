"""POST /mcp: who may call it, and what is refused before a tool is called."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from mcp import Client as McpClient
from mcp.client.streamable_http import streamable_http_client
from tests.serve.clients import Client, Reply, ask, run, threaded
from tests.serve.test_access import KEYS, METRICS_SECRET, SECRET, locked

from seatrial.core.access_keys import make_key
from seatrial.model import Release
from seatrial.serve import create_app
from seatrial.serve.app import create_fastapi
from seatrial.serve.asgi import AsgiApp
from seatrial.serve.command import main
from seatrial.serve.server_settings import Settings
from seatrial.serve.service import Service

ROW = {"pclass": 2, "name": "Marsh, Miss. Ada", "sex": "female"}
HEADERS = ("Content-Type: application/json", "Accept: application/json, text/event-stream")
LIST = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}).encode()
BOTH_KEY, BOTH = make_key("agent", ["predict", "explain"])


def listed(reply: Reply) -> list[str]:
    assert reply.status == 200, reply
    return [tool["name"] for tool in reply.json()["result"]["tools"]]


@pytest.fixture(scope="module")
def port(titanic: Release) -> Iterator[int]:
    with threaded(create_app(titanic, Settings(mcp=True, cors_origins=("https://a.example",), body_limit=10_000))) as (
        port,
        _,
    ):
        yield port


def test_it_answers_in_json_without_a_session(port: int) -> None:
    reply = Client(port).ask("POST", "/mcp", LIST, *HEADERS)
    assert listed(reply)[0] == "predict"
    assert reply.headers["content-type"] == "application/json"
    assert "mcp-session-id" not in reply.headers


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://a.example", 200),
        ("http://localhost", 200),  # the page of this server
        ("https://evil.example", 403),
        ("https://a.example.evil.example", 403),
        ("http://localhost.evil.example", 403),
        ("https://localhost:1", 403),
        ("null", 403),
        ("", 403),
    ],
)
def test_pages_of_unknown_origins_are_refused(port: int, origin: str, status: int) -> None:
    reply = Client(port).ask("POST", "/mcp", LIST, *HEADERS, f"Origin: {origin}")
    assert reply.status == status
    assert ("Pages of this origin" in reply.body.decode()) == (status == 403)


def test_a_second_origin_is_looked_at(port: int) -> None:
    lines = ("Origin: https://a.example", "Origin: https://evil.example")
    assert Client(port).ask("POST", "/mcp", LIST, *HEADERS, *lines).status == 403


def test_other_methods_and_large_bodies_are_refused(port: int) -> None:
    client = Client(port)
    for method in ("GET", "DELETE", "PUT"):
        reply = client.ask(method, "/mcp", b"", *HEADERS)
        assert (reply.status, reply.headers["allow"]) == (405, "post")
    assert client.ask("POST", "/mcp", b" " * 10_001, *HEADERS).status == 413


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b'{"jsonrpc":"2.0"}', b'{"jsonrpc":"2.0","id":1,"method":"no/such"}', b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"predict","arguments":[]}}', b'{"jsonrpc":"2.0","id":1,"method":"tools/call"}', b"[" * 9000, b'{"jsonrpc":"2.0","id":1e999,"method":"tools/list"}', b'{"jsonrpc":"2.0","method":"notifications/initialized"}'])  # fmt: skip
@pytest.mark.parametrize(
    "version", ["", "MCP-Protocol-Version: 2026-07-28", "MCP-Protocol-Version: 2025-06-18", "MCP-Protocol-Version: x"]
)
def test_hostile_messages_are_no_fault(port: int, body: bytes, version: str) -> None:
    client = Client(port)
    reply = client.ask("POST", "/mcp", body, *HEADERS, *[version] * bool(version))
    assert reply.status < 500
    assert listed(client.ask("POST", "/mcp", LIST, *HEADERS))


def rows_call(rows: str) -> bytes:
    return f'{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"predict","arguments":{{"rows":{rows}}}}}}}'.encode()


@pytest.mark.parametrize("rows", ['[{"age":NaN}]', '[{"age":1e999}]', '[{"name":"\\ud800"}]', '[{"name":"\\u0000"}]', "[" * 500 + "]" * 500, "[" + "1" * 5000 + "]", "null", "true", '[{"age":-Infinity}]'])  # fmt: skip
def test_hostile_rows_are_errors_of_the_tool(port: int, rows: str) -> None:
    reply = Client(port).ask("POST", "/mcp", rows_call(rows), *HEADERS)
    assert reply.status in (200, 400), reply
    document = reply.json()
    assert "error" in document or document["result"]["isError"], document


def test_it_is_there_only_where_it_is_switched_on(titanic: Release) -> None:
    for app in (AsgiApp(Service(titanic, Settings())), create_fastapi(Service(titanic, Settings()))):
        assert run(ask(app, path="/mcp", body=LIST)).status == 404


def test_fastapi_answers_likewise(titanic: Release) -> None:
    service = Service(titanic, Settings(mcp=True))
    service.load()
    headers = [("content-type", "application/json"), ("accept", "application/json"), ("host", "localhost")]

    async def both() -> list[Any]:
        return [
            listed(await ask(app, path="/mcp", body=LIST, headers=headers))
            for app in (AsgiApp(service), create_fastapi(service))
        ]

    first, second = asyncio.run(both())
    assert first == second != []
    service.stop()


@pytest.fixture(scope="module")
def locked_port(titanic: Release) -> Iterator[int]:
    with threaded(create_app(titanic, locked(*KEYS, BOTH_KEY, mcp=True))) as (port, _):
        yield port


def test_it_needs_a_key(locked_port: int) -> None:
    client = Client(locked_port)
    reply = client.ask("POST", "/mcp", LIST, *HEADERS)
    assert (reply.status, reply.headers["www-authenticate"]) == (401, "bearer")
    assert client.ask("POST", "/mcp", LIST, *HEADERS, f"X-API-Key: {METRICS_SECRET}").status == 403
    assert listed(client.ask("POST", "/mcp", LIST, *HEADERS, f"X-API-Key: {SECRET}"))


@pytest.mark.parametrize(("secret", "explains"), [(SECRET, False), (BOTH, True)], ids=["predict", "both"])
def test_a_tool_needs_the_scope_of_what_it_does(locked_port: int, secret: str, explains: bool) -> None:
    async def main() -> Any:
        async with (
            httpx2.AsyncClient(headers={"Authorization": f"Bearer {secret}"}) as http,
            McpClient(streamable_http_client(f"http://127.0.0.1:{locked_port}/mcp", http_client=http)) as client,
        ):
            return await client.call_tool("predict", {"rows": [ROW]}), await client.call_tool("explain", {"row": ROW})

    predicted, explained = asyncio.run(main())
    assert not predicted.is_error
    assert explained.is_error is not explains
    if not explains:
        assert explained.content[0].text == "The key does not have the scope explain."


def test_a_missing_extra_is_named(
    titanic: Release, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], restored_logging: None
) -> None:
    import sys

    for name in [name for name in sys.modules if name.startswith("seatrial.serve.mcp")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "mcp.server.streamable_http_manager", None)
    assert main(["titanic_model", "--port", "0", "--mcp"]) == 1
    expected = "The Model Context Protocol needs mcp.server.streamable_http_manager, which is not installed. "
    assert f'error: {expected}pip install "seatrial[mcp]"' in capfd.readouterr().err
