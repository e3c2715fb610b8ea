"""The Model Context Protocol over HTTP: POST /mcp, without sessions, each request answered in JSON."""

import asyncio
from typing import Any

from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

from seatrial.http.messages import EncodedResponse, refusal
from seatrial.serve import requests
from seatrial.serve.doors.door import Call, Door
from seatrial.serve.mcp.mcp_tools import EXCHANGE, ModelTools
from seatrial.serve.service import Service

FOREIGN = "Pages of this origin may not call the server. Its option --cors-origins names those that may."


class ModelContext(Door):
    """The tools of a service, for clients over HTTP."""

    def __init__(self, service: Service) -> None:
        super().__init__(service)
        self._manager: StreamableHTTPSessionManager | None = None
        self._running: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        origins = service.settings.cors_origins
        self._all, self._origins = "*" in origins, {origin.encode("ascii") for origin in origins}

    async def post(self, call: Call) -> EncodedResponse | None:
        """Handle POST /mcp."""
        if not self._may_call(call.headers):
            return refusal(403, FOREIGN)
        if refused := requests.unsupported(call.headers):
            return refused
        body = await self.service.read(call.headers, call.receive)
        return await self._respond(call, body) if isinstance(body, bytes) else body

    def _may_call(self, headers: Any) -> bool:
        """Whether a request is of no page, of one of this server, or of one that the settings allow."""
        origins = [value for name, value in headers if name == b"origin"]
        if not origins or self._all:
            return True
        hosts = {value for name, value in headers if name == b"host"}
        return all(origin in self._origins or origin.partition(b"://")[2] in hosts for origin in origins)

    async def _respond(self, call: Call, body: bytes) -> EncodedResponse | None:
        """Let the SDK answer."""
        manager = await self._started()
        incoming = [{"type": "http.request", "body": body, "more_body": False}]
        sent: list[Any] = []

        async def receive() -> Any:
            return incoming.pop() if incoming else await call.receive()

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": "POST",
            "path": "/mcp",
            "query_string": b"",
            "headers": call.headers,
            "state": {EXCHANGE: call.exchange},
        }
        await manager.handle_request(scope, receive, send)
        if not sent:
            return None
        start, *parts = sent
        headers = tuple((name, value) for name, value in start["headers"] if name.lower() != b"content-length")
        return EncodedResponse(start["status"], b"".join(part.get("body", b"") for part in parts), headers)

    async def _started(self) -> StreamableHTTPSessionManager:
        """The SDK's manager, which runs until the event loop ends."""
        if self._manager is None:
            self._manager = StreamableHTTPSessionManager(
                ModelTools(self.service).server(),
                stateless=True,
                json_response=True,
                max_request_body_size=self.service.settings.body_limit,
            )
            self._running = asyncio.create_task(self._run(self._manager))
        await self._ready.wait()
        return self._manager

    async def _run(self, manager: StreamableHTTPSessionManager) -> None:
        async with manager.run():
            self._ready.set()
            await asyncio.Event().wait()
