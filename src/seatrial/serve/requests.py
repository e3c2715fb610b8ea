"""Reads the body of a request up to the limit."""

from typing import Any


class BodyTooLargeError(Exception):
    """The body is over the limit."""


async def read_body(headers: Any, receive: Any, limit: int) -> bytes | None:
    """Read the body; None if the client disconnected. Raises BodyTooLargeError without reading the rest."""
    for name, value in headers:
        if name == b"content-length" and int(value) > limit:
            raise BodyTooLargeError
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            raise BodyTooLargeError
        more = message.get("more_body", False)
    return parts[0] if len(parts) == 1 else b"".join(parts)
