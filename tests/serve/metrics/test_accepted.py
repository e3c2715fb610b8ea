"""A scrape gets the format that it gives the most weight."""

import pytest

from seatrial.serve.metrics.accepted import OPENMETRICS, TEXT, accepts_gzip, preferred

PROMETHEUS_2 = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
PROMETHEUS_3 = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", TEXT),
        ("*/*", TEXT),
        ("text/html,application/xhtml+xml,*/*;q=0.8", TEXT),
        (PROMETHEUS_2, OPENMETRICS),
        (PROMETHEUS_3, OPENMETRICS),
        ("application/openmetrics-text;q=0.5,text/plain;q=0.9", TEXT),  # prometheus-client takes the first
        ("application/openmetrics-text;q=0,text/plain", TEXT),
        ("text/plain;q=0.2,application/openmetrics-text;q=0.3", OPENMETRICS),
        ("application/openmetrics-text", OPENMETRICS),
        ("application/openmetrics-text; version=0.0.1", TEXT),  # which we do not write
        ("application/openmetrics-text; version=2.0.0, */*;q=0.1", TEXT),
        ("Application/OpenMetrics-Text; Version=1.0.0", OPENMETRICS),
        ("text/*;q=0.1,application/openmetrics-text;q=0.2", OPENMETRICS),
        ("text/plain;q=0,*/*", OPENMETRICS),
        ("application/openmetrics-text;q=nan,text/plain;q=0.1", TEXT),
        ("application/openmetrics-text;q=7", TEXT),
        (";;,,=;q=", TEXT),
    ],
)
def test_the_weights_decide(accept: str, expected: str) -> None:
    assert preferred([(b"accept", accept.encode())] if accept else []) == expected


def test_several_headers_are_one() -> None:
    assert preferred([(b"accept", b"text/plain;q=0.1"), (b"accept", b"application/openmetrics-text")]) == OPENMETRICS


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [
        ("gzip", True),
        ("deflate, gzip;q=1.0, *;q=0.5", True),
        ("*", True),
        ("gzip;q=0", False),
        ("gzip;q=0, *", False),
        ("identity", False),
        ("gzip;q=x", False),
    ],
)
def test_gzip_is_sent_to_whom_accepts_it(encoding: str, expected: bool) -> None:
    assert accepts_gzip([(b"accept-encoding", encoding.encode())]) is expected


def test_nobody_gets_gzip_unasked() -> None:
    assert accepts_gzip([]) is False
