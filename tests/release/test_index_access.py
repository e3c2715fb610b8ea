"""No way to write a request gets past the password: each route declares its caller, and the route is asked, not the URL."""

import asyncio
import base64
import re
import socket
import threading
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import uvicorn
from packaging.requirements import Requirement
from packaging.version import Version
from tests.projects.tiny import make_wheel
from tests.release.indexes import TOKEN

from seatrial.core.ports import listen
from seatrial.release import FolderIndex
from seatrial.release.index_access import Access, Caller, Gate, IndexRoute
from seatrial.release.index_brake import Brake
from seatrial.release.index_server import make_app
from seatrial.steps.index_service import server_config

SECRET = "secret-model"
NAMES = {"{project}": SECRET, "{filename}": "secret_model-0.1.0-py3-none-any.whl"}
OTHER_METHODS = ("HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "PROPFIND", "get", "PoSt", "BREW")
WRONG = base64.b64encode(b"__token__:wrong").decode()


@dataclass
class Served:
    folder: Path
    address: tuple[str, int]


Way = Callable[[str, str], bytes]


def request(method: str, target: str, *headers: str, body: str = "", version: str = "1.1", host: str = "x") -> bytes:
    """Write a request by hand; with `host` empty, without that header."""
    lines = [f"{method} {target} HTTP/{version}", *([f"Host: {host}"] if host else []), *headers, "Connection: close"]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode("latin-1")


def upload(name: str = "a.whl") -> tuple[str, str]:
    body = f'--b\r\nContent-Disposition: form-data; name="content"; filename="{name}"\r\n\r\nx\r\n--b--\r\n'
    return f"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {len(body)}", body


def header(*lines: str) -> Way:
    return lambda method, path: request(method, path, *lines)


def at(change: Callable[[str], str]) -> Way:
    return lambda method, path: request(method, change(path))


def to_host(host: str) -> Way:
    return lambda method, path: request(method, path, host=host)


def encoded(path: str) -> str:
    return "".join(f"%{ord(character):02x}" for character in path)


WAYS: dict[str, Way] = {
    "as it is": header(),
    "a wrong password": header(f"Authorization: Basic {WRONG}"),
    "no password": header("Authorization: Basic Og=="),
    "a bearer token": header(f"Authorization: Bearer {TOKEN}"),
    "the token alone": header(f"Authorization: {TOKEN}"),
    "the right and a wrong password": header(
        f"Authorization: Basic {WRONG}", f"Authorization: Basic {base64.b64encode(f'__token__:{TOKEN}x'.encode()).decode()}"
    ),
    "a password in the target": at(lambda path: f"http://__token__:{WRONG}@x{path}"),
    "a proxy's password": header(f"Proxy-Authorization: Basic {WRONG}"),
    "a cookie": header(f"Cookie: token={TOKEN}"),
    **{
        f"the host {host!r}": to_host(host)
        for host in (
            "x/health?", "x/health#", "/health", "x/health", "x?/health", "x#/health", "x\\/health", "localhost/health?",
            "localhost", "127.0.0.1", "[::1]", "[::1]/health?", "x@localhost", "localhost:80@x", "x:80/health?", "",
            "x/health?%20", "x%2fhealth%3f", "x;/health", "x/./health?",
        )
    },
    "the host twice": header("Host: x/health?"),
    "a forwarded host": header("X-Forwarded-Host: x/health?", "Forwarded: host=x/health?;for=127.0.0.1"),
    "a forwarded address": header("X-Forwarded-For: 127.0.0.1", "X-Real-IP: 127.0.0.1", "X-Forwarded-Proto: https"),
    "an original URL": header("X-Original-URL: /health", "X-Rewrite-URL: /health"),
    "a forwarded prefix": header("X-Forwarded-Prefix: /health", "X-Script-Name: /health"),
    "another method in a header": header("X-HTTP-Method-Override: GET", "X-Method-Override: GET", "X-HTTP-Method: HEAD"),
    "another method in the query": at(lambda path: f"{path}?_method=GET&method=GET"),
    "an absolute target": at(lambda path: f"http://localhost{path}"),
    "an absolute target of health": at(lambda path: f"http://x/health?{path}"),
    "an absolute target with a folder": at(lambda path: f"http://health{path}"),
    "a target of another scheme": at(lambda path: f"file://{path}"),
    "a target without a scheme": at(lambda path: f"//health{path}"),
    "two slashes": at(lambda path: f"/{path}"),
    "two slashes inside": at(lambda path: path.replace("/", "//")),
    "two slashes at the end": at(lambda path: f"{path}//"),
    "a slash at the end": at(lambda path: f"{path}/"),
    "an encoded slash": at(lambda path: path.replace("/", "%2f")),
    "an encoded slash inside": at(lambda path: path[:1] + path[1:].replace("/", "%2F")),
    "an encoded path": at(lambda path: "/" + encoded(path[1:])),
    "a path encoded twice": at(lambda path: "/" + encoded(path[1:]).replace("%", "%25")),
    "a backslash": at(lambda path: path.replace("/", "\\")),
    "dots before it": at(lambda path: f"/health/..{path}"),
    "encoded dots before it": at(lambda path: f"/health/%2e%2e{path}"),
    "dots with a parameter": at(lambda path: f"/health/..;{path}"),
    "a dot inside": at(lambda path: f"/.{path}"),
    "dots after it": at(lambda path: f"{path.rstrip('/')}/../health"),
    "health after it": at(lambda path: f"{path.rstrip('/')}/health"),
    "health as a parameter": at(lambda path: f"{path};/health"),
    "health as the query": at(lambda path: f"{path}?/health"),
    "health as the fragment": at(lambda path: f"{path}#/health"),
    "an encoded question mark": at(lambda path: f"/health%3f/..{path}"),
    "an encoded fragment": at(lambda path: f"/health%23/..{path}"),
    "upper case": at(str.upper),
    "a line break at the end": at(lambda path: f"{path}%0a"),
    "a line break in the target": at(lambda path: f"{path}%0d%0aAuthorization:%20Basic"),
    "a NUL": at(lambda path: f"{path}%00/health"),
    "a wide slash": at(lambda path: path + "%ef%bc%8fhealth"),
    "an overlong slash": at(lambda path: path + "%c0%af..%c0%afhealth"),
    "a lone surrogate": at(lambda path: path + "%ed%a0%80"),
    "a long name": at(lambda path: path + "a" * 5000),
    "a chunked body": lambda method, path: request(
        method, path, "Transfer-Encoding: chunked", body="5\r\nGET /\r\n0\r\n\r\n"
    ),
    "two lengths": header("Content-Length: 0", "Content-Length: 5"),
    "a length and chunks": header("Content-Length: 5", "Transfer-Encoding: chunked"),
    "a second request in the body": lambda method, path: request(
        method, path, "Content-Length: 60", body=request("GET", "/simple/").decode()
    ),
    "an upload": lambda method, path: request(method, path, upload()[0], body=upload()[1]),
    "HTTP/1.0": lambda method, path: request(method, path, version="1.0", host=""),
    "HTTP/1.0 with a host": lambda method, path: request(method, path, version="1.0", host="x/health?"),
    "an upgrade": header("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: eA==", "Sec-WebSocket-Version: 13"),
    "a header on two lines": header("Authorization: Basic", f" {WRONG}"),
    "a header with a space": header(f"Authorization : Basic {WRONG}"),
    "a page of this machine": header("Origin: http://localhost", "Sec-Fetch-Site: same-origin"),
}  # fmt: skip


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An index in this process, with a password and without the wait after a wrong one."""
    folder = tmp_path_factory.mktemp("guarded") / "index"
    FolderIndex(folder).publish([make_wheel(folder.parent, SECRET)])
    app = make_app(FolderIndex(folder), Access("__token__", TOKEN), brake=Brake(longest=0.0))
    with listen("127.0.0.1", 0) as listener:
        server = uvicorn.Server(server_config(app))
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        yield Served(folder, listener.getsockname())
        server.should_exit = True
        thread.join(10)


def answer(served: Served, sent: bytes) -> bytes:
    with socket.create_connection(served.address, timeout=10) as connection:
        connection.sendall(sent)
        received = b""
        try:
            while chunk := connection.recv(65536):
                received += chunk
        except ConnectionError:
            pass
    return received


def tree(folder: Path) -> list[str]:
    return sorted(str(path) for path in folder.rglob("*"))


def routes() -> list[IndexRoute]:
    return list(make_app(FolderIndex(Path("none")), Access("u", "p")).routes)  # type: ignore[misc]


def test_every_route_declares_who_may_call_it() -> None:
    declared = {(method, route.path): route.caller for route in routes() for method in sorted(route.methods or ())}
    assert all(isinstance(route, IndexRoute) for route in routes())
    open_to_anyone = {key for key, caller in declared.items() if caller is Caller.ANYONE}
    assert open_to_anyone == {("GET", "/health"), ("HEAD", "/health")}
    assert {caller for (method, _), caller in declared.items() if method not in ("GET", "HEAD")} == {Caller.WRITER}
    with pytest.raises(TypeError, match="caller"):
        IndexRoute("GET", "/new", lambda _: None, gate=Gate(Access("u", "p")))  # type: ignore[call-arg]


@pytest.mark.parametrize("way", WAYS)
def test_no_way_to_write_a_request_replaces_the_password(served: Served, way: str) -> None:
    before = tree(served.folder)
    for turn, route in enumerate(routes()):
        path = route.path
        for placeholder, name in NAMES.items():
            path = path.replace(placeholder, name)
        for method in (*sorted(route.methods or ()), OTHER_METHODS[(turn + len(way)) % len(OTHER_METHODS)]):
            received = answer(served, WAYS[way](method, path))
            head, _, body = received.partition(b"\r\n\r\n")
            status = head.split(b" ")[1] if head.startswith(b"HTTP/1.1 ") else b"closed"
            case = (way, method, path, received[:300])
            assert not status.startswith(b"5"), case
            assert not status.startswith(b"2") or "%0a" not in WAYS[way](method, path).decode("latin-1"), case
            if status.startswith(b"2"):
                assert body in (b"ok\n", b""), case
                assert method == "HEAD" or body == b"ok\n", case
            assert b"HTTP/1.1 " not in body or way == "a second request in the body", case
            assert SECRET.encode() not in received.replace(path.encode(), b""), case
            assert b"simple-index" not in received.lower(), case
    assert tree(served.folder) == before


def test_the_right_password_still_opens_every_route(served: Served) -> None:
    """The requests above fail for lack of the password, and not because nothing is served."""
    right = f"Authorization: Basic {base64.b64encode(f'__token__:{TOKEN}'.encode()).decode()}"
    for route in routes():
        path = route.path
        for placeholder, name in NAMES.items():
            path = path.replace(placeholder, name)
        for method in route.methods or ():
            status = int(answer(served, request(method, path, right)).split(b" ")[1])
            assert status in ((400,) if method == "POST" else (200, 308)), (method, path, status)


ODD_NAMES = ["a" * 5000, "%00", "a%00b", "%ed%a0%80", "%ff%fe", "..", "%2e%2e", "a%2fb", "%5c", "t%d1%96ny-model", "tiny--model", "-", "a-", "%20",
             "%0a", "\xf0\x9f\x92\xa5", "*", "con", "%c0%af", "a;b"]  # fmt: skip


@pytest.mark.parametrize("name", ODD_NAMES)
def test_an_odd_name_is_not_found_even_with_the_right_password(served: Served, name: str) -> None:
    right = f"Authorization: Basic {base64.b64encode(f'__token__:{TOKEN}'.encode()).decode()}"
    body = '{"version": "9", "action": "yank", "reason": "r", "who": "w"}'
    sent = [request("GET", f"/simple/{name}{rest}", right) for rest in ("", "/", f"/{name}")]
    sent.append(request("GET", f"/simple/{SECRET}/{name}", right))
    sent.append(request("POST", f"/simple/{name}/withdrawals", right, f"Content-Length: {len(body)}", body=body))
    for each in sent:
        status = int(answer(served, each).split(b" ")[1])
        assert status in (308, 400, 404, 405), each[:80]
    user = f"Authorization: Basic {base64.b64encode(f'{name}:{TOKEN}'.encode()).decode()}"
    assert b" 401 " in answer(served, request("GET", "/simple/", user))[:20]


def test_a_gate_that_asks_the_url_would_be_caught() -> None:
    """What the index did before: Starlette before 1.0.1 builds `request.url` from the Host header."""

    def asks_the_url(sent: bytes) -> bool:
        lines = sent.decode("latin-1").split("\r\n")
        host = next((line[6:] for line in lines if line.startswith("Host: ")), "")
        return urlsplit(f"http://{host}{lines[0].split(' ')[1]}").path == "/health"

    let_in = {way for way, write in WAYS.items() if asks_the_url(write("POST", "/"))}
    assert {"the host 'x/health?'", "the host 'x/health#'"} <= let_in


@pytest.mark.parametrize(
    ("host", "status"),
    [("localhost", 0), ("LOCALHOST:80", 0), ("127.0.0.1:8003", 0), ("[::1]", 0), ("localhost@evil", 421), ("", 421),
     ("x@localhost", 421), ("localhost/", 421), ("localhost.evil", 421), ("127.0.0.1.evil", 421), ("[::1", 421), ("localhost:x", 421),
     ("localhost,evil", 421), ("localhost\n", 421)],
)  # fmt: skip
def test_without_a_password_the_host_must_be_this_machine(host: str, status: int) -> None:
    for caller in Caller:
        for headers in ([(b"host", host.encode())], [(b"host", b"localhost"), (b"host", host.encode())]):
            refusal = asyncio.run(Gate(Access("u")).refusal({"headers": headers}, caller))
            assert (refusal.status_code if refusal else 0) == (400 if len(headers) == 2 else status)


def test_starlette_is_new_enough_everywhere() -> None:
    root = Path(__file__).parents[2]
    extras = tomllib.loads((root / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for extra in ("cli", "serve"):
        (requirement,) = [Requirement(line) for line in extras[extra] if line.startswith("starlette")]
        assert not requirement.specifier.contains("1.0.0"), extra
        assert requirement.specifier.contains("1.0.1"), extra
    for pins in (root / "requirements").glob("*.txt"):
        (pin,) = re.findall(r"^starlette==(\S+)", pins.read_text(), re.MULTILINE)
        assert Version(pin) >= Version("1.0.1"), pins
