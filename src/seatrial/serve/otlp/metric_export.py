"""The numbers of /metrics of one process, as instruments of OpenTelemetry."""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

from seatrial import __version__
from seatrial.serve.exchanges import Exchange
from seatrial.serve.metrics.counts import METHODS
from seatrial.serve.metrics.families import DEATHS, FAMILIES, SECONDS, Family
from seatrial.serve.metrics.server_metrics import ServerMetrics
from seatrial.serve.metrics.tally import Tally
from seatrial.serve.otlp.spans import OTHER_METHOD

SAME_SECONDS = 0.1  # all instruments of one collection get the same numbers
LONGEST_WAIT = 5.0  # for the event loop, which reads the numbers


class MetricExport:
    """Sends each family under its name, and durations as the semantic conventions want them."""

    def __init__(
        self, exporters: Sequence[Any], resource: Resource, metrics: ServerMetrics, scheme: str = "http"
    ) -> None:
        self._metrics, self._scheme = metrics, scheme
        self._loop = asyncio.get_running_loop()
        self._read_at = float("-inf")
        self._numbers = Tally()
        readers: list[MetricReader] = [PeriodicExportingMetricReader(exporter()) for exporter in exporters]
        self._provider = MeterProvider(readers, resource, shutdown_on_exit=False)
        meter = self._provider.get_meter("seatrial", __version__)
        for family in FAMILIES:
            if family.kind == "counter" and family != DEATHS:  # the parent process counts them
                name = family.name.removesuffix("_total")
                meter.create_observable_counter(name, [self._callback(family)], description=family.help)
            elif family.kind == "gauge":
                meter.create_observable_gauge(family.name, [self._callback(family)], description=family.help)
        self._duration = meter.create_histogram(
            "http.server.request.duration",
            unit="s",
            description="Duration of HTTP server requests.",
            explicit_bucket_boundaries_advisory=SECONDS,
        )

    def __call__(self, exchanges: Sequence[Exchange]) -> None:
        """Note how long the exchanges took."""
        for each in exchanges:
            attributes: dict[str, Any] = {
                "http.request.method": each.method if each.method in METHODS else OTHER_METHOD,
                "http.response.status_code": each.status,
                "url.scheme": self._scheme,
            }
            if each.route:
                attributes["http.route"] = each.route
            if each.status >= 500:
                attributes["error.type"] = str(each.status)
            self._duration.record(each.ended - each.began, attributes)

    def stop(self) -> None:
        """Send the last numbers."""
        self._read_at = float("-inf")
        self._provider.shutdown()

    def _callback(self, family: Family) -> Callable[[CallbackOptions], Iterable[Observation]]:
        def observe(_: CallbackOptions) -> Iterable[Observation]:
            numbers = self._read()
            part = numbers.totals if family.kind == "counter" else numbers.levels
            for key, value in part.get(family.name, {}).items():
                yield Observation(value, dict(zip(family.labels, key, strict=True)))

        return observe

    def _read(self) -> Tally:
        """The numbers, which the event loop reads: it changes them."""
        if time.monotonic() - self._read_at > SAME_SECONDS:
            reading = asyncio.run_coroutine_threadsafe(self._read_in_loop(), self._loop)
            self._numbers, self._read_at = reading.result(LONGEST_WAIT), time.monotonic()
        return self._numbers

    async def _read_in_loop(self) -> Tally:
        return self._metrics.numbers()
