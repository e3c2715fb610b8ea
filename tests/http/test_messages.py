"""Request IDs, and responses as bytes."""

import pytest

from seatrial.http.messages import RETRY, refusal, request_id, to_wire


@pytest.mark.parametrize("sent", [b"abc-1", b"x" * 128, b'q"\\'])
def test_a_short_visible_request_id_is_kept(sent: bytes) -> None:
    assert request_id([(b"accept", b"*/*"), (b"x-request-id", sent)]) == sent.decode()


@pytest.mark.parametrize("sent", [b"", b"a b", b"x" * 129, b"a\x01b", "\u00e9".encode()])
def test_any_other_request_id_is_replaced(sent: bytes) -> None:
    first, second = (request_id([(b"x-request-id", sent)]) for _ in range(2))
    assert first != second
    assert len(first) == len(second) == 32


def test_a_refusal_on_the_wire_has_the_servers_headers_and_its_own() -> None:
    wire = to_wire(refusal(503, "Later.", RETRY), "id-1", [(b"date", b"today")], keep_alive=False)
    head, _, body = wire.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"HTTP/1.1 503 Service Unavailable"
    assert {b"date: today", b"retry-after: 1", b"x-request-id: id-1", b"connection: close"} <= set(lines)
    assert f"content-length: {len(body)}".encode() in lines
    assert body == b'{"detail":"Later."}'
