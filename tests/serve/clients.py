"""Test clients and servers: an ASGI application in this process, the real protocol on a socket, a server process."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import uvicorn

from seatrial.http.server import GuardedServer
from seatrial.serve.asgi import AsgiApp
from seatrial.serve.server import server_config

PREDICT = "/api/v1/predict"
BROWSER = {"accept": "text/html,*/*;q=0.8"}


class Reply(NamedTuple):
    """An HTTP response."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def comparable(self) -> tuple[int, dict[str, str], bytes]:
        """Everything but the request ID and the time."""
        headers = {k: v for k, v in self.headers.items() if k not in ("x-request-id", "date", "content-length")}
        return self.status, headers, self.body.replace(self.headers["x-request-id"].encode(), b"ID")


def until(condition: Callable[[], Any], seconds: float = 10.0) -> Any:
    """Wait until a condition returns something true, and return that."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if result := condition():
            return result
        time.sleep(0.01)
    raise AssertionError("the condition did not become true in time")


async def ask(
    app: Any,
    method: str = "POST",
    path: str = PREDICT,
    body: bytes = b"",
    headers: Sequence[tuple[str, str]] = (),
    *,
    pieces: int = 1,
    query: bytes = b"",
) -> Reply:
    """Send a request to an ASGI application, as a server would, with the body in so many pieces."""
    size = -(-len(body) // pieces) or 1
    parts = [body[i : i + size] for i in range(0, len(body), size)] or [b""]
    incoming = [{"type": "http.request", "body": p, "more_body": i < len(parts) - 1} for i, p in enumerate(parts)]
    sent: list[Any] = []
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "root_path": "",
        "scheme": "http",
        "server": ("test", 80),
        "client": ("test", 1),
        "headers": [(k.lower().encode(), v.encode()) for k, v in headers],
    }

    async def receive() -> Any:
        while not incoming and not (sent and not sent[-1].get("more_body", sent[-1]["type"] == "http.response.start")):
            await asyncio.sleep(0.001)  # the client waits for its answer
        return incoming.pop(0) if incoming else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    if not sent:
        return Reply(499, {}, b"")
    assert [m["type"] for m in sent] == ["http.response.start", *["http.response.body"] * (len(sent) - 1)]
    content = b"".join(m.get("body", b"") for m in sent[1:])
    return Reply(sent[0]["status"], {k.decode(): v.decode() for k, v in sent[0]["headers"]}, content)


class Client:
    """One connection, on which any bytes can be sent."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._unread = b""

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def read(self, *, head_only: bool = False) -> Reply:
        """Read one response."""
        data = self._unread
        while b"\r\n\r\n" not in data:
            data += self._more()
        head, _, rest = data.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        length = 0 if head_only else int(headers.get("content-length", 0))
        while len(rest) < length:
            rest += self._more()
        self._unread = rest[length:]
        return Reply(int(first.split()[1]), headers, rest[:length])

    def _more(self) -> bytes:
        data = self.socket.recv(65536)
        if not data:
            raise EOFError
        return data

    def closed(self) -> bool:
        """Wait until the server closes the connection; ignore what it still sends."""
        try:
            while self.socket.recv(65536):
                pass
        except ConnectionError:
            pass
        return True

    def ask(self, method: str, path: str, body: bytes = b"", *headers: str) -> Reply:
        self.send(request(method, path, body, *headers))
        return self.read(head_only=method == "HEAD")

    def predict(self, body: bytes, *headers: str) -> Reply:
        return self.ask("POST", PREDICT, body, *headers)


def request(method: str, path: str, body: bytes = b"", *headers: str) -> bytes:
    """A request as bytes."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@contextmanager
def mounted(app: Any) -> Iterator[httpx.Client]:
    """Serve any ASGI application with plain Uvicorn; yields a client for it."""
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
    with running(server) as port, httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        yield client


@contextmanager
def threaded(app: AsgiApp) -> Iterator[tuple[int, Any]]:
    """Serve from a thread of this process with our own protocol; yields the port and the server."""
    server = GuardedServer(server_config(app, app.settings))
    with running(server) as port:
        yield port, server


@contextmanager
def running(server: uvicorn.Server) -> Iterator[int]:
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        until(lambda: server.started)
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(10)
        assert not thread.is_alive()


class Process:
    """A server process, started as `seatrial serve` does it."""

    def __init__(self, source: Path, *arguments: str, package: str = "titanic_model", **environment: str) -> None:
        inherited = {k: v for k, v in os.environ.items() if k not in ("PORT", "HOST")}
        self.popen = subprocess.Popen(
            [sys.executable, "-m", "seatrial.serve", package, *arguments],
            env={**inherited, "PYTHONPATH": str(source), **environment},
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.popen.stderr is not None
        for line in self.popen.stderr:
            self.lines.append(line.decode().rstrip("\n"))

    @property
    def pid(self) -> int:
        return self.popen.pid

    def started(self) -> int:
        """Wait until it serves, and return its port."""
        line = until(
            lambda: next((line for line in self.lines if "serving" in line), None) or self._fail_if_exited(), 30
        )
        return int(str(line).split("http://127.0.0.1:")[1].split('"')[0].split(",")[0].split()[0])

    def _fail_if_exited(self) -> None:
        assert self.popen.poll() is None, self.lines

    def documents(self) -> list[Any]:
        """The lines of the JSON log so far."""
        return [json.loads(line) for line in list(self.lines)]

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send it a signal; returns the exit code."""
        self.popen.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        code = self.popen.wait(30)
        self._reader.join(5)
        return code


@contextmanager
def process(source: Path, *arguments: str, **environment: Any) -> Iterator[Process]:
    """Start a server, and stop it in the end."""
    server = Process(source, *arguments, **environment)
    try:
        yield server
    finally:
        if server.popen.poll() is None:
            server.popen.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.popen.wait(10)
        if server.popen.poll() is None:
            server.popen.kill()
            server.popen.wait()


def run(coroutine: Any) -> Any:
    """Run a coroutine."""
    return asyncio.run(coroutine)
