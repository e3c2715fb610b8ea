"""Cuts a large JSON list of rows into short ones, so that a thread that validates it can let others work in between.

The validator holds the interpreter's lock for as long as one call takes: 100 ms for a megabyte of rows.
"""

import re
from collections.abc import Iterator

SLICE = 8 * 2**10  # bytes, validated in a millisecond
SPACE = b" \t\r\n"
_BETWEEN = re.compile(rb"\}[ \t\r\n]*,[ \t\r\n]*(?=\{)")


def rows_within(body: bytes, start: int, *, wrapped: bool) -> bytes | None:
    """The text between the brackets of a list that begins at `start`; None where the body does not end as it should."""
    text = body.rstrip(SPACE)
    if wrapped:
        if not text.endswith(b"}"):
            return None
        text = text[:-1].rstrip(SPACE)
    return text[start:-1] if text.endswith(b"]") and len(text) > start else None


def slices(rows: bytes) -> Iterator[bytes]:
    """Cut objects that are separated by commas into JSON lists of some kilobytes.

    A cut is never inside a string. If the text is not a list of flat objects, a slice may be invalid although the whole
    is not, but never the other way round.
    """
    start = end = 0
    inside = False  # whether `end` is inside a string
    for match in _BETWEEN.finditer(rows):
        inside ^= _quotes(rows[end : match.start()]) % 2 == 1
        end = match.start()
        if not inside and end - start >= SLICE:
            yield b"[%b}]" % rows[start:end]
            start = end = match.end()
    yield b"[%b]" % rows[start:]


def _quotes(text: bytes) -> int:
    """Count the quotes that begin or end a string."""
    if b"\\" in text:
        text = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    return text.count(b'"')
