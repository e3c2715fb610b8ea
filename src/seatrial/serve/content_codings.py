"""Decodes compressed bodies in pieces, with a limit on what comes out: gzip and zstd, as Content-Encoding names them.

A zstd frame may ask for a window of at most 8 MiB (RFC 9659). Several gzip members or zstd frames are one body.
"""

import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from seatrial.http.messages import EncodedResponse, Headers, refusal

PIECE = 16 * 2**10  # bytes that are decoded at once; what follows a member is copied, so that it must be little
DECODED = 64 * 2**10  # bytes that come out at once
MOST_CODINGS = 3
WINDOW_LOG = 23
ACCEPTED: Headers = ((b"accept-encoding", b"gzip, zstd"),)


class BodyTooLargeError(Exception):
    """The body, or what it decodes to, is over the limit."""


class CodingError(ValueError):
    """The body is not what its Content-Encoding says."""


def codings_of(headers: Any) -> list[str]:
    """The names in the Content-Encoding headers, in the order in which they were applied, without identity."""
    names = [
        part.strip().lower()
        for name, value in headers
        if name == b"content-encoding"
        for part in value.decode("latin-1").split(",")
    ]
    return [name for name in names if name not in ("", "identity")]


def unknown_coding(codings: Sequence[str]) -> EncodedResponse | None:
    """The 415 for a coding that is not one of ours, or for too many of them."""
    for name in codings:
        if name not in _DECODERS:
            return refusal(
                415, f"The body is compressed with {name[:100]}. Send it with gzip, zstd, or as it is.", ACCEPTED
            )
    if len(codings) > MOST_CODINGS:
        return refusal(415, f"The body is compressed {len(codings)} times. Send it as it is.", ACCEPTED)
    return None


def decode(body: bytes, codings: Sequence[str], limit: int) -> bytes:
    """Decode a whole body. Raises CodingError, and BodyTooLargeError before more than `limit` bytes have come out."""
    return b"".join(decoded([body], codings, limit))


def decoded(pieces: Iterable[bytes], codings: Sequence[str], limit: int) -> Iterator[bytes]:
    """Decode the pieces of a body as they come; raises likewise. The limit is for what each of the codings gives."""
    for name in reversed(codings):
        pieces = _stage(pieces, name, limit)
    yield from pieces


def _stage(pieces: Iterable[bytes], name: str, limit: int) -> Iterator[bytes]:
    make, invalid = _DECODERS[name]()
    decoder, size = make(), 0
    fresh = False  # whether the decoder is for a further member, of which nothing has come
    try:
        for piece in pieces:
            for start in range(0, len(piece), PIECE):
                data = piece[start : start + PIECE]
                more = True
                while more:
                    fresh = fresh and not data
                    plain = decoder.decompress(data, DECODED)
                    size += len(plain)
                    if size > limit:
                        raise BodyTooLargeError
                    if plain:
                        yield plain
                    if decoder.eof:
                        data, decoder, fresh = decoder.unused_data, make(), True
                        more = bool(data)
                    else:
                        data = getattr(decoder, "unconsumed_tail", b"")
                        more = bool(data) or len(plain) == DECODED
    except invalid as error:
        raise CodingError(f"The body is not valid {name}: {error}.") from None
    if not fresh:
        raise CodingError(f"The body is not complete: its {name} data ends too early.")


def _gzip() -> tuple[Callable[[], Any], type[Exception]]:
    return lambda: zlib.decompressobj(wbits=16 + zlib.MAX_WBITS), zlib.error


def _zstd() -> tuple[Callable[[], Any], type[Exception]]:
    try:
        from compression import zstd  # type: ignore[import-not-found, unused-ignore] # since Python 3.14
    except ImportError:
        from backports import zstd
    options = {zstd.DecompressionParameter.window_log_max: WINDOW_LOG}
    return lambda: zstd.ZstdDecompressor(options=options), zstd.ZstdError


_DECODERS = {"gzip": _gzip, "x-gzip": _gzip, "zstd": _zstd}
