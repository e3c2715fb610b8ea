"""What the headers of a scrape prefer, by their weights: prometheus-client takes the first format that it knows."""

import re
from collections.abc import Iterator, Sequence

TEXT, OPENMETRICS = "text/plain", "application/openmetrics-text"
VERSIONS = {OPENMETRICS: "1.0.0", TEXT: "0.0.4"}
_WEIGHT = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?", re.ASCII)

Headers = Sequence[tuple[bytes, bytes]]


def preferred(headers: Headers) -> str:
    """TEXT or OPENMETRICS. The exact name counts for more than a pattern; TEXT is what a caller gets without a wish."""
    best, weight = TEXT, 0.0
    weights = {format_: _weight_of(format_, list(_listed(headers, b"accept"))) for format_ in (TEXT, OPENMETRICS)}
    for format_, found in weights.items():
        if found > weight:
            best, weight = format_, found
    return best


def accepts_gzip(headers: Headers) -> bool:
    """Whether the caller accepts gzip."""
    weights = {name: weight for name, _, weight in _listed(headers, b"accept-encoding")}
    return weights.get("gzip", weights.get("*", 0.0)) > 0


def _weight_of(format_: str, listed: list[tuple[str, dict[str, str], float]]) -> float:
    """The weight of the most specific pattern that fits a format; of several, the highest."""
    major = format_.partition("/")[0]
    for patterns in ((format_,), (f"{major}/*",), ("*/*",)):
        found = [
            weight
            for name, parameters, weight in listed
            if name in patterns and parameters.get("version", VERSIONS[format_]) == VERSIONS[format_]
        ]
        if found:
            return max(found)
    return 0.0


def _listed(headers: Headers, header: bytes) -> Iterator[tuple[str, dict[str, str], float]]:
    """Yield the names in a header, each with its parameters and its weight; 0 for a weight that is none."""
    for name, value in headers:
        if name == header:
            for part in value.decode("latin-1").split(","):
                what, *rest = (piece.strip() for piece in part.split(";"))
                pairs = (piece.partition("=") for piece in rest)
                parameters = {key.strip().lower(): text.strip().strip('"') for key, _, text in pairs}
                weight = parameters.pop("q", "1")
                yield what.lower(), parameters, float(weight) if _WEIGHT.fullmatch(weight) else 0.0
