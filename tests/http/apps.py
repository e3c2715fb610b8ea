"""A small ASGI application behind the guards, served from a thread of this process."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.serve.clients import running

from seatrial.http import Limits, guarded_config
from seatrial.http.server import GuardedServer


class Application:
    """Answers /health at once, /blob with `blob` bytes, and everything else with the size of the body."""

    def __init__(self) -> None:
        self.log: list[tuple[str, int]] = []  # what the connections refused
        self.faults: list[str] = []
        self.blob = 4 * 2**20
        self.release = threading.Event()
        self.release.set()

    def log_request(self, _began: float, _method: str, path: str, status: int, _request_id: str) -> None:
        self.log.append((path, status))

    def log_fault(self, _message: str, error: BaseException, _request_id: str) -> None:
        self.faults.append(repr(error))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        size, more = 0, scope["path"] != "/health"
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            size += len(message["body"])
            more = message.get("more_body", False)
        names = [name.decode() for name, _ in scope["headers"]]
        body = bytes(self.blob) if scope["path"] == "/blob" else json.dumps({"size": size, "headers": names}).encode()
        headers = [(b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@contextmanager
def guarded(app: Any, **limits: Any) -> Iterator[tuple[int, Any]]:
    """Serve an application with these limits; yields the port and Uvicorn's server."""
    server = GuardedServer(guarded_config(app, Limits(**limits)))
    with running(server) as port:
        yield port, server
