"""Starts and stops what sends spans, metrics and log lines; an observer of exchanges."""

import asyncio
import os
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from loguru import logger

from seatrial.core.errors import SeatrialError
from seatrial.model import Release
from seatrial.serve.exchanges import Exchange, Observer
from seatrial.serve.metrics.server_metrics import ServerMetrics
from seatrial.serve.otlp.asked import DISABLED, Asked, asked_of
from seatrial.serve.server_settings import Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource

STOP_SECONDS = 3.0
POLL_SECONDS = 0.01
UNKNOWN_SERVICE = "unknown_service"  # what the SDK calls a service without a name


class OtlpExport:
    """What is sent for one server process. Each part gets the exchanges, the spans first, which add trace contexts."""

    def __init__(self, parts: Sequence[Any]) -> None:
        self._parts = parts

    def __call__(self, exchanges: Sequence[Exchange]) -> None:
        """Let each part note the exchanges."""
        for part in self._parts:
            part(exchanges)

    async def stop(self) -> None:
        """Send what is left, for STOP_SECONDS at most: a receiver that does not answer must not keep the server."""
        threads = [threading.Thread(target=part.stop, name="last export", daemon=True) for part in self._parts]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + STOP_SECONDS
        while any(thread.is_alive() for thread in threads):
            if time.monotonic() > deadline:
                logger.warning("OpenTelemetry's receiver did not take what was left within {:g} s.", STOP_SECONDS)
                return
            await asyncio.sleep(POLL_SECONDS)


def start_export(release: Release, metrics: ServerMetrics, settings: Settings) -> OtlpExport | None:
    """Start what the environment asks for; None where that is nothing. What cannot be is logged: the service goes on.

    Call it in the event loop that answers requests.
    """
    asked = asked_of(os.environ)
    if not asked.exporters:
        return None
    try:
        export = _export(asked, release, metrics, settings)
    except SeatrialError as error:
        logger.warning("{} {}", error.message, error.hint)
        return None
    logger.info("sending {} by OpenTelemetry, as {} asks", ", ".join(asked.exporters), asked.by)
    return export


def _export(asked: Asked, release: Release, metrics: ServerMetrics, settings: Settings) -> OtlpExport:
    try:
        from seatrial.serve.otlp.metric_export import MetricExport
        from seatrial.serve.otlp.request_logs import LogExport
        from seatrial.serve.otlp.spans import SpanExport
    except ImportError:
        raise SeatrialError(
            f"{asked.by} asks for OpenTelemetry, and it is not installed: nothing is sent.",
            hint=f"Install seatrial[otel], or set {DISABLED}=true.",
        ) from None
    classes = {signal: [_load(name, signal) for name in names] for signal, names in asked.exporters.items()}
    resource = _resource(release)
    parts: list[Observer] = []
    scheme = "https" if settings.tls else "http"
    if traces := classes.get("traces"):
        parts.append(SpanExport(traces, resource, release, scheme))
    if wanted := classes.get("metrics"):
        parts.append(MetricExport(wanted, resource, metrics, scheme))
    if logs := classes.get("logs"):
        parts.append(LogExport(logs, resource, settings.log_level))
    return OtlpExport(parts)


def _load(name: str, signal: str) -> Any:
    """The class of an exporter. Raises SeatrialError where no installed package has it."""
    for found in entry_points(group=f"opentelemetry_{signal}_exporter", name=name):
        return found.load()
    hint = (
        f"Set OTEL_{signal.upper()}_EXPORTER to otlp, console or none; OTLP by gRPC needs a package of OpenTelemetry's."
    )
    if name == "prometheus":
        hint = "Prometheus reads /metrics; it needs no variable."
    raise SeatrialError(f"OpenTelemetry has no exporter {name!r} of {signal}: nothing is sent.", hint=hint)


def _resource(release: Release) -> "Resource":
    """What sends: as the environment says, else the release and this process."""
    from opentelemetry.sdk.resources import Resource

    named = Resource.create()
    own: Mapping[str, str] = {
        "service.version": release.version,
        "service.instance.id": f"{socket.gethostname()}:{os.getpid()}",
    }
    attributes = {**own, **named.attributes}
    if str(attributes.get("service.name", UNKNOWN_SERVICE)).startswith(UNKNOWN_SERVICE):
        attributes["service.name"] = release.name
    return Resource(attributes, named.schema_url)
