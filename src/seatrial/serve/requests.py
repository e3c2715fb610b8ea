"""What is read of a request: its id and its body, within the limit."""

import random
import string
from typing import Any

ID_LENGTH = 128
_VISIBLE = (string.ascii_letters + string.digits + string.punctuation).encode()
_random = random.Random()  # noqa: S311 - ids are told apart, not kept secret


class BodyTooLargeError(Exception):
    """The body is over the limit."""


def new_id() -> str:
    """Make a request id."""
    return f"{_random.getrandbits(128):032x}"


def request_id(headers: Any) -> str:
    """Take the caller's X-Request-ID if it is short visible ASCII, or make one."""
    for name, value in headers:
        if name == b"x-request-id" and 0 < len(value) <= ID_LENGTH and not value.translate(None, _VISIBLE):
            text: str = value.decode("ascii")
            return text
    return new_id()


async def read_body(headers: Any, receive: Any, limit: int) -> bytes | None:
    """Read the body; None if the client went away. Raises BodyTooLargeError without reading the rest."""
    for name, value in headers:
        if name == b"content-length" and int(value) > limit:
            raise BodyTooLargeError
    message = await receive()
    if message["type"] == "http.disconnect":
        return None
    body: bytes = message.get("body", b"")
    if message.get("more_body", False):
        parts = [body]
        size = len(body)
        while message.get("more_body", False):
            if size > limit:
                raise BodyTooLargeError
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            parts.append(message.get("body", b""))
            size += len(parts[-1])
        body = b"".join(parts)
    if len(body) > limit:
        raise BodyTooLargeError
    return body
