"""The fast front: answers the predict path and the health checks itself, and hands every other path to FastAPI.

FastAPI has the same routes with the same answers, for its document and for whoever mounts it alone; a test holds the
two equal. Loading FastAPI takes longer than loading the model, so it is loaded after the server has begun to answer.
"""

import asyncio
import time
from functools import cached_property
from typing import Any

from seatrial.model import Release
from seatrial.model.rows import RowError
from seatrial.serve import answers, requests
from seatrial.serve.answers import Answer
from seatrial.serve.logs import AccessLog
from seatrial.serve.service import Service
from seatrial.serve.settings import Settings

PREDICT = "/api/v1/predict"
JSON = (b"content-type", b"application/json")


def create_app(release: Release, settings: Settings | None = None, access: AccessLog | None = None) -> "Front":
    """Make the ASGI application that serves a release; the model is loaded at its start-up.

    `access` takes a line per request; without it none are written.
    """
    settings = settings or Settings()
    return Front(Service(release, settings), access)


class Front:
    """An ASGI application."""

    def __init__(self, service: Service, access: AccessLog | None = None) -> None:
        self.service = service
        self.settings = service.settings
        self._body_limit = service.settings.body_limit
        self._access = access
        self._quick = {
            "/health": service.health,
            "/api/v1/health": service.health,
            "/ready": service.readiness,
        }

    @cached_property
    def fastapi(self) -> Any:
        """The FastAPI application with all routes."""
        from seatrial.serve.app import create_fastapi

        return create_fastapi(self.service)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request, or live through the server's start and end."""
        if scope["type"] == "http":
            path, method = scope["path"], scope["method"]
            if path == PREDICT and method == "POST":
                await self._predict(scope, receive, send)
            elif path in self._quick and method in ("GET", "HEAD"):
                began = _began(scope)
                request_id = requests.request_id(scope["headers"])
                answer = self._quick[path]()
                await _send(send, answer, request_id)
                self.note(began, method, path, answer.status, request_id)
            else:
                await self._others(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)

    async def _predict(self, scope: Any, receive: Any, send: Any) -> None:
        began = _began(scope)
        headers = scope["headers"]
        request_id = requests.request_id(headers)
        try:
            body = await requests.read_body(headers, receive, self._body_limit)
            if body is None:
                self.note(began, "POST", PREDICT, 499, request_id)
                return
            answer = await self.service.predict(body, request_id)
        except RowError as error:
            answer = answers.invalid(error.errors)
        except requests.BodyTooLargeError:
            answer = requests.too_large(self._body_limit)
        await _send(send, answer, request_id)
        self.note(began, "POST", PREDICT, answer.status, request_id)

    async def _others(self, scope: Any, receive: Any, send: Any) -> None:
        """Hand a request to FastAPI, with a request id and a line in the log."""
        began = _began(scope)
        request_id = requests.request_id(scope["headers"])
        scope.setdefault("state", {})["request_id"] = request_id
        status = 499

        async def sent(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id.encode())]
            await send(message)

        if "fastapi" not in self.__dict__:
            await asyncio.to_thread(lambda: self.fastapi)
        try:
            await self.fastapi(scope, receive, sent)
        finally:
            self.note(began, scope["method"], scope["path"], status, request_id)

    def note(self, began: float, method: str, path: str, status: int, request_id: str) -> None:
        """Write a line to the access log; the connection's own refusals come here too."""
        if self._access:
            self._access.add(began, method, path, status, request_id)

    async def _live(self, receive: Any, send: Any) -> None:
        """Load at the start, and write the last lines at the end."""
        await receive()
        if not self.service.ready:
            self.service.load()
        if self._access:
            self._access.release = f"{self.service.release.name}=={self.service.release.version}"
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self.service.stop()
        if self._access:
            self._access.flush()
        await send({"type": "lifespan.shutdown.complete"})


def _began(scope: Any) -> float:
    """When the request's first byte was read, if the connection says so; else now."""
    began: float | None = scope.get("state", {}).get("began")
    return time.perf_counter() if began is None else began


async def _send(send: Any, answer: Answer, request_id: str) -> None:
    status, body, more = answer
    headers = [JSON, (b"content-length", b"%d" % len(body)), (b"x-request-id", request_id.encode()), *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
