"""Writes numbers in the text formats of Prometheus, by prometheus-client; loaded at the first scrape."""

import gzip
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

from seatrial.http.messages import EncodedResponse
from seatrial.serve.metrics.accepted import OPENMETRICS, accepts_gzip, preferred
from seatrial.serve.metrics.families import FAMILIES, Family
from seatrial.serve.metrics.tally import Tally

VARY = (b"vary", b"accept, accept-encoding")


class TallyCollector(Collector):
    """A tally as prometheus-client collects them; `facts` are of the release."""

    def __init__(self, numbers: Tally, facts: Mapping[str, str]) -> None:
        self._numbers = numbers
        self._facts = facts

    def collect(self) -> Iterator[Metric]:
        """Yield each family that has numbers."""
        for family in FAMILIES:
            if family.kind == "info":
                yield InfoMetricFamily(family.name.removesuffix("_info"), family.help, dict(self._facts))
            elif family.kind == "histogram":
                yield self._histogram(family)
            else:
                yield self._values(family)

    def _values(self, family: Family) -> Metric:
        totals = family.kind == "counter"
        kind = CounterMetricFamily if totals else GaugeMetricFamily
        metric = kind(family.name, family.help, labels=family.labels)
        values = (self._numbers.totals if totals else self._numbers.levels).get(family.name, {})
        for key in sorted(values):
            metric.add_metric(key, values[key])
        return metric

    def _histogram(self, family: Family) -> Metric:
        metric = HistogramMetricFamily(family.name, family.help, labels=family.labels)
        ends = [*map(repr, family.bounds), "+Inf"]
        histograms = self._numbers.histograms.get(family.name, {})
        for key in sorted(histograms):
            *counts, total = histograms[key]
            metric.add_metric(key, list(zip(ends, accumulate(counts), strict=True)), total)
        return metric


def respond(numbers: Tally, facts: Mapping[str, str], headers: Sequence[tuple[bytes, bytes]]) -> EncodedResponse:
    """Answer a scrape in the format and the encoding that its headers prefer."""
    collector = TallyCollector(numbers, facts)
    if preferred(headers) == OPENMETRICS:
        body = openmetrics.generate_latest(collector)  # type: ignore[no-untyped-call]
        content_type = openmetrics.CONTENT_TYPE_LATEST
    else:
        body, content_type = generate_latest(collector), CONTENT_TYPE_PLAIN_0_0_4
    own = ((b"content-type", content_type.encode()), VARY)
    if accepts_gzip(headers):
        return EncodedResponse(200, gzip.compress(body, 5, mtime=0), (*own, (b"content-encoding", b"gzip")))
    return EncodedResponse(200, body, own)
