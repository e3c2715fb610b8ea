"""Reads a request for predictions: its headers, which must promise JSON, and its body up to the limit."""

from email.message import Message
from typing import Any

from seatrial.http.messages import EncodedResponse, refusal

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
NOT_JSON = "Send JSON, with the header Content-Type: application/json, %s."
UTF8 = {"utf-8", "utf8", "us-ascii", "ascii"}
# What a body begins with that is not JSON in UTF-8 but something else of a known kind.
_SIGNATURES = (
    (b"\x1f\x8b", "compressed with gzip"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd"),
    (b"\x78\x01", "compressed with deflate"),
    (b"\x78\x9c", "compressed with deflate"),
    (b"\x78\xda", "compressed with deflate"),
    (b"\xff\xfe\0\0", "encoded in UTF-32"),
    (b"\0\0\xfe\xff", "encoded in UTF-32"),
    (b"\xff\xfe", "encoded in UTF-16"),
    (b"\xfe\xff", "encoded in UTF-16"),
)


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


def unsupported(headers: Any) -> EncodedResponse | None:
    """The 415 for a body that is not plain JSON by its headers. Without a type it is taken as JSON."""
    for name, value in headers:
        text = value.decode("latin-1").strip()
        if name == b"content-type":
            media_type, charset = _media_type(text)
            if media_type != "application/json" and not (
                media_type.startswith("application/") and media_type.endswith("+json")
            ):
                return _not_json(f"not {media_type[:100] or 'an empty type'}")
            if charset not in UTF8:
                return refusal(415, f"The body must be encoded in UTF-8, not in {charset[:100]}.")
        elif name == b"content-encoding" and text.lower() not in ("", "identity"):
            return _compressed(text[:100])
    return None


def unreadable(body: bytes) -> EncodedResponse | None:
    """The 415 for a body that turns out to be compressed or in another encoding than UTF-8."""
    kind = next((kind for signature, kind in _SIGNATURES if body.startswith(signature)), "")
    if not kind and len(body) % 2 == 0 and body[:2].count(b"\0") == 1:  # one of two bytes of ASCII
        kind = "encoded in UTF-16"
    if kind.startswith("compressed"):
        return _compressed(kind.rpartition(" ")[2])
    return refusal(415, f"The body is {kind}. Send JSON in UTF-8.") if kind else None


def without_mark(body: bytes) -> bytes:
    """The body without the byte order mark that some programs put before UTF-8."""
    return body.removeprefix(BYTE_ORDER_MARK)


def _media_type(value: str) -> tuple[str, str]:
    message = Message()
    message["content-type"] = value
    charset = message.get_param("charset", "utf-8")
    media_type = value.partition(";")[0].strip().lower()
    return media_type, (charset if isinstance(charset, str) else "?").lower()


def _not_json(what: str) -> EncodedResponse:
    return refusal(415, NOT_JSON % what)


def _compressed(how: str) -> EncodedResponse:
    return refusal(415, f"The body is compressed with {how}. Send it as it is.", ((b"accept-encoding", b"identity"),))
