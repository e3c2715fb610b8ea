"""The fast front: answers the predict path and the health checks itself, and hands every other path to FastAPI.

FastAPI has the same routes with the same answers, for its document and for whoever mounts it alone; a test holds the
two equal. Loading FastAPI takes longer than loading the model, so it is loaded when it is first needed.
"""

import asyncio
import gc
import time
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.model import Release
from seatrial.serve import requests
from seatrial.serve.logs import AccessLog
from seatrial.serve.responses import JSON, NO_SNIFFING, REQUEST_ID, Answer
from seatrial.serve.server_settings import Settings
from seatrial.serve.service import GONE, PREDICT, Service


def create_app(release: Release, settings: Settings | None = None, access: AccessLog | None = None) -> "Front":
    """Make the ASGI application that serves a release; the model is loaded at its start-up.

    `access` takes a line per request; without it none are written.
    """
    return Front(Service(release, settings or Settings()), access)


class Front:
    """An ASGI application."""

    def __init__(self, service: Service, access: AccessLog | None = None) -> None:
        self.service = service
        self.settings = service.settings
        self._access = access
        self._fastapi: Any = None
        self._lock = asyncio.Lock()
        self._quick = {
            "/health": service.health,
            "/api/v1/health": service.health,
            "/ready": service.readiness,
        }

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request, or live through the server's start and end."""
        if scope["type"] == "http":
            began: float = scope.get("state", {}).get("began") or time.perf_counter()
            path, method, headers = scope["path"], scope["method"], scope["headers"]
            request_id = requests.request_id(headers)
            if path == PREDICT and method == "POST":
                status = await _send(send, await self.service.predict(headers, receive, request_id), request_id)
            elif path in self._quick and method in ("GET", "HEAD"):
                status = await _send(send, self._quick[path](), request_id)
            else:
                status = await self._hand_on(scope, receive, send, request_id)
            if status != GONE or "refused" not in scope.get("state", {}):  # a refusal has had its line
                self.note(began, method, path, status, request_id)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)

    def note(self, began: float, method: str, path: str, status: int, request_id: str) -> None:
        """Write a line to the access log; the connection's own refusals come here too."""
        if self._access:
            self._access.add(began, method, path, status, request_id)

    async def fastapi(self) -> Any:
        """The FastAPI application with all routes; loaded in a thread, so that predictions go on meanwhile."""
        if self._fastapi is None:
            async with self._lock:
                if self._fastapi is None:
                    self._fastapi = await asyncio.to_thread(_load_fastapi, self.service)
        return self._fastapi

    async def _hand_on(self, scope: Any, receive: Any, send: Any, request_id: str) -> int:
        """Have FastAPI answer; gives the status."""
        scope.setdefault("state", {})["request_id"] = request_id
        status = GONE

        async def sent(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        app = await self.fastapi()
        await app(scope, receive, sent)
        return status

    async def _live(self, receive: Any, send: Any) -> None:
        """Load at the start, and write the last lines at the end."""
        await receive()
        try:
            if not self.service.ready:
                self.service.load()
        except SeatrialError as error:
            await send({"type": "lifespan.startup.failed", "message": f"{error.message} {error.hint}".strip()})
            return
        gc.freeze()  # what is loaded stays: the collector need not look through it again, which takes 20 ms each time
        if self._access:
            self._access.release = f"{self.service.release.name}=={self.service.release.version}"
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self.service.stop()
        if self._access:
            self._access.flush()
        await send({"type": "lifespan.shutdown.complete"})


def _load_fastapi(service: Service) -> Any:
    from seatrial.serve.app import create_fastapi

    return create_fastapi(service)


async def _send(send: Any, answer: Answer | None, request_id: str) -> int:
    if answer is None:
        return GONE
    status, body, more = answer
    length = (b"content-length", b"%d" % len(body))
    headers = [JSON, length, NO_SNIFFING, (REQUEST_ID, request_id.encode()), *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
    return status
