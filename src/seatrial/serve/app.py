"""The FastAPI application: every route, its document, and the pages that show it, all without a network.

What it answers is made by the same `Service` that the fast front asks.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request, Response

from seatrial.serve import logs, openapi, requests, responses
from seatrial.serve.docs import create_documented
from seatrial.serve.page import add_page
from seatrial.serve.responses import JSON, NO_SNIFFING, REQUEST_ID, Answer
from seatrial.serve.service import EXPLAIN, MODEL, PREDICT, Service

# For pages that bring no policy of their own, which are Swagger UI and ReDoc; both write styles and scripts in line.
_POLICY = (
    b"default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    b"img-src 'self' data:; font-src 'self' data:; worker-src blob:; "
    b"object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
)


def create_fastapi(service: Service) -> FastAPI:
    """Make the application; it may be mounted alone, and then loads the model at its start-up."""

    @asynccontextmanager
    async def live(_: FastAPI) -> AsyncIterator[None]:
        if not service.ready:
            service.load()
        yield
        service.stop()

    release = service.release
    app = create_documented(
        title=release.name,
        version=release.version,
        description=release.metadata.description,
        redirect_slashes=False,
        lifespan=live,
    )
    app.add_middleware(_Envelope)
    _add_routes(app, service)
    add_page(app, service)
    bare = app.openapi

    def extended() -> dict[str, Any]:
        """Make the OpenAPI document once, with the release's own schema and examples."""
        if app.openapi_schema is None:
            if not service.ready:
                service.load()
            app.openapi_schema = openapi.completed(bare(), service)
        return app.openapi_schema

    app.openapi = extended  # type: ignore[method-assign] # FastAPI's documented way to extend the document
    return app


def _add_routes(app: FastAPI, service: Service) -> None:
    @app.post(PREDICT, tags=["model"], response_class=Response)
    async def predict(request: Request) -> Response:
        """Predict one row, a list of rows, or `{"inputs": [...]}`."""
        return _response(await service.predict(request.scope["headers"], request.receive, _id(request)))

    @app.post(EXPLAIN, tags=["model"], response_class=Response)
    async def explain(request: Request) -> Response:
        """Predict one row, and say what each of its values contributed.

        The contributions are Shapley values against a typical row: they sum to `value - typical_value`.
        """
        return _response(await service.explain(request.scope["headers"], request.receive, _id(request)))

    quick: dict[str, tuple[str, Callable[[], Answer]]] = {
        MODEL: ("What this model is: its schema, its metrics, its card.", service.model),
        "/health": ("Whether the server is alive.", service.health),
        "/api/v1/health": ("Whether the server is alive.", service.health),
        "/ready": ("Whether the model is loaded.", service.readiness),
    }
    for path, (summary, answer) in quick.items():
        _add_quick(app, path, summary, answer)


def _add_quick(app: FastAPI, path: str, summary: str, answer: Callable[[], Answer]) -> None:
    async def quick() -> Response:
        return _response(answer())

    tag = "model" if path == MODEL else "server"
    app.add_api_route(path, quick, summary=summary, tags=[tag], response_class=Response)
    app.add_api_route(path, quick, methods=["HEAD"], include_in_schema=False)


def _id(request: Request) -> str:
    return str(request.scope["state"]["request_id"])


def _response(answer: Answer | None) -> Response:
    if answer is None:  # nobody is there to read it
        return Response()
    response = Response(status_code=answer.status)
    response.body = answer.body
    response.raw_headers = [JSON, (b"content-length", b"%d" % len(answer.body)), *answer.headers]
    return response


class _Envelope:
    """What all answers have in common: a request id, headers for browsers, and JSON where something fails."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        request_id = state.setdefault("request_id", None) or requests.request_id(scope["headers"])
        state["request_id"] = request_id
        started = False

        async def sent(message: Any) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = [*message.get("headers", ()), *_common(message.get("headers", ()), request_id)]
            await send(message)

        try:
            await self._app(scope, receive, sent)
        except Exception as error:
            logs.fault("The request failed", error, request_id)
            if not started:
                await _response(responses.failed(request_id))(scope, receive, sent)


def _common(headers: Any, request_id: str) -> list[tuple[bytes, bytes]]:
    given = dict(headers)
    common = [NO_SNIFFING, (REQUEST_ID, request_id.encode())]
    if given.get(b"content-type", b"").startswith(b"text/html"):
        others = {b"content-security-policy": _POLICY, b"referrer-policy": b"no-referrer"}
        common += [(name, value) for name, value in others.items() if name not in given]
    return common
