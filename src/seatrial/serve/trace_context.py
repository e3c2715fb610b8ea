"""W3C trace context: the header traceparent, which says what trace a request is a part of."""

import re
from typing import NamedTuple

SAMPLED = 1
_TRACEPARENT = re.compile(
    rb"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.DOTALL
)


class TraceParent(NamedTuple):
    """The trace and the span that a request comes from, as hexadecimal numbers, and whether they are recorded."""

    trace_id: str
    span_id: str
    sampled: bool


def parse_traceparent(header: bytes) -> TraceParent | None:
    """Read the header; None where it is not valid, which is as if there were none."""
    if not (found := _TRACEPARENT.fullmatch(header.strip(b" \t"))):
        return None
    version, trace_id, span_id, flags, more = found.groups()
    if version == b"00" and more is not None:  # what comes after the flags is for later versions
        return None
    return TraceParent(trace_id.decode(), span_id.decode(), bool(int(flags, 16) & SAMPLED))
