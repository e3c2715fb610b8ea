"""The FastAPI application: every route, the OpenAPI document, and the pages, all of which work without a network.

Its responses are made by the same `Service` as those of the ASGI application.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import cache
from time import perf_counter
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette._utils import get_route_path

from seatrial.http.messages import NO_SNIFFING, REQUEST_ID, EncodedResponse, content_type, request_id
from seatrial.serve import bulk, logs, openapi, responses
from seatrial.serve.access import ALLOWED
from seatrial.serve.bulk import bulk_document
from seatrial.serve.docs import create_app_with_docs
from seatrial.serve.doors import Answer, Call, Doors, documents
from seatrial.serve.exchanges import Exchange
from seatrial.serve.metrics.server_metrics import METRICS
from seatrial.serve.page import add_page
from seatrial.serve.routes import Route
from seatrial.serve.service import EXPLAIN, MODEL, PREDICT, Service

# For Swagger UI and ReDoc, which use inline styles and scripts. The prediction page has a stricter policy of its own.
_POLICY = (
    b"default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    b"img-src 'self' data:; font-src 'self' data:; worker-src blob:; "
    b"object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
)


def create_fastapi(service: Service) -> FastAPI:
    """Make the application. It may be mounted alone; then it loads the model at startup."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        if not service.ready:
            service.load()
        yield
        service.stop()

    release = service.release
    app = create_app_with_docs(
        title=release.name,
        version=release.version,
        description=release.metadata.description,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.add_middleware(_Doorkeeper, service=service)
    _add_routes(app, service)
    _add_doors(app, Doors(service))
    add_page(app, service)
    routes_only = app.openapi

    def complete() -> dict[str, Any]:
        """Make the OpenAPI document once, with the release's own schema and examples."""
        if app.openapi_schema is None:
            if not service.ready:
                service.load()
            document = documents.complete(openapi.complete(routes_only(), service), service)
            document = bulk_document.add_tables(document, service)
            app.openapi_schema = openapi.add_security(document, service)
        return app.openapi_schema

    app.openapi = complete  # type: ignore[method-assign] # FastAPI's documented way to extend the document
    return app


def _add_routes(app: FastAPI, service: Service) -> None:
    @cache
    def tables() -> Any:
        return bulk.for_service(service)

    @app.post(PREDICT, tags=["model"], operation_id="predict", response_class=Response)
    async def predict(request: Request) -> Response:
        """Predict one row, a list of rows, or `{"inputs": [...]}`; or a table of any length, as it arrives."""
        if bulk.form_of(request.scope["headers"]):
            return _BulkResponse(tables(), _exchange(request))
        query = request.scope.get("query_string", b"")
        return _response(await service.predict(request.scope["headers"], request.receive, _exchange(request), query))

    @app.post(EXPLAIN, tags=["model"], operation_id="explain", response_class=Response)
    async def explain(request: Request) -> Response:
        """Predict one row and explain how much each of its values contributed.

        The contributions are Shapley values relative to a typical row: they add up to `value - typical_value`.
        """
        return _response(await service.explain(request.scope["headers"], request.receive, _exchange(request)))

    simple: dict[str, tuple[str, Callable[[], EncodedResponse]]] = {
        MODEL: ("Describe the model: its schema, metrics and model card.", service.model),
        "/health": ("Check whether the server is alive.", service.health),
        "/api/v1/health": ("Check whether the server is alive.", service.health),
        "/ready": ("Check whether the model is loaded.", service.readiness),
    }
    for path, (summary, respond) in simple.items():
        _add_simple(app, path, summary, respond)

    async def metrics(request: Request) -> Response:
        """Report numbers about requests, predictions and the logs, in the text formats of Prometheus."""
        return _response(await service.metrics.answer(request.scope["headers"]))

    app.add_api_route(METRICS, metrics, tags=["server"], response_class=Response)
    app.add_api_route(METRICS, metrics, methods=["HEAD"], include_in_schema=False)


def _add_simple(app: FastAPI, path: str, summary: str, respond: Callable[[], EncodedResponse]) -> None:
    async def simple() -> Response:
        return _response(respond())

    tag = "model" if path == MODEL else "server"
    name = path.removeprefix("/api/v1/").strip("/").replace("/", "_") + "_v1" * (path == "/api/v1/health")
    app.add_api_route(path, simple, summary=summary, tags=[tag], operation_id=name, response_class=Response)
    app.add_api_route(path, simple, methods=["HEAD"], include_in_schema=False)


def _add_doors(app: FastAPI, doors: Doors) -> None:
    for route in doors.routes():
        _add_door(app, route, doors.handler)


def _add_door(app: FastAPI, route: Route, handler: Callable[[str], Answer]) -> None:
    def answer(call: Call) -> Awaitable[EncodedResponse | None]:
        return handler(route.path)(call)  # a door is loaded at its first request

    endpoint = _door(answer)
    tag, summary = documents.SUMMARIES.get(route.path, ("", ""))  # not in the document: what a platform named
    options: dict[str, Any] = {"summary": summary, "tags": [tag], "include_in_schema": bool(tag)}
    name = documents.operation_id(route.path) if tag else None
    app.add_api_route(
        route.path, endpoint, methods=[route.method], response_class=Response, operation_id=name, **options
    )
    if route.method == "GET":
        app.add_api_route(route.path, endpoint, methods=["HEAD"], include_in_schema=False)


def _door(answer: Answer) -> Callable[[Request], Awaitable[Response]]:
    async def door(request: Request) -> Response:
        call = Call(request.scope["headers"], request.receive, _exchange(request), request.path_params)
        return _response(await answer(call))

    return door


def _exchange(request: Request) -> Exchange:
    exchange: Exchange = request.scope["state"]["exchange"]
    return exchange


def _response(encoded: EncodedResponse | None) -> Response:
    if encoded is None:  # the client has disconnected
        return Response()
    response = Response(status_code=encoded.status)
    response.body = encoded.body
    length = (b"content-length", b"%d" % len(encoded.body))
    response.raw_headers = [*content_type(encoded.headers), length, *encoded.headers]
    return response


class _BulkResponse(Response):
    """An answer that is made while the request arrives."""

    def __init__(self, tables: Any, exchange: Exchange) -> None:
        super().__init__()
        self._tables = tables
        self._exchange = exchange

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._tables.respond(scope, receive, send, self._exchange)


class _Doorkeeper:
    """Refuses who may not call, and adds what all responses have: a request ID, and security headers for browsers.

    An error gets a JSON body. Requests that the ASGI application passes on have been decided about there.
    """

    def __init__(self, app: Any, service: Service) -> None:
        self._app = app
        self._access = service.access
        self._metrics = service.metrics

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        if "exchange" not in state:  # this application is mounted alone
            state["exchange"] = Exchange(
                request_id(scope["headers"]), began=perf_counter(), method=scope["method"], path=scope["path"]
            )
        identity = state["exchange"].request_id
        started = False

        async def send_with_headers(message: Any) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                state["exchange"].status = message["status"]
                headers = message.get("headers", ())
                message["headers"] = [*headers, *_common_headers(headers, identity)]
            await send(message)

        try:
            app = self._app if ALLOWED in scope else self._gate(scope)
            await app(scope, receive, send_with_headers)
        except Exception as error:
            logs.fault("The request failed", error, identity)
            if not started:
                await _response(responses.internal_error(identity))(scope, receive, send_with_headers)
        if ALLOWED not in scope:  # else the ASGI application counts it
            exchange = state["exchange"]
            exchange.ended = perf_counter()
            self._metrics([exchange])

    def _gate(self, scope: Any) -> Any:
        """What answers the request: the application, or a refusal."""
        query = scope.get("query_string", b"")
        decision = self._access.decide(scope["method"], get_route_path(scope), scope["headers"], query)
        exchange = scope["state"]["exchange"]
        exchange.route, exchange.key = decision.route, decision.key
        return _response(decision.refusal) if decision.refusal else self._app


def _common_headers(headers: Any, identity: str) -> list[tuple[bytes, bytes]]:
    own = dict(headers)
    common = [NO_SNIFFING, (REQUEST_ID, identity.encode())]
    if own.get(b"content-type", b"").startswith(b"text/html"):
        others = {b"content-security-policy": _POLICY, b"referrer-policy": b"no-referrer"}
        common += [(name, value) for name, value in others.items() if name not in own]
    return common
