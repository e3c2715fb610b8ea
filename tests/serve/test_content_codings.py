"""Bodies compressed with gzip and zstd: decoded within limits, or refused."""

import asyncio
import contextlib
import gzip
import json
import random
import tracemalloc
import zlib
from typing import Any

import pytest
from backports import zstd
from tests.serve.clients import PREDICT, ask

from seatrial.serve.asgi import AsgiApp
from seatrial.serve.content_codings import BodyTooLargeError, CodingError, codings_of, decode, decoded
from seatrial.serve.service import EXPLAIN, Service

LIMIT = 2**20
SEED = 7
COMPRESS = {"gzip": gzip.compress, "zstd": zstd.compress}


def text(size: int = 300_000) -> bytes:
    return random.Random(SEED).randbytes(size // 2) + b" " * (size // 2)


@pytest.mark.parametrize("name", COMPRESS)
@pytest.mark.parametrize("step", [1, 1000, 10**9])
def test_what_was_compressed_comes_out(name: str, step: int) -> None:
    data = COMPRESS[name](text())
    pieces = [data[i : i + step] for i in range(0, len(data), step)]
    assert b"".join(decoded(pieces, [name], LIMIT)) == text()


@pytest.mark.parametrize("name", COMPRESS)
def test_several_members_are_one_body(name: str) -> None:
    parts = [b"", b"a" * 100_000, b"", text()]
    assert decode(b"".join(map(COMPRESS[name], parts)), [name], LIMIT) == b"".join(parts)


def test_several_codings_are_undone_from_the_last_one() -> None:
    body = zstd.compress(gzip.compress(text()))
    assert decode(body, ["gzip", "zstd"], LIMIT) == text()
    with pytest.raises(CodingError):
        decode(body, ["zstd", "gzip"], LIMIT)


def test_a_skippable_frame_of_zstd_is_skipped() -> None:
    frame = b"\x50\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"12345"
    assert decode(frame + zstd.compress(b"rows"), ["zstd"], LIMIT) == b"rows"


@pytest.mark.parametrize("name", COMPRESS)
def test_every_truncation_and_trailing_garbage_are_refused(name: str) -> None:
    data = COMPRESS[name](b'{"age": 7}' * 20)
    for length in range(len(data)):
        with pytest.raises(CodingError):
            decode(data[:length], [name], LIMIT)
    for garbage in (b"x", b"\0", b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"  \n"):
        with pytest.raises(CodingError):
            decode(data + garbage, [name], LIMIT)


@pytest.mark.parametrize("name", COMPRESS)
def test_flipped_bits_never_raise_anything_else(name: str) -> None:
    data, generator = bytearray(COMPRESS[name](text(2_000))), random.Random(SEED)
    for _ in range(2_000):
        place, bit = generator.randrange(len(data)), 1 << generator.randrange(8)
        data[place] ^= bit
        with contextlib.suppress(CodingError, BodyTooLargeError):
            decode(bytes(data), [name], LIMIT)
        data[place] ^= bit
    assert decode(bytes(data), [name], LIMIT) == text(2_000)


def bombs() -> dict[str, tuple[bytes, list[str]]]:
    zeros = bytes(2**26)
    members = gzip.compress(b"") * 2_000_000
    return {
        "gzip": (gzip.compress(zeros), ["gzip"]),
        "zstd": (zstd.compress(zeros), ["zstd"]),
        "twice": (gzip.compress(gzip.compress(zeros)), ["gzip", "gzip"]),
        "empty members inside": (zstd.compress(members), ["gzip", "zstd"]),
    }


@pytest.mark.parametrize("kind", ["gzip", "zstd", "twice", "empty members inside"])
def test_a_bomb_is_refused_before_it_takes_memory(kind: str) -> None:
    body, names = bombs()[kind]
    tracemalloc.start()
    with pytest.raises(BodyTooLargeError):
        decode(body, names, LIMIT)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3 * LIMIT, peak


def test_a_window_of_more_than_8_mib_is_refused() -> None:
    options = {zstd.CompressionParameter.window_log: 27, zstd.CompressionParameter.enable_long_distance_matching: 1}
    compressor = zstd.ZstdCompressor(options=options)
    body = compressor.compress(b"x" * 1000) + compressor.flush()
    with pytest.raises(CodingError):
        decode(body, ["zstd"], LIMIT)


def test_the_names_are_read_from_all_headers() -> None:
    headers = [(b"content-encoding", b"GZIP, identity"), (b"x", b"br"), (b"content-encoding", b" zstd,")]
    assert codings_of(headers) == ["gzip", "zstd"]


@pytest.fixture(scope="module")
def app(titanic: Any) -> Any:
    from seatrial.serve.server_settings import Settings

    service = Service(titanic, Settings())
    service.load()
    yield AsgiApp(service)
    service.stop()


def status_of(app: AsgiApp, body: bytes, coding: str, path: str = PREDICT) -> tuple[int, str]:
    reply = asyncio.run(ask(app, path=path, body=body, headers=[("content-encoding", coding)]))
    return reply.status, reply.body.decode()


DOORS = [
    (PREDICT, lambda row: row),
    (EXPLAIN, lambda row: row),
    ("/score", lambda row: {"data": [row]}),
    ("/invocations", lambda row: {"dataframe_records": [row]}),
    ("/v1/models/titanic-model:predict", lambda row: {"instances": [row]}),
    (
        "/v2/models/titanic-model/infer",
        lambda row: {"inputs": [{"name": n, "datatype": kind(v), "shape": [1], "data": [v]} for n, v in row.items()]},
    ),
]


def kind(value: Any) -> str:
    return {int: "INT64", float: "FP64", str: "BYTES"}[type(value)]


@pytest.mark.parametrize(("path", "wrap"), DOORS)
@pytest.mark.parametrize("coding", COMPRESS)
def test_every_route_decodes_and_passes_over_a_mark(app: AsgiApp, path: str, wrap: Any, coding: str) -> None:
    plain = json.dumps(wrap(app.service.release.metadata.example)).encode()
    status, answer = status_of(app, plain, "identity", path)
    assert status == 200, answer
    for body in (plain, b"\xef\xbb\xbf" + plain, plain + b" " * 100_000, b"\xef\xbb\xbf" + plain + b" " * 100_000):
        for sent, coded in ((body, "identity"), (COMPRESS[coding](body), coding)):
            assert status_of(app, sent, coded, path)[0] == 200
    assert status_of(app, COMPRESS[coding](plain)[:-5], coding, path)[0] == 400
    assert status_of(app, COMPRESS[coding](bytes(2**22)), coding, path)[0] == 413
    assert status_of(app, zlib.compress(plain), "deflate", path)[0] == 415
    assert status_of(app, plain.decode().encode("utf-16"), "identity", path)[0] == 415


@pytest.mark.parametrize(("path", "wrap"), DOORS)
def test_a_key_that_is_there_twice_is_refused_on_every_route(app: AsgiApp, path: str, wrap: Any) -> None:
    good = json.dumps(wrap(app.service.release.metadata.example)).encode()
    for twice in (b'"age": 1, "age":', b'"\\u0061ge": 1, "age":'):
        body = (
            good.replace(b'"age":', twice) if b'"age":' in good else good.replace(b'"data":', b'"data": [1], "data":')
        )
        status, answer = status_of(app, body, "identity", path)
        assert status in (400, 422)
        assert "twice" in answer
        assert "age" in answer or "data" in answer
    assert status_of(app, good.replace(b"Marsh, Miss", b'a: \\"b\\": c'), "identity", path)[0] == 200
