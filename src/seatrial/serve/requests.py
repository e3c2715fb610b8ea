"""Reads a request for predictions: its headers, which must promise JSON, and its body up to the limit."""

import re
from collections.abc import Mapping
from email.message import Message
from functools import lru_cache
from typing import Any

from seatrial.http.messages import EncodedResponse, refusal
from seatrial.serve.content_codings import ACCEPTED, BodyTooLargeError, codings_of, unknown_coding

TIMEOUT = b"x-request-timeout"  # the header with the seconds that a caller waits
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


_DURATION = re.compile(rb"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|s)?")
_WRONG_TIMEOUT = refusal(400, "X-Request-Timeout must be a number of seconds above 0, as in 1.5, 1.5s or 1500ms.")


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


def seconds_of(value: bytes) -> float:
    """The seconds in an X-Request-Timeout header, 0 where it is not valid."""
    found = _DURATION.fullmatch(value)
    return float(found[1]) / (1000 if found[2] == b"ms" else 1) if found else 0.0


def timeout_of(headers: Any) -> float | EncodedResponse:
    """The seconds that the caller waits, 0 if it does not say, or the 400 for what cannot be read."""
    values = [value for name, value in headers if name == TIMEOUT]
    if not values:
        return 0.0
    return min(map(seconds_of, values)) or _WRONG_TIMEOUT


def unsupported(headers: Any, others: frozenset[str] = frozenset()) -> EncodedResponse | None:
    """The 415 for a body that by its headers is neither JSON nor of the types `others`, or encoded as we cannot decode.

    Without a type it is accepted.
    """
    for name, value in headers:
        text = value.decode("latin-1").strip()
        if name == b"content-type":
            media_type, charset, _ = content_type_of(text)
            if not is_json(media_type) and media_type not in others:
                return _not_json(f"not {media_type[:100] or 'an empty type'}")
            if charset not in UTF8:
                return refusal(415, f"The body must be encoded in UTF-8, not in {charset[:100]}.")
    return unknown_coding(codings_of(headers))


def wants_page(headers: Any) -> bool:
    """Whether the caller is a browser: clients of KServe and Azure ML check GET / for a server that is alive."""
    return any(name == b"accept" and b"text/html" in value.lower() for name, value in headers)


def unreadable(body: bytes) -> EncodedResponse | None:
    """The 415 for a body that turns out to be compressed or in another encoding than UTF-8."""
    kind = next((kind for signature, kind in _SIGNATURES if body.startswith(signature)), "")
    if not kind and len(body) % 2 == 0 and body[:2].count(b"\0") == 1:  # one of two bytes of ASCII
        kind = "encoded in UTF-16"
    if kind.startswith("compressed"):
        name = kind.rpartition(" ")[2]
        known = f"Say so with the header Content-Encoding: {name}" if name != "deflate" else "Use gzip or zstd"
        return refusal(415, f"The body is {kind}. {known}, or send it as it is.", ACCEPTED)
    return refusal(415, f"The body is {kind}. Send it in UTF-8.") if kind else None


def without_mark(body: bytes) -> bytes:
    """The body without the byte order mark that some programs put before UTF-8."""
    return body.removeprefix(BYTE_ORDER_MARK)


def accepted(header: str, types: Mapping[str, str], default: str) -> str | None:
    """The value in `types` of the media type that an Accept header prefers; None if it accepts none of them.

    `default` is for callers that do not say.
    """
    best, rank = (None if header else default), (0.0, 0)
    for part in header.split(",") if header else ():
        media_type, *parameters = (piece.strip().lower() for piece in part.split(";"))
        main = media_type.removesuffix("*") if media_type.endswith("/*") and media_type != "*/*" else ""
        found = types.get(media_type) or (default if media_type == "*/*" else None)
        if main:
            found = next((value for value in (default, *types.values()) if value.startswith(main)), None)
        weight = next((_weight(each[2:]) for each in parameters if each.startswith("q=")), 1.0)
        own = (weight, 0 if "*" in media_type else 1)
        if found and weight > 0 and own > rank:
            best, rank = found, own
    return best


def _weight(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 1.0


def is_json(media_type: str) -> bool:
    """Whether a media type is JSON, or one of those that are written in JSON."""
    return media_type == "application/json" or (media_type.startswith("application/") and media_type.endswith("+json"))


@lru_cache(64)  # parsing takes as long as a prediction
def content_type_of(value: str) -> tuple[str, str, str]:
    """The media type and the charset in a Content-Type header, in lower case, and the name of any other parameter."""
    message = Message()
    message["content-type"] = value
    parameters = message.get_params(failobj=[])[1:]
    charset = message.get_param("charset", "utf-8")
    media_type = value.partition(";")[0].strip().lower()
    other = next((name for name, _ in parameters if name and name.lower() != "charset"), "")
    return media_type, (charset if isinstance(charset, str) else "?").lower(), other


def _not_json(what: str) -> EncodedResponse:
    return refusal(415, NOT_JSON % what)
