"""What is sent of a request can always be sent."""

from collections.abc import Sequence

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from seatrial.model import Release
from seatrial.serve.exchanges import Exchange
from seatrial.serve.otlp.spans import SpanExport, sendable


class Kept(SpanExporter):
    spans: list[ReadableSpan]

    def __init__(self) -> None:
        Kept.spans = []

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        Kept.spans += spans
        return SpanExportResult.SUCCESS


@pytest.mark.parametrize("text", ["/\ud800", "/" + "é" * 900, "/\x00"])
def test_any_path_can_be_sent(text: str) -> None:
    assert len(sendable(text).encode()) <= 1000


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(200, "answered"), (422, "refused"), (499, "abandoned"), (500, "failed"), (503, "no room"), (504, "no time")],
)
def test_the_outcome_of_a_request(binary: Release, status: int, outcome: str) -> None:
    export = SpanExport([Kept], Resource.create(), binary, "https")
    exchange = Exchange("r", method="GET", path="/x")
    exchange.status = status
    export([exchange])
    export.stop()
    (span,) = Kept.spans
    assert dict(span.attributes or {})["seatrial.outcome"] == outcome
    assert dict(span.attributes or {})["url.scheme"] == "https"
    assert exchange.trace == b"00-%032x-%016x-01" % (span.context.trace_id, span.context.span_id)
