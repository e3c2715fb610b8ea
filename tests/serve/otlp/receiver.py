"""A real receiver of OTLP over HTTP: it decodes what arrives by opentelemetry-proto."""

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

KINDS: dict[str, Any] = {
    "/v1/traces": ExportTraceServiceRequest,
    "/v1/metrics": ExportMetricsServiceRequest,
    "/v1/logs": ExportLogsServiceRequest,
}


def plain(value: Any) -> Any:
    """An AnyValue as a value of Python."""
    return getattr(value, value.WhichOneof("value"))


def attributes(of: Any) -> dict[str, Any]:
    return {each.key: plain(each.value) for each in of.attributes}


class Receiver:
    """What has arrived."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.messages: list[tuple[str, Any]] = []
        self.authorizations: set[str] = set()

    def _all(self, path: str, outer: str, inner: str, items: str) -> list[tuple[Any, Any]]:
        return [
            (attributes(group.resource), item)
            for where, message in list(self.messages)
            if where == path
            for group in getattr(message, outer)
            for scope in getattr(group, inner)
            for item in getattr(scope, items)
        ]

    def spans(self) -> list[Any]:
        return [span for _, span in self._all("/v1/traces", "resource_spans", "scope_spans", "spans")]

    def resources(self) -> list[dict[str, Any]]:
        found = self._all("/v1/traces", "resource_spans", "scope_spans", "spans")
        return [resource for resource, _ in found]

    def metrics(self) -> dict[str, Any]:
        """The latest of each metric."""
        found = self._all("/v1/metrics", "resource_metrics", "scope_metrics", "metrics")
        return {metric.name: metric for _, metric in found}

    def logs(self) -> list[Any]:
        return [record for _, record in self._all("/v1/logs", "resource_logs", "scope_logs", "log_records")]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Run a receiver on loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            assert self.headers["content-type"] == "application/x-protobuf"
            receiver.authorizations.add(self.headers.get("authorization", ""))
            receiver.messages.append((self.path, KINDS[self.path].FromString(body)))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver = Receiver(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
