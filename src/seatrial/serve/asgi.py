"""The ASGI application: answers the predict path and the health checks itself, and passes every other path to FastAPI.

FastAPI has the same routes with the same responses, for the OpenAPI document and for anyone who mounts it alone; a test
checks that they are equal. Loading FastAPI takes longer than loading the model, so it is loaded on first use.
"""

import asyncio
import time
from typing import TYPE_CHECKING, Any

from seatrial.core.errors import SeatrialError
from seatrial.http import messages
from seatrial.http.hosts import AllowedHosts
from seatrial.http.memory import collector_off
from seatrial.http.messages import EncodedResponse, refusal
from seatrial.model import Release
from seatrial.serve import bulk, logs, requests
from seatrial.serve.access import ALLOWED, AccessDecision
from seatrial.serve.cors import CrossOrigin, is_preflight
from seatrial.serve.doors import PROBES, Call, Doors
from seatrial.serve.exchanges import TRACE, Exchange, Exchanges
from seatrial.serve.logs import AccessLog
from seatrial.serve.metrics.server_metrics import METRICS
from seatrial.serve.otlp.export import start_export
from seatrial.serve.proxies import ProxySettings
from seatrial.serve.server_settings import Settings
from seatrial.serve.service import CLIENT_CLOSED, PREDICT, Service

if TYPE_CHECKING:
    from seatrial.serve.grpc.grpc_server import GrpcServer

WRONG_HOST = refusal(
    421, "This server does not answer to the host name in the URL. Its option --allowed-hosts names more of them."
)


def create_app(release: Release, settings: Settings | None = None, access_log: AccessLog | None = None) -> "AsgiApp":
    """Make the ASGI application that serves a release. It loads the model at startup.

    `access_log` gets a line per request; without it, requests are not logged.
    """
    return AsgiApp(Service(release, settings or Settings()), access_log)


class AsgiApp:
    """An ASGI application."""

    def __init__(self, service: Service, access_log: AccessLog | None = None) -> None:
        self.service = service
        self.settings = service.settings
        self.hosts = AllowedHosts(self.settings.allowed_hosts, self.settings.bound)
        settings, routes = self.settings, service.access.routes
        self.cors = CrossOrigin(settings.cors_origins, routes) if settings.cors_origins else None
        self._proxies = ProxySettings(settings.root_path, settings.trusted_proxies, routes)
        self.exchanges = Exchanges(*[access_log] if access_log else (), service.metrics)
        if access_log:
            service.metrics.sources.append(access_log.add_numbers)
        self._access_log = access_log
        self._fastapi: Any = None
        self.grpc: GrpcServer | None = None
        self._bulk: Any = None
        self._lock = asyncio.Lock()
        self._doors = Doors(service)
        self.fast_doors = self._doors.fast  # by URL
        self.known_heads: dict[bytes, Any] = {}  # of the HTTP fast path
        self._checks = {
            "/health": service.health,
            "/api/v1/health": service.health,
            "/ready": service.readiness,
        }
        self._probes = {*PROBES, self.settings.health_route}  # of other protocols

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Handle a request, or the server's startup and shutdown."""
        if scope["type"] == "http":
            await self._respond(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)

    async def _respond(self, scope: Any, receive: Any, send: Any) -> None:
        """Refuse a request from its header, or answer it."""
        began: float = scope.get("state", {}).get("began") or time.perf_counter()
        if self._proxies.used or scope.get("root_path"):
            self._proxies.apply(scope)
        path, method, headers = scope["path"], scope["method"], scope["headers"]
        request_id = messages.request_id(headers)
        if self.cors:
            send = self.cors.adding(send, headers)
        refused, key, route = self._decide(scope)
        trace = next((value for name, value in headers if name == TRACE), b"")
        exchange = Exchange(request_id, began=began, method=method, path=path, route=route, key=key, trace=trace)
        if refused:
            status = await _send(send, refused, request_id)
        elif path == PREDICT and method == "POST" and bulk.form_of(headers):
            self._bulk = self._bulk or bulk.for_service(self.service)
            status = await self._bulk.respond(scope, receive, send, exchange)
        elif path == PREDICT and method == "POST":
            query = scope.get("query_string", b"")
            status = await _send(send, await self.service.predict(headers, receive, exchange, query), request_id)
        elif path in self._checks and method in ("GET", "HEAD"):
            status = await _send(send, self._checks[path](), request_id)
        elif path == METRICS and method in ("GET", "HEAD"):
            status = await _send(send, await self.service.metrics.answer(headers), request_id)
        elif path == "/" and method in ("GET", "HEAD") and not requests.wants_page(headers):
            status = await _send(send, self.service.health(), request_id)
        elif found := self._doors.find(method, path):
            answer, names = found
            response = await answer(Call(headers, receive, exchange, names))
            status = await _send(send, response, request_id)
        else:
            scope[ALLOWED] = key
            status = await self._forward(scope, receive, send, exchange)
        if status != CLIENT_CLOSED or "refused" not in scope.get("state", {}):  # a refusal is already logged
            self.exchanges.add(exchange, status)

    def _decide(self, scope: Any) -> AccessDecision:
        """The decision about a request: by its host, then by its key. A preflight carries no key."""
        path, method, headers = scope["path"], scope["method"], scope["headers"]
        if not self.hosts.all and not self._is_allowed(path, headers):
            return AccessDecision(WRONG_HOST)
        if self.cors and is_preflight(method, headers):
            return AccessDecision(self.cors.preflight(path, headers))
        return self.service.access.decide(method, path, headers, scope.get("query_string", b""))

    def _is_allowed(self, path: str, headers: Any) -> bool:
        """Whether the Host header is allowed. Probes use a host of their own, so a list of names excepts health."""
        if (path in self._checks or path in self._probes) and not self.hosts.loopback_only:
            return True
        return all(self.hosts.allows(value) for name, value in headers if name == b"host")

    def streamed_size(self, scope: Any) -> int:
        """How large a body may be that is read as it arrives; 0 where it is collected first."""
        path: str = scope["path"]
        return self.settings.bulk_limit if path.endswith(PREDICT) and bulk.form_of(scope["headers"]) else 0

    def log_request(self, began: float, method: str, path: str, status: int, request_id: str) -> None:
        """Note a request that the connection refused."""
        self.exchanges.add(Exchange(request_id, began=began, method=method, path=path), status)

    def log_fault(self, message: str, error: BaseException, request_id: str) -> None:
        """Log an error in handling a connection."""
        logs.fault(message, error, request_id)

    async def fastapi(self) -> Any:
        """The FastAPI application with all routes. It is loaded in a thread, so that predictions continue."""
        if self._fastapi is None:
            async with self._lock:
                if self._fastapi is None:
                    self._fastapi = await asyncio.to_thread(_load_fastapi, self.service)
        return self._fastapi

    async def _forward(self, scope: Any, receive: Any, send: Any, exchange: Exchange) -> int:
        """Let FastAPI respond; returns the status."""
        scope.setdefault("state", {})["exchange"] = exchange
        status = CLIENT_CLOSED

        async def note_status(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        app = await self.fastapi()
        if root := scope.get("root_path", ""):
            scope["path"] = root + scope["path"]  # as ASGI wants it: routers remove the prefix, once
        await app(scope, receive, note_status)
        return status

    async def open_ports(self) -> None:
        """Serve callers from now on: log what they get, and listen on further ports for protocols that are not HTTP.

        Raises SeatrialError where that is impossible.
        """
        if self.service.log:
            self.service.log.paused = False
        if self.settings.grpc_port is not None:
            from seatrial.serve.grpc.grpc_server import GrpcServer

            self.grpc = GrpcServer(self.service, self.exchanges)
            await self.grpc.start()

    async def _lifespan(self, receive: Any, send: Any) -> None:
        """Load the model at startup, and flush the log at shutdown."""
        await receive()
        try:
            if not self.service.ready:
                self.service.load()
            if not self.settings.standby:
                await self.open_ports()
        except SeatrialError as error:
            await send({"type": "lifespan.startup.failed", "message": f"{error.message} {error.hint}".strip()})
            return
        if self._access_log:
            self._access_log.release = f"{self.service.release.name}=={self.service.release.version}"
        if export := start_export(self.service.release, self.service.metrics, self.settings):
            self.exchanges.observers.insert(0, export)  # before the request lines, which have the trace
        await send({"type": "lifespan.startup.complete"})
        await receive()
        if self.grpc:
            await self.grpc.stop()
        self.exchanges.flush()
        if export:
            await export.stop()
        self.service.stop()
        await send({"type": "lifespan.shutdown.complete"})


def _load_fastapi(service: Service) -> Any:
    with collector_off():
        from seatrial.serve.app import create_fastapi

        app = create_fastapi(service)
        app.openapi()  # which is made once, and takes a tenth of a second
        return app


async def _send(send: Any, response: EncodedResponse | None, request_id: str) -> int:
    if response is None:
        return CLIENT_CLOSED
    await messages.send_response(send, response, request_id)
    return response.status
