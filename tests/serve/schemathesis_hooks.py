"""How Schemathesis sends the media types that it does not know; it loads this file itself."""

from typing import Any

import schemathesis

TYPES = (
    "text/csv",
    "application/jsonlines",
    "application/x-ndjson",
    "application/octet-stream",
    "application/vnd.apache.arrow.stream",
)


@schemathesis.serializer(*TYPES)
def as_bytes(_: Any, value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")
