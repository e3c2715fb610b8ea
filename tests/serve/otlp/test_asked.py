"""OpenTelemetry's variables are read as its specification says."""

import pytest

from seatrial.serve.otlp.asked import asked_of

HTTP, GRPC = ("otlp_proto_http",), ("otlp_proto_grpc",)
ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, {}),
        ({"OTEL_SERVICE_NAME": "m"}, {}),
        (ENDPOINT, {"traces": HTTP}),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": " "}, {}),
        ({**ENDPOINT, "OTEL_SDK_DISABLED": "TRUE"}, {}),
        ({**ENDPOINT, "OTEL_SDK_DISABLED": "yes"}, {"traces": HTTP}),  # only `true` is
        ({**ENDPOINT, "OTEL_TRACES_EXPORTER": "none"}, {}),
        ({**ENDPOINT, "OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "otlp"}, {"metrics": HTTP}),
        ({**ENDPOINT, "OTEL_LOGS_EXPORTER": "otlp"}, {"traces": HTTP, "logs": HTTP}),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, {"traces": HTTP}),
        ({"OTEL_TRACES_EXPORTER": "console, otlp"}, {"traces": ("console", *HTTP)}),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://c/v1/metrics"}, {"metrics": HTTP}),
        ({**ENDPOINT, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, {"traces": GRPC}),
        (
            {**ENDPOINT, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf"},
            {"traces": HTTP},
        ),
        ({**ENDPOINT, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}, {"traces": ("otlp with http/json",)}),
    ],
)
def test_what_is_asked_for(variables: dict[str, str], expected: dict[str, tuple[str, ...]]) -> None:
    assert asked_of(variables).exporters == expected


def test_the_variable_that_asks_is_named() -> None:
    assert asked_of(ENDPOINT).by == "OTEL_EXPORTER_OTLP_ENDPOINT"
    assert asked_of({**ENDPOINT, "OTEL_TRACES_EXPORTER": "otlp"}).by == "OTEL_TRACES_EXPORTER"
    assert asked_of({}).by == ""
