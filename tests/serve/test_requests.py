"""Bodies, as read from an ASGI server."""

import asyncio
from typing import Any

import pytest

from seatrial.serve.requests import BodyTooLargeError, read_body


def read(*parts: bytes, limit: int = 10, headers: Any = (), disconnect: bool = False) -> tuple[bytes | None, int]:
    """Read a body that arrives in these parts; returns it, and how many messages are left."""
    last = len(parts) - (not disconnect)
    messages = [{"type": "http.request", "body": part, "more_body": i < last} for i, part in enumerate(parts)]
    messages += [{"type": "http.disconnect"}]

    async def receive() -> Any:
        return messages.pop(0)

    body = asyncio.run(read_body(headers, receive, limit))
    return body, len(messages)


@pytest.mark.parametrize("parts", [[b""], [b"0123456789"], [b"01234", b"", b"56789"], [b"", b"x"]])
def test_a_body_up_to_the_limit_is_joined(parts: list[bytes]) -> None:
    assert read(*parts) == (b"".join(parts), 1)


@pytest.mark.parametrize("parts", [[b"0123456789a"], [b"01234", b"567890"], [b"01234", b"567890", b"x"]])
def test_a_body_over_the_limit_is_an_error(parts: list[bytes]) -> None:
    with pytest.raises(BodyTooLargeError):
        read(*parts)


def test_a_declared_length_over_the_limit_is_an_error_before_anything_is_read() -> None:
    with pytest.raises(BodyTooLargeError):
        asyncio.run(read_body([(b"content-length", b"11")], None, 10))
    assert read(b"x", headers=[(b"content-length", b"10")]) == (b"x", 1)


@pytest.mark.parametrize("parts", [[], [b"01234"]])
def test_a_client_that_disconnects_has_no_body(parts: list[bytes]) -> None:
    assert read(*parts, disconnect=True) == (None, 0)
