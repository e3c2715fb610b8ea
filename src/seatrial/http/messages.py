"""The parts of HTTP that all our servers share: request IDs, refusals, and a response as bytes on the wire."""

import json
import random
import string
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, NamedTuple

ID_LENGTH = 128
_VISIBLE = (string.ascii_letters + string.digits + string.punctuation).encode()
IDS_MADE = 64
_ids: list[str] = []
_random = random.Random()  # noqa: S311 - IDs must differ; they are not secrets

Headers = tuple[tuple[bytes, bytes], ...]

# Headers of every response, besides its length and its request ID; browsers must not guess the content type.
JSON = (b"content-type", b"application/json")
NO_SNIFFING = (b"x-content-type-options", b"nosniff")
REQUEST_ID = b"x-request-id"
RETRY: Headers = ((b"retry-after", b"1"),)


class EncodedResponse(NamedTuple):
    """An HTTP response without its request ID header."""

    status: int
    body: bytes
    headers: Headers = ()


def to_bytes(document: Any) -> bytes:
    """Render JSON exactly as FastAPI renders its own responses."""
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def refusal(status: int, detail: str, headers: Headers = ()) -> EncodedResponse:
    """An error in the form of FastAPI's HTTPException."""
    return EncodedResponse(status, to_bytes({"detail": detail}), headers)


def request_id(headers: Any) -> str:
    """The caller's X-Request-ID if it is short and visible ASCII, or else a new ID."""
    for name, value in headers:
        if name == REQUEST_ID and 0 < len(value) <= ID_LENGTH and not value.translate(None, _VISIBLE):
            text: str = value.decode("ascii")
            return text
    return new_id()


def new_id() -> str:
    """A request ID that no other request has."""
    try:
        return _ids.pop()
    except IndexError:  # many at a time are made in a third of the time
        digits = _random.randbytes(16 * IDS_MADE).hex()
        _ids.extend(digits[start : start + 32] for start in range(0, len(digits), 32))
        return _ids.pop()


def to_wire(response: EncodedResponse, request_id: str, more: list[tuple[bytes, bytes]], *, keep_alive: bool) -> bytes:
    """Encode a response for the wire; `more` are headers that all responses of the server have."""
    status, body, others = response
    head = (_HEAD if not others or content_type(others) else _UNTYPED) % (len(body), request_id.encode())
    end = b"\r\n" if keep_alive else b"connection: close\r\n\r\n"
    if others:
        head += _lines(others)
    return b"".join((_STATUS_LINES[status], _shared.lines(more), head, end, body))


def _lines(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    return b"".join([b"%b: %b\r\n" % line for line in headers])


class _SharedLines:
    """Encodes what all responses have once for as long as it is the same list; Uvicorn makes one each second."""

    def __init__(self) -> None:
        self._headers: list[tuple[bytes, bytes]] = []
        self._encoded = b""

    def lines(self, headers: list[tuple[bytes, bytes]]) -> bytes:
        if headers is not self._headers:
            self._headers, self._encoded = headers, _lines(headers)
        return self._encoded


def content_type(headers: Headers) -> Headers:
    """The header for JSON, unless there is one already."""
    return () if headers and any(name == JSON[0] for name, _ in headers) else (JSON,)


async def send_response(send: Any, response: EncodedResponse, request_id: str) -> None:
    """Send a response as an ASGI application does."""
    status, body, more = response
    length = (b"content-length", b"%d" % len(body))
    headers = [*content_type(more), length, NO_SNIFFING, (REQUEST_ID, request_id.encode()), *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


_shared = _SharedLines()
_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}
_UNTYPED = b"content-length: %%d\r\n%b: %b\r\n%b: %%b\r\n" % (*NO_SNIFFING, REQUEST_ID)
_HEAD = b"%b: %b\r\ncontent-length: %%d\r\n%b: %b\r\n%b: %%b\r\n" % (*JSON, *NO_SNIFFING, REQUEST_ID)
