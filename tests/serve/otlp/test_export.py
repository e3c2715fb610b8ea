"""A real server sends spans, metrics and logs to a real receiver, where OpenTelemetry's variables ask for it."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.serve.clients import Client, process, until
from tests.serve.otlp.receiver import Receiver, attributes, plain, receiving
from tests.serve.small_releases import EXAMPLE

from seatrial.core.access_keys import make_key, render_keys
from seatrial.model import Release

pytestmark = pytest.mark.usefixtures("binary")
ROW = json.dumps(EXAMPLE).encode()
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = f"traceparent: 00-{TRACE}-{SPAN}-01"
SERVER, ERROR, UNSET = 2, 2, 0  # SPAN_KIND_SERVER, STATUS_CODE_ERROR, STATUS_CODE_UNSET
SOON = {"OTEL_BSP_SCHEDULE_DELAY": "100", "OTEL_BLRP_SCHEDULE_DELAY": "100", "OTEL_METRIC_EXPORT_INTERVAL": "300"}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def serve(root: Path, receiver: Receiver, *options: str, **variables: str) -> Any:
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, **SOON, **variables}
    return process(root, "--port", "0", *options, package="small_binary", **environment)


def test_one_span_for_each_request(small_root: Path, receiver: Receiver) -> None:
    before = time.time_ns()
    with serve(small_root, receiver) as server:
        client = Client(server.started())
        predicted = client.ask("POST", "/api/v1/predict", ROW, PARENT)
        refused = client.predict(b"{}")
        failed = client.predict(json.dumps({**EXAMPLE, "note": "boom"}).encode(), "x-request-id: mine")
        many = client.predict(json.dumps([EXAMPLE] * 200).encode())
        client.ask("GET", "/nowhere?secret=1")
        client.ask("PROPFIND", "/x")
        client.ask("GET", "/%ED%A0%80%00" + "x" * 5000)
        until(lambda: len(receiver.spans()) == 7)
        server.stop()
    after = time.time_ns()
    spans = receiver.spans()
    assert [span.name for span in spans] == [*["POST /api/v1/predict"] * 4, "GET", "HTTP", "GET"]
    assert all(span.kind == SERVER for span in spans)
    assert all(before < span.start_time_unix_nano <= span.end_time_unix_nano < after for span in spans)
    first, second, third, fourth, nowhere, odd, long = map(attributes, spans)
    assert first == {
        "http.request.method": "POST",
        "http.route": "/api/v1/predict",
        "http.response.status_code": 200,
        "url.path": "/api/v1/predict",
        "url.scheme": "http",
        "seatrial.release.name": "small-binary",
        "seatrial.release.version": "1.2.3",
        "seatrial.rows": 1,
        "seatrial.outcome": "predicted",
        "seatrial.request_id": predicted.headers["x-request-id"],
    }
    assert (spans[0].trace_id.hex(), spans[0].parent_span_id.hex()) == (TRACE, SPAN)
    # A new trace has the ID of its request, where that can be one.
    assert (spans[1].trace_id.hex(), spans[1].parent_span_id) == (refused.headers["x-request-id"], b"")
    assert spans[2].trace_id.hex() != failed.headers["x-request-id"] == "mine"
    assert (second["seatrial.outcome"], spans[1].status.code) == ("refused", UNSET)
    assert (third["seatrial.outcome"], third["error.type"], spans[2].status.code) == ("failed", "500", ERROR)
    assert (fourth["seatrial.rows"], many.status) == (200, 200)
    assert "http.route" not in nowhere
    assert (nowhere["http.response.status_code"], spans[4].status.code) == (404, UNSET)
    assert odd["http.request.method"] == "_OTHER"
    assert "secret" not in str(spans)
    assert len(long["url.path"]) == 500


def test_the_resource_is_the_release_unless_the_variables_name_another(small_root: Path, receiver: Receiver) -> None:
    with serve(small_root, receiver) as server:
        Client(server.started()).predict(ROW)
        server.stop()
    with serve(
        small_root,
        receiver,
        OTEL_SERVICE_NAME="mine",
        OTEL_RESOURCE_ATTRIBUTES="deployment.environment.name=test,service.instance.id=pod-1",
        OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer%20secret",
        OTEL_EXPORTER_OTLP_COMPRESSION="gzip",
    ) as server:
        Client(server.started()).predict(ROW)
        server.stop()
    first, second = receiver.resources()
    assert (first["service.name"], first["service.version"]) == ("small-binary", "1.2.3")
    assert first["service.instance.id"]
    assert (second["service.name"], second["service.instance.id"]) == ("mine", "pod-1")
    assert second["deployment.environment.name"] == "test"
    assert receiver.authorizations == {"", "Bearer secret"}


@pytest.mark.parametrize(
    "header",
    [f"00-{TRACE}-{'0' * 16}-01", f"ff-{TRACE}-{SPAN}-01", "nonsense", f"00-{TRACE.upper()}-{SPAN}-01"],
)
def test_an_invalid_trace_context_is_ignored(small_root: Path, receiver: Receiver, header: str) -> None:
    with serve(small_root, receiver) as server:
        reply = Client(server.started()).predict(ROW, f"traceparent: {header}")
        server.stop()
    (span,) = receiver.spans()
    assert (span.trace_id.hex(), span.parent_span_id) == (reply.headers["x-request-id"], b"")


def test_the_sampler_of_the_variables_decides(small_root: Path, receiver: Receiver) -> None:
    with serve(small_root, receiver, OTEL_TRACES_SAMPLER="parentbased_always_off") as server:
        client = Client(server.started())
        client.predict(ROW)
        client.predict(ROW, PARENT)
        client.predict(ROW, f"traceparent: 00-{TRACE}-{SPAN}-00")
        server.stop()
    assert [span.parent_span_id.hex() for span in receiver.spans()] == [SPAN]


def test_request_lines_have_the_trace(small_root: Path, receiver: Receiver, tmp_path: Path) -> None:
    key, secret = make_key("web", ["predict"])
    (tmp_path / "keys.json").write_text(render_keys([key]))
    with serve(small_root, receiver, "--keys", str(tmp_path / "keys.json")) as server:
        client = Client(server.started())
        for headers in ((PARENT,), ("x-request-id: mine",)):
            assert client.predict(ROW, f"x-api-key: {secret}", *headers).status == 200
        server.stop()
    lines = [document for document in server.documents() if "path" in document]
    assert [line["key"] for line in lines] == ["web", "web"]
    assert [line["trace_id"] for line in lines] == [TRACE, receiver.spans()[1].trace_id.hex()]
    assert [attributes(span)["seatrial.key"] for span in receiver.spans()] == ["web", "web"]


def test_metrics_are_sent_where_they_are_asked_for(small_root: Path, receiver: Receiver) -> None:
    with serve(small_root, receiver, OTEL_METRICS_EXPORTER="otlp", OTEL_TRACES_EXPORTER="none") as server:
        client = Client(server.started())
        for _ in range(5):
            client.predict(ROW)
        client.predict(b"{}")
        until(lambda: "http.server.request.duration" in receiver.metrics())
        client.predict(ROW)
        server.stop()
    found = receiver.metrics()
    assert receiver.spans() == []
    requests = {
        (attributes(point)["route"], attributes(point)["status"]): point.as_int
        for point in found["seatrial_requests"].sum.data_points
    }
    assert requests == {("/api/v1/predict", "200"): 6, ("/api/v1/predict", "422"): 1}
    assert found["seatrial_requests"].sum.is_monotonic
    assert [point.as_int for point in found["seatrial_rows"].sum.data_points] == [6]
    assert found["seatrial_memory_bytes"].gauge.data_points[0].as_int > 10e6
    durations = found["http.server.request.duration"]
    assert durations.unit == "s"
    assert sum(point.count for point in durations.histogram.data_points) == 7
    assert durations.histogram.data_points[0].explicit_bounds[0] == 0.0001


def test_logs_are_sent_where_they_are_asked_for(small_root: Path, receiver: Receiver) -> None:
    with serve(small_root, receiver, OTEL_LOGS_EXPORTER="otlp") as server:
        client = Client(server.started())
        client.predict(ROW, PARENT)
        client.predict(json.dumps({**EXAMPLE, "note": "boom: Mrs Secret"}).encode())
        server.stop()
    records = {plain(record.body): record for record in receiver.logs()}
    line = records["POST /api/v1/predict 200"]
    assert (line.trace_id.hex(), line.span_id.hex(), line.severity_text) == (TRACE, SPAN, "INFO")
    assert attributes(line)["status"] == 200
    assert records["POST /api/v1/predict 500"].severity_text == "ERROR"
    fault = records["The request failed"]
    assert "features.py" in attributes(fault)["exception"]
    assert attributes(fault)["request_id"] == attributes(records["POST /api/v1/predict 500"])["request_id"]
    assert len(records) == len(receiver.logs()), "a line was sent twice"
    assert "Secret" not in str(receiver.logs())


def test_each_worker_sends(small_root: Path, receiver: Receiver) -> None:
    with serve(small_root, receiver, "--workers", "2") as server:
        port = server.started()
        until(lambda: Client(port).predict(ROW) and len({r["service.instance.id"] for r in receiver.resources()}) == 2)
        assert server.stop() == 0


def test_a_receiver_that_is_away_stops_nothing(small_root: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it accepts, and never answers
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        variables = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": url,
            "OTEL_LOGS_EXPORTER": "otlp",
            "OTEL_METRICS_EXPORTER": "otlp",
            **SOON,
        }
        with process(small_root, "--port", "0", package="small_binary", **variables) as server:
            client = Client(server.started())
            for _ in range(50):
                assert client.predict(ROW).status == 200
                time.sleep(0.01)
            assert server.stop() == 0
        assert any("did not take what was left within 3 s" in document["message"] for document in server.documents())


def test_without_the_extra_the_server_says_so_and_goes_on(small_root: Path, tmp_path: Path) -> None:
    """The extra is hidden as it would be missing: the package cannot be imported."""
    hidden = tmp_path / "hidden" / "sitecustomize.py"
    hidden.parent.mkdir()
    hidden.write_text(
        "import sys\n"
        "class Missing:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.startswith('opentelemetry'):\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Missing())\n"
    )
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "PYTHONPATH": f"{small_root}:{hidden.parent}"}
    with process(small_root, "--port", "0", package="small_binary", **variables) as server:
        assert Client(server.started()).predict(ROW).status == 200
        server.stop()
    (warning,) = [d for d in server.documents() if d["level"] == "WARNING"]
    assert warning["message"] == (
        "OTEL_EXPORTER_OTLP_ENDPOINT asks for OpenTelemetry, and it is not installed: nothing is sent. "
        "Install seatrial[otel], or set OTEL_SDK_DISABLED=true."
    )


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "no exporter 'zipkin' of traces"),
        ({"OTEL_METRICS_EXPORTER": "prometheus"}, "Prometheus reads /metrics"),
        ({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}, "'otlp with http/json'"),
    ],
)
def test_what_cannot_be_sent_is_said_at_the_start(small_root: Path, variables: dict[str, str], words: str) -> None:
    with process(small_root, "--port", "0", package="small_binary", **variables) as server:
        assert Client(server.started()).predict(ROW).status == 200
        server.stop()
    assert any(words in d["message"] for d in server.documents() if d["level"] == "WARNING")


def test_nothing_of_it_is_loaded_unasked(binary: Release) -> None:
    script = """
import asyncio, sys
import seatrial.serve.server
from seatrial.serve.otlp.export import start_export
assert start_export(None, None, None) is None
assert not [name for name in sys.modules if name.startswith("opentelemetry")]
"""
    assert subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, timeout=60).returncode == 0
