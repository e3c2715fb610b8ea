"""Bodies, as read from an ASGI server."""

import asyncio
from typing import Any

import pytest

from seatrial.http.messages import EncodedResponse
from seatrial.serve.requests import BodyTooLargeError, read_body, seconds_of, timeout_of


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


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *((b"1", 1), (b"1.5", 1.5), (b"0.25", 0.25), (b"2s", 2), (b"1.5s", 1.5), (b"1500ms", 1.5), (b"0.5ms", 0.0005)),
        *(
            (text, 0)
            for text in (b"", b"0", b"0.0", b"0ms", b"-1", b"+1", b"1e3", b".5", b"1.", b"1,5", b"inf", b"nan")
        ),
        *((text, 0) for text in (b"1 s", b" 1", b"1m", b"1S", b"1MS", b"0x1", b"1_0", b"9" * 10, "\u0661".encode())),
    ],
)
def test_a_timeout_is_a_decimal_number_of_seconds_or_milliseconds(text: bytes, seconds: float) -> None:
    assert seconds_of(text) == pytest.approx(seconds, abs=1e-12)


def test_of_several_timeouts_the_shortest_counts_and_all_must_be_valid() -> None:
    name = b"x-request-timeout"
    assert timeout_of([(b"host", b"1")]) == 0
    assert timeout_of([(name, b"3"), (name, b"500ms")]) == 0.5
    refused = timeout_of([(name, b"3"), (name, b"soon")])
    assert isinstance(refused, EncodedResponse)
    assert refused.status == 400
