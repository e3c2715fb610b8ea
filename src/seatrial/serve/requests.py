"""Reads a request: its ID, and its body up to the limit."""

import random
import string
from typing import Any

ID_LENGTH = 128
_VISIBLE = (string.ascii_letters + string.digits + string.punctuation).encode()
_random = random.Random()  # noqa: S311 - IDs must differ; they are not secrets


class BodyTooLargeError(Exception):
    """The body is over the limit."""


def request_id(headers: Any) -> str:
    """The caller's X-Request-ID if it is short and visible ASCII, or else a new ID."""
    for name, value in headers:
        if name == b"x-request-id" and 0 < len(value) <= ID_LENGTH and not value.translate(None, _VISIBLE):
            text: str = value.decode("ascii")
            return text
    return f"{_random.getrandbits(128):032x}"


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
