"""One span for each request, made after its end with the times that it had."""

import re
import time
from collections.abc import Sequence
from typing import Any

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from seatrial import __version__
from seatrial.core.trace_context import SAMPLED, parse_traceparent
from seatrial.model import Release
from seatrial.serve.exchanges import Exchange
from seatrial.serve.metrics.counts import METHODS

OTHER_METHOD = "_OTHER"  # of the semantic conventions
CLIENT_LEFT, NO_ROOM, NO_TIME = 499, 503, 504  # statuses
LONGEST = 500  # characters of a path
ERROR = Status(StatusCode.ERROR)
ROOT = Context()
_TRACE_ID = re.compile(r"(?!0{32})[0-9a-f]{32}", re.ASCII)


class SpanExport:
    """Makes spans, and gives exchanges without a valid trace context that of their span."""

    def __init__(self, exporters: Sequence[Any], resource: Resource, release: Release, scheme: str = "http") -> None:
        self._ids = RequestIds()
        self._provider = TracerProvider(resource=resource, id_generator=self._ids, shutdown_on_exit=False)
        for exporter in exporters:
            self._provider.add_span_processor(BatchSpanProcessor(exporter()))
        self._tracer = self._provider.get_tracer("seatrial", __version__)
        self._shared = {
            "seatrial.release.name": release.name,
            "seatrial.release.version": release.version,
            "url.scheme": scheme,
        }

    def __call__(self, exchanges: Sequence[Exchange]) -> None:
        """Make the spans of finished exchanges."""
        clock = time.time() - time.perf_counter()
        for each in exchanges:
            self._note(each, clock)

    def stop(self) -> None:
        """Send what is left."""
        self._provider.shutdown()

    def _note(self, exchange: Exchange, clock: float) -> None:
        parent = parse_traceparent(exchange.trace) if exchange.trace else None
        context = context_of(*parent) if parent else ROOT
        self._ids.request_id = exchange.request_id
        method = exchange.method if exchange.method in METHODS else ""
        span = self._tracer.start_span(
            f"{method or 'HTTP'} {exchange.route}".rstrip(),
            context,
            SpanKind.SERVER,
            {"http.request.method": method or OTHER_METHOD, **_attributes(exchange), **self._shared},
            start_time=int((clock + exchange.began) * 1e9),
        )
        if parent is None:
            own = span.get_span_context()
            exchange.trace = b"00-%032x-%016x-%02x" % (own.trace_id, own.span_id, own.trace_flags)
        if exchange.status >= 500:  # what callers did wrong is no error of the server's
            span.set_status(ERROR)
        span.end(int((clock + exchange.ended) * 1e9))


class RequestIds(IdGenerator):
    """Makes IDs: a new trace has the ID of its request, which the caller gets as well, where that can be one."""

    def __init__(self) -> None:
        self.request_id = ""
        self._random = RandomIdGenerator()

    def generate_span_id(self) -> int:
        """A random one."""
        return self._random.generate_span_id()

    def generate_trace_id(self) -> int:
        """The request's, or a random one."""
        if _TRACE_ID.fullmatch(self.request_id):
            return int(self.request_id, 16)
        return self._random.generate_trace_id()


def context_of(trace_id: str, span_id: str, sampled: bool) -> Context:
    """The context of a span elsewhere."""
    flags = TraceFlags(SAMPLED if sampled else 0)
    remote = SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=flags)
    return set_span_in_context(NonRecordingSpan(remote), ROOT)


def _attributes(exchange: Exchange) -> dict[str, Any]:
    """What a request was, and what became of it."""
    status, rows = exchange.status, len(exchange.scored) or sum((exchange.decided or {}).values())
    found = {
        "http.response.status_code": status,
        "url.path": sendable(exchange.path),
        "seatrial.outcome": _outcome(status, rows),
        "seatrial.request_id": exchange.request_id,
    }
    if exchange.route:
        found["http.route"] = exchange.route
    if rows:
        found["seatrial.rows"] = rows
    if exchange.key:
        found["seatrial.key"] = exchange.key
    if status >= 500:
        found["error.type"] = str(status)
    return found


def _outcome(status: int, rows: int) -> str:
    if status < 400:
        return "predicted" if rows else "answered"
    if status < 500:
        return "abandoned" if status == CLIENT_LEFT else "refused"
    return {NO_ROOM: "no room", NO_TIME: "no time"}.get(status, "failed")


def sendable(text: str) -> str:
    """A caller's text as it can be sent: short, and without halves of surrogate pairs."""
    return text if text.isascii() and len(text) <= LONGEST else text[:LONGEST].encode("utf-8", "replace").decode()
