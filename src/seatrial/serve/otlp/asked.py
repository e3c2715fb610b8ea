"""What OpenTelemetry's environment variables ask for; read without its SDK."""

from collections.abc import Mapping
from dataclasses import dataclass, field

DISABLED = "OTEL_SDK_DISABLED"
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
PROTOCOL = "OTEL_EXPORTER_OTLP_PROTOCOL"
SIGNALS = ("traces", "metrics", "logs")
DEFAULT_PROTOCOL = "http/protobuf"  # the specification's; the SDK's own choice would be grpc
EXPORTERS = {"http/protobuf": "otlp_proto_http", "grpc": "otlp_proto_grpc"}


@dataclass(frozen=True)
class Asked:
    """The names of the exporters of each signal, and which variable asked first; none where OpenTelemetry is off."""

    exporters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    by: str = ""


def asked_of(environment: Mapping[str, str]) -> Asked:
    """Read the variables. An endpoint alone asks for traces; metrics and logs have to be named."""
    if environment.get(DISABLED, "").strip().lower() == "true":
        return Asked()
    exporters, by = {}, ""
    for signal in SIGNALS:
        name, own = f"OTEL_{signal.upper()}_EXPORTER", f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT"
        endpoints = [own, ENDPOINT] if signal == "traces" else [own]
        text = environment.get(name, "").strip()
        asking = name if text else next((each for each in endpoints if environment.get(each, "").strip()), "")
        names = [part.strip() for part in (text or ("otlp" if asking else "")).split(",")]
        chosen = tuple(_exporter(part, signal, environment) for part in names if part and part.lower() != "none")
        if chosen:
            exporters[signal] = chosen
            by = by or asking
    return Asked(exporters, by)


def _exporter(name: str, signal: str, environment: Mapping[str, str]) -> str:
    """The name under which a package registers an exporter; of OTLP there is one for each protocol."""
    if name != "otlp":
        return name
    own = f"OTEL_EXPORTER_OTLP_{signal.upper()}_PROTOCOL"
    protocol = (environment.get(own) or environment.get(PROTOCOL) or DEFAULT_PROTOCOL).strip()
    return EXPORTERS.get(protocol, f"otlp with {protocol}")
