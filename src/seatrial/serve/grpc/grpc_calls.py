"""Answers the calls of the Open Inference Protocol's methods: who may call, what they get, and the request lines."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from functools import partial
from time import perf_counter
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from seatrial import __version__
from seatrial.http.messages import REQUEST_ID, EncodedResponse, refusal, request_id
from seatrial.serve import logs, responses
from seatrial.serve.doors.door import BAD_REQUEST, INVALID, reason
from seatrial.serve.doors.open_inference import OpenInference
from seatrial.serve.exchanges import TRACE, Exchange, Exchanges
from seatrial.serve.grpc.grpc_form import UNKNOWN_MODEL, GrpcForm
from seatrial.serve.grpc.infer_messages import SERVICE, message_class
from seatrial.serve.routes import GRPC_ROUTES, Route
from seatrial.serve.service import CLIENT_CLOSED, Service

# How the service's statuses are called in gRPC; any other is INVALID_ARGUMENT.
CODES = {
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.NOT_FOUND,
    413: grpc.StatusCode.RESOURCE_EXHAUSTED,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    500: grpc.StatusCode.INTERNAL,
    503: grpc.StatusCode.UNAVAILABLE,
    504: grpc.StatusCode.DEADLINE_EXCEEDED,
}
LONGEST_TEXT = 1000  # characters of an error; clients take 8 KiB of metadata, where each character may take 9 bytes

Method = Callable[[bytes, Exchange], Awaitable[EncodedResponse]]


class InferenceCalls:
    """The methods of a service, as gRPC calls them: bytes come in and go out."""

    def __init__(self, service: Service, exchanges: Exchanges) -> None:
        self._service = service
        self._exchanges = exchanges
        self.stopping = False  # whether calls are refused
        self.active = 0  # calls in progress
        self.last = 0.0  # when the last call came in, by time.perf_counter()
        self._door = OpenInference(service)
        self._methods: dict[str, Method] = {
            "ServerLive": self._live,
            "ServerReady": self._ready,
            "ServerMetadata": self._server,
            "ModelReady": self._model_ready,
            "ModelMetadata": self._model,
            "ModelInfer": self._infer,
        }

    def handler(self) -> Any:
        """The handler of all methods in GRPC_ROUTES, for a grpc.aio server."""
        handlers = {}
        for route in GRPC_ROUTES:
            name = route.path.rpartition("/")[2]
            call = partial(self._call, route, self._methods[name])
            handlers[name] = grpc.unary_unary_rpc_method_handler(call)
        return grpc.method_handlers_generic_handler(SERVICE, handlers)

    async def _call(self, route: Route, method: Method, body: bytes, context: Any) -> bytes:
        """Answer a call, or end it with an error."""
        self.last = began = perf_counter()
        headers = [(key.encode(), _bytes(value)) for key, value in context.invocation_metadata()]
        refused, key, _ = self._service.access.decide_call(route, headers)
        identity = request_id(headers)
        trace = next((value for name, value in headers if name == TRACE), b"")
        exchange = Exchange(identity, began=began, path=route.path, route=route.path, key=key, trace=trace)
        self.active += 1
        try:
            if self.stopping:
                refused = responses.not_ready()
            response = refused or await method(body, exchange)
        except asyncio.CancelledError:  # by the caller, or by its deadline
            self._exchanges.add(exchange, CLIENT_CLOSED)
            raise
        except Exception as error:
            logs.fault("The request failed", error, identity)
            response = responses.internal_error(identity)
        finally:
            self.active -= 1
        status, text = _outcome(response)
        self._exchanges.add(exchange, status)
        more = ((name.decode(), value.decode("latin-1")) for name, value in response.headers)
        about = ((REQUEST_ID.decode(), identity), *more)
        if status == 200:
            context.set_trailing_metadata(about)
            return response.body
        await context.abort(CODES.get(status, grpc.StatusCode.INVALID_ARGUMENT), text, about)
        raise AssertionError("abort raises")

    async def _infer(self, body: bytes, exchange: Exchange) -> EncodedResponse:
        return await self._service.ask(body, exchange, partial(self._service.answer, form=GrpcForm(self._door)))

    async def _live(self, _: bytes, __: Exchange) -> EncodedResponse:
        return _message("ServerLiveResponse", live=True)

    async def _ready(self, _: bytes, __: Exchange) -> EncodedResponse:
        return _message("ServerReadyResponse", ready=self._service.ready)

    async def _server(self, _: bytes, __: Exchange) -> EncodedResponse:
        return _message("ServerMetadataResponse", name="seatrial", version=__version__)

    async def _model_ready(self, body: bytes, _: Exchange) -> EncodedResponse:
        return self._unknown("ModelReadyRequest", body) or _message("ModelReadyResponse", ready=self._service.ready)

    async def _model(self, body: bytes, _: Exchange) -> EncodedResponse:
        if refused := self._unknown("ModelMetadataRequest", body):
            return refused
        facts = self._door.facts()
        for tensors in ("inputs", "outputs"):  # in gRPC they have no parameters
            facts[tensors] = [{key: each[key] for key in ("name", "datatype", "shape")} for each in facts[tensors]]
        return _message("ModelMetadataResponse", **facts)

    def _unknown(self, name: str, body: bytes) -> EncodedResponse | None:
        try:
            request = message_class(name).FromString(body)
        except DecodeError:
            return refusal(BAD_REQUEST, f"The message is not a {name}.")
        text = self._door.unknown(request.name, request.version)
        return refusal(404, text) if text else None


def _message(kind: str, /, **fields: Any) -> EncodedResponse:
    return EncodedResponse(200, message_class(kind)(**fields).SerializeToString())


def _outcome(response: EncodedResponse) -> tuple[int, str]:
    """The status of a response, and what is wrong."""
    status = response.status
    if status == 200:
        return 200, ""
    if status == INVALID:
        [first, *_] = json.loads(response.body)["detail"]
        if first["type"] == UNKNOWN_MODEL:
            return 404, first["msg"]
        status = BAD_REQUEST
    text = reason(response)
    return status, text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT] + " ..."


def _bytes(value: str | bytes) -> bytes:
    """A value of metadata, where binary ones are bytes."""
    return value.encode("latin-1", "replace") if isinstance(value, str) else value
