"""Tables of any length on /api/v1/predict: the answers are those to rows of JSON, and nobody waits for ever."""

import asyncio
import gzip
import itertools
import json
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest
from backports import zstd
from tests.serve.bulk.tables import ARROW, CSV, LINES, READ, WRITE, as_csv, as_lines, from_lines, stream_of, table_of
from tests.serve.clients import Client, Reply, ask, threaded, until
from tests.serve.doors.dialects import read_native
from tests.serve.doors.test_same_answers import row
from tests.serve.hostile_bodies import hostile_bodies

from seatrial.core.access_keys import make_key, render_keys
from seatrial.model import Release
from seatrial.serve import create_app
from seatrial.serve.app import create_fastapi
from seatrial.serve.asgi import AsgiApp
from seatrial.serve.exchanges import Exchange
from seatrial.serve.server_settings import Settings
from seatrial.serve.service import PREDICT, Service

SEED = 20261201
KEEP = b"on_bad_rows=keep"


@contextmanager
def application(release: Release, **settings: Any) -> Iterator[AsgiApp]:
    service = Service(release, Settings(**settings))
    service.load()
    yield AsgiApp(service)
    service.stop()


def post(app: Any, form: str, body: bytes, accept: str = "", query: bytes = b"", **more: str) -> Reply:
    headers = [("content-type", form), *([("accept", accept)] if accept else []), *more.items()]
    return asyncio.run(ask(app, body=body, headers=headers, query=query, pieces=3))


def judged(app: AsgiApp, rows: list[dict[str, Any]]) -> list[tuple[Any, list[float], int] | None]:
    """What the JSON route says about each row: the prediction, the probabilities and the number of warnings, or None."""

    async def all_of_them() -> list[Reply]:
        return [await ask(app, body=json.dumps(each).encode()) for each in rows]

    good = [reply.status == 200 for reply in asyncio.run(all_of_them())]
    # The engine may round the last bit in another way for another number of rows.
    together = asyncio.run(ask(app, body=json.dumps(list(itertools.compress(rows, good))).encode()))
    unseen = Counter(warning["row"] for warning in together.json().get("warnings", ()))
    answers = enumerate(read_native(app.service.release, together))
    judgements = ((*answer, unseen[number]) for number, answer in answers)
    return [next(judgements) if each else None for each in good]


@pytest.mark.parametrize("kind", ["titanic", "multiclass", "regression", "native"])
def test_the_answers_are_those_of_the_json_route(kind: str, request: pytest.FixtureRequest) -> None:
    """A few thousand rows, good and bad, in each form, bit by bit."""
    release: Release = request.getfixturevalue(kind)
    generator = random.Random(SEED)
    count = 1500 if kind == "titanic" else 200
    with application(release) as app:
        for sent, whole in ((CSV, True), (ARROW, True), (LINES, False)):
            typed = sent != LINES
            rows = [row(release, generator, typed=typed, whole=whole) for _ in range(count)]
            if sent == ARROW:  # a column has one type, which these values do not have
                rows = [each for each in rows if fits(release, each)]
            expected = judged(app, rows)
            assert count / 10 < expected.count(None) < count * 9 / 10
            body = WRITE[sent](release, rows)
            for wanted in (CSV, LINES, ARROW):
                reply = post(app, sent, body, wanted, KEEP)
                assert reply.status == 200, reply.body[:300]
                assert reply.headers["content-type"].startswith(wanted)
                answers = READ[wanted](release, reply.body)
                assert len(answers) == len(rows)
                for number, (answer, known, each) in enumerate(zip(answers, expected, rows, strict=True)):
                    place = (SEED, kind, sent, wanted, number, each, answer, known)
                    if known is None:
                        assert answer.prediction is None, place
                        assert "refused: " in (answer.warnings or ""), place
                    else:
                        assert (answer.prediction, answer.probabilities) == known[:2], place
                        assert (answer.warnings or "").count(": ") >= known[2], place
            first = expected.index(None)
            reply = post(app, sent, body)
            assert reply.status == 422
            assert reply.json()["detail"][0]["loc"][:2] == ["body", first]


def fits(release: Release, values: dict[str, Any]) -> bool:
    try:
        table_of(release, [values])
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return False
    return all(
        type(values[c.name]) is not float or c.kind != "integer" or values[c.name] % 1 == 0 for c in release.columns
    )


@pytest.mark.parametrize("form", [CSV, LINES, ARROW])
def test_fastapi_and_the_asgi_application_answer_alike(multiclass: Release, form: str) -> None:
    rows = [multiclass.metadata.example] * 3
    with application(multiclass) as app:
        bodies = {"good": WRITE[form](multiclass, rows), "bad": b"\x01\x02" * 50, "none": WRITE[form](multiclass, [])}
        for body in bodies.values():
            own = post(app, form, body, **{"x-request-id": "x"})
            other = post(create_fastapi(app.service), form, body, **{"x-request-id": "x"})
            assert own == other
        assert post(app, form, bodies["good"]).status == 200
        assert post(app, form, bodies["bad"]).status == 422


@pytest.mark.parametrize("form", [CSV, LINES, ARROW])
def test_a_table_without_rows_has_an_answer_without_rows(titanic: Release, form: str) -> None:
    with application(titanic) as app:
        reply = post(app, form, WRITE[form](titanic, []))
        assert reply.status == 200
        assert READ[form](titanic, reply.body) == []


def test_accept_chooses_the_form(titanic: Release) -> None:
    body = as_csv(titanic, [titanic.metadata.example])
    chosen = {
        "*/*": CSV,
        "application/json, text/plain, */*": CSV,
        "text/*": CSV,
        "application/*": ARROW,
        ARROW: ARROW,
        f"{CSV};q=0.5, {LINES}": LINES,
        f"{LINES};q=0.1, {ARROW};q=0.1, {CSV};q=0": LINES,
        "application/jsonl": LINES,
        "*/*, " + ARROW: ARROW,
        "application/json": "",
        "text/html": "",
        f"{CSV};q=0": "",
    }
    with application(titanic) as app:
        for accept, form in chosen.items():
            reply = post(app, CSV, body, accept)
            assert reply.status == (200 if form else 406), accept
            assert reply.headers["content-type"].startswith(form or "application/json"), accept


def test_what_is_refused_before_a_row_is_read(titanic: Release) -> None:
    body = as_csv(titanic, [titanic.metadata.example])
    utf_16, packed = body.decode().encode("utf-16"), gzip.compress(body)
    with application(titanic, bulk_limit=10_000) as app:
        for sent, headers, status, text in (
            (body, {"content-type": "text/csv; charset=latin-1"}, 415, "latin-1"),
            (body, {"content-type": "application/gzip"}, 415, "application/gzip"),
            (body, {"content-type": "application/vnd.apache.arrow.file"}, 415, "arrow.file"),
            (utf_16, {"content-type": CSV}, 415, "UTF-16"),
            (body.decode().encode("utf-16-le"), {"content-type": CSV}, 415, "UTF-16"),
            (packed, {"content-type": CSV}, 415, "Content-Encoding: gzip"),
            (gzip.compress(packed), {"content-type": CSV, "content-encoding": "gzip"}, 415, "gzip"),
            (body, {"content-type": CSV, "content-encoding": "br"}, 415, "br"),
            (packed[:-3], {"content-type": CSV, "content-encoding": "gzip"}, 400, "ends too early"),
            (b"x" * 10_001, {"content-type": CSV}, 413, "10,000"),
            (gzip.compress(body * 1000), {"content-type": CSV, "content-encoding": "gzip"}, 413, "10,000"),
        ):
            reply = asyncio.run(ask(app, body=sent, headers=list(headers.items())))
            assert reply.status == status, (headers, reply)
            assert (reply.status, text in reply.json()["detail"]) == (status, True), (headers, reply)
        for query in (b"on_bad_rows=drop", b"on_bad_rows=", b"on_bad_rows=fail&on_bad_rows=x"):
            reply = post(app, CSV, body, query=query)
            assert (reply.status, reply.json()["detail"][0]["loc"]) == (422, ["query", "on_bad_rows"]), query
        both = [("content-type", CSV), ("content-type", "application/json")]
        assert asyncio.run(ask(app, body=body, headers=both)).status == 415


@pytest.mark.parametrize("coding", ["gzip", "zstd", "gzip, zstd"])
def test_compressed_tables_are_decoded_as_they_arrive(titanic: Release, coding: str) -> None:
    body = as_csv(titanic, [titanic.metadata.example] * 5000)
    packed = body
    for name in coding.split(", "):
        packed = {"gzip": gzip.compress, "zstd": zstd.compress}[name](packed)
    with application(titanic) as app:
        assert post(app, CSV, packed, **{"content-encoding": coding}).body == post(app, CSV, body).body


def test_without_pyarrow_arrow_is_refused_with_the_name_of_the_extra(
    titanic: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seatrial.serve.bulk.bulk_requests.find_spec", lambda _: None)
    rows = [titanic.metadata.example]
    with application(titanic) as app:
        for form, accept, status in ((ARROW, "", 415), (CSV, ARROW, 406)):
            reply = post(app, form, WRITE[form](titanic, rows), accept)
            assert reply.status == status
            assert "`bulk`" in reply.json()["detail"]
        assert post(app, CSV, as_csv(titanic, rows)).status == 200


def test_rows_are_counted_and_logged_with_their_numbers(titanic: Release, tmp_path: Path) -> None:
    good = titanic.metadata.example
    rows = [good, {**good, "age": -5}, {**good, "age": 99}, good]
    seen: list[Exchange] = []
    service = Service(titanic, Settings(prediction_log=str(tmp_path)))
    service.load()
    app = AsgiApp(service)
    app.exchanges.observers.append(seen.extend)
    for form in (CSV, LINES, ARROW):
        post(app, form, WRITE[form](titanic, rows), query=KEEP, **{"x-request-id": form})
        app.exchanges.flush()
    service.stop()
    records = [
        json.loads(line) for path in sorted(tmp_path.rglob("*.jsonl")) for line in path.read_bytes().splitlines()
    ]
    names = [column.name for column in titanic.columns]
    for form in (CSV, LINES, ARROW):
        own = [record for record in records if record["id"] == form]
        answered = {
            record["first"] + place: dict(zip(names, values, strict=True))
            for record in own
            if "rows" in record
            for place, values in enumerate(record["rows"])
        }
        assert sorted(answered) == [0, 2, 3]
        expected = {name: good.get(name) for name in names}
        assert answered[0] == answered[3] == expected
        assert type(answered[0]["pclass"]) is int
        assert answered[2]["age"] == 99
        assert [record["unseen"] for record in own if "unseen" in record] == [[[2, "age"]]]
        assert [record["errors"] for record in own if "errors" in record] == [[[1, "age", "greater_than_equal"]]]
        assert all(record["part"] == 1 for record in own if "rows" in record)
    assert [sum(each.decided.values()) for each in seen if each.decided] == [3, 3, 3]
    assert [len(each.errors) for each in seen] == [1, 1, 1]
    assert service.unseen == Counter({("age", "above_range"): 3})


def test_a_log_that_is_full_refuses_before_anything_is_answered(titanic: Release, tmp_path: Path) -> None:
    log = json.dumps({"to": str(tmp_path), "spool_megabytes": 1, "when_full": "refuse"})
    body = as_csv(titanic, [titanic.metadata.example] * 20_000)
    with application(titanic, prediction_log=log) as app:
        assert post(app, CSV, body).status == 503


# On a socket


def lines(release: Release, count: int) -> bytes:
    return as_lines(release, [release.metadata.example]) * count


def test_an_answer_that_is_larger_than_all_buffers_reaches_a_client_that_sends_first(titanic: Release) -> None:
    """As requests, curl and httpx do; without a file the server and the client would wait for each other."""
    body = lines(titanic, 100_000)
    with (
        threaded(create_app(titanic)) as (port, _),
        socket.create_connection(("127.0.0.1", port), timeout=60) as client,
    ):
        client.sendall(head(len(body), LINES) + body)
        time.sleep(0.2)
        answer = read_all(client)
    assert answer.count(b"\n{") + answer.count(b"\n\r\n") >= 100_000
    assert answer.endswith(b"0\r\n\r\n")


def head(length: int, form: str, *more: str, query: str = "") -> bytes:
    fields = [f"POST {PREDICT}{query} HTTP/1.1", "Host: localhost", f"Content-Type: {form}", "Connection: close", *more]
    return "\r\n".join([*fields, f"Content-Length: {length}", "", ""]).encode()


def read_all(client: socket.socket) -> bytes:
    parts = []
    while data := client.recv(2**18):
        parts.append(data)
    return b"".join(parts)


def test_the_answer_begins_while_the_request_still_arrives(titanic: Release) -> None:
    piece = lines(titanic, 20_000)
    with (
        threaded(create_app(titanic)) as (port, _),
        socket.create_connection(("127.0.0.1", port), timeout=60) as client,
    ):
        client.sendall(head(6 * len(piece), LINES))
        client.sendall(piece * 4)
        assert client.recv(100).startswith(b"HTTP/1.1 200")
        client.sendall(piece * 2)
        assert read_all(client).endswith(b"0\r\n\r\n")


@pytest.mark.parametrize("wanted", [CSV, LINES, ARROW])
def test_an_answer_that_cannot_be_completed_is_seen_to_be_broken(titanic: Release, wanted: str) -> None:
    body = lines(titanic, 150_000) + b'{"pclass": "first"}\n'
    with threaded(create_app(titanic)) as (port, _):
        url = f"http://127.0.0.1:{port}{PREDICT}"
        with httpx.stream("POST", url, content=body, headers={"content-type": LINES, "accept": wanted}) as reply:
            assert reply.status_code == 200
            parts: list[bytes] = []
            with pytest.raises(httpx.RemoteProtocolError):
                parts.extend(reply.iter_bytes())
        if wanted == LINES:
            last = json.loads(b"".join(parts).splitlines()[-1])
            assert last["detail"][0]["loc"][:2] == ["body", 150_000]
        # the server is as it was
        assert httpx.post(url, json=titanic.metadata.example).status_code == 200


def test_a_client_of_http_1_0_gets_the_answer_with_its_length(titanic: Release) -> None:
    body = lines(titanic, 50_000)
    request = head(len(body), LINES).replace(b"HTTP/1.1", b"HTTP/1.0")
    with (
        threaded(create_app(titanic)) as (port, _),
        socket.create_connection(("127.0.0.1", port), timeout=60) as client,
    ):
        client.sendall(request + body)
        start, _, answer = read_all(client).partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in start.lower()
    assert f"content-length: {len(answer)}".encode() in start.lower()
    assert len(from_lines(titanic, answer)) == 50_000


def test_a_client_that_reads_nothing_stops_the_reading_and_is_cut_off(titanic: Release) -> None:
    settings = Settings(bulk_limit=2**21, receive_timeout=1.5)
    piece = lines(titanic, 1_000)
    with threaded(create_app(titanic, settings)) as (port, _):
        with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
            client.sendall(head(2**40, LINES).replace(b"Content-Length: 1099511627776", b"Transfer-Encoding: chunked"))
            sent, cut = 0, False
            while sent < 2**26 and not cut:
                try:
                    client.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
                    sent += len(piece)
                except ConnectionError:
                    cut = True
        assert cut
        assert Client(port).predict(json.dumps(titanic.metadata.example).encode()).status == 200


def test_a_long_body_may_take_longer_than_a_short_one_as_long_as_it_arrives(titanic: Release) -> None:
    settings = Settings(receive_timeout=1.0)
    body = lines(titanic, 500)
    with threaded(create_app(titanic, settings)) as (port, _):
        with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
            client.sendall(head(len(body), LINES))
            for start in range(0, len(body), 10_000):
                client.sendall(body[start : start + 10_000])
                time.sleep(0.25)
            assert read_all(client).startswith(b"HTTP/1.1 200")
        with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
            client.sendall(head(len(body), LINES) + body[:1000])
            assert read_all(client).startswith(b"HTTP/1.1 408")  # it stopped


def test_only_a_few_are_answered_at_once_and_others_are_refused_at_once(titanic: Release) -> None:
    with threaded(create_app(titanic)) as (port, _):
        busy = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(2)]
        for client in busy:
            client.sendall(head(10_000, CSV) + b"pclass,")
        body = as_csv(titanic, [titanic.metadata.example])
        url = f"http://127.0.0.1:{port}{PREDICT}"
        post_csv = lambda: httpx.post(url, content=body, headers={"content-type": CSV})  # noqa: E731
        reply = until(lambda: (found := post_csv()).status_code == 503 and found)
        assert reply.headers["retry-after"] == "1"
        assert httpx.post(url, json=titanic.metadata.example).status_code == 200  # the others go on
        for client in busy:
            client.close()
        until(lambda: post_csv().status_code == 200)


def test_small_requests_are_answered_beside_large_ones(titanic: Release) -> None:
    body = as_csv(titanic, [titanic.metadata.example] * 150_000)
    small = json.dumps(titanic.metadata.example).encode()
    with threaded(create_app(titanic)) as (port, _):
        url = f"http://127.0.0.1:{port}{PREDICT}"
        replies: list[int] = []

        def large() -> None:
            replies.append(httpx.post(url, content=body, headers={"content-type": CSV}, timeout=120).status_code)

        threads = [threading.Thread(target=large) for _ in range(2)]
        for thread in threads:
            thread.start()
        client, answered = Client(port), 0
        while any(thread.is_alive() for thread in threads):
            assert client.predict(small).status == 200
            answered += 1
        assert replies == [200, 200]
        assert answered > 50


def test_a_client_that_leaves_ends_the_work(titanic: Release) -> None:
    body = lines(titanic, 200_000)
    app = create_app(titanic)
    with threaded(app) as (port, _):
        client = socket.create_connection(("127.0.0.1", port), timeout=20)
        client.sendall(head(len(body), LINES) + body[:10_000_000])
        client.close()
        until(lambda: app._bulk is not None and app._bulk._running == 0)


def test_stopping_the_server_does_not_wait_for_a_table(titanic: Release) -> None:
    began = time.monotonic()
    with threaded(create_app(titanic, Settings(stop_timeout=0.5))) as (port, _):
        client = socket.create_connection(("127.0.0.1", port), timeout=20)
        client.sendall(head(10**8, LINES) + lines(titanic, 100))
        time.sleep(0.2)
    assert time.monotonic() - began < 8
    client.close()


@pytest.mark.parametrize("way", ["length", "chunks"])
def test_a_body_over_the_limit_is_a_413(titanic: Release, way: str) -> None:
    body = lines(titanic, 100_000)
    with threaded(create_app(titanic, Settings(bulk_limit=2**20))) as (port, _):
        url = f"http://127.0.0.1:{port}{PREDICT}"
        content: Any = body
        if way == "chunks":
            content = (body[start : start + 2**16] for start in range(0, len(body), 2**16))
        try:
            status = httpx.post(url, content=content, headers={"content-type": LINES}).status_code
        except (httpx.WriteError, httpx.ReadError):
            status = 413  # it was still sending when the connection was closed
        assert status == 413
        assert httpx.post(url, json=titanic.metadata.example).status_code == 200


def test_keys_are_needed_as_for_rows(titanic: Release) -> None:
    key, secret = make_key("program", ["predict"])
    body = as_csv(titanic, [titanic.metadata.example])
    with application(titanic, keys_text=render_keys([key])) as app:
        assert post(app, CSV, body).status == 401
        assert post(app, CSV, body, **{"x-api-key": secret}).status == 200


def test_batches_of_any_size_and_compression_have_the_same_answers(titanic: Release) -> None:
    rows = [{**titanic.metadata.example, "age": age} for age in range(1, 80)] * 5
    table = table_of(titanic, rows)
    narrow = pa.schema(
        [
            field.with_type(
                {pa.int64(): pa.int8(), pa.float64(): pa.float32(), pa.string(): pa.large_string()}.get(field.type)
            )
            for field in table.schema
        ]
    )
    encoded = pa.table(
        {
            n: c.dictionary_encode() if pa.types.is_string(c.type) else c
            for n, c in zip(table.column_names, table.columns, strict=True)
        }
    )
    with application(titanic) as app:
        expected = READ[CSV](titanic, post(app, LINES, as_lines(titanic, rows), CSV).body)
        bodies = {
            "one row each": stream_of(table, batch=1),
            "one batch": stream_of(table.combine_chunks()),
            "narrow": stream_of(table.cast(narrow), batch=50),
            "dictionaries": stream_of(encoded, batch=50),
            "views": stream_of(
                table.cast(
                    pa.schema(
                        [f.with_type(pa.string_view()) if pa.types.is_string(f.type) else f for f in table.schema]
                    )
                )
            ),
            **{c: stream_of(table, batch=64, options=pa.ipc.IpcWriteOptions(compression=c)) for c in ("lz4", "zstd")},
            "columns in another order": stream_of(table.select(table.column_names[::-1])),
            "legacy": stream_of(table, options=pa.ipc.IpcWriteOptions(use_legacy_format=True)),
        }
        for name, body in bodies.items():
            reply = post(app, ARROW, body, CSV)
            assert reply.status == 200, (name, reply.body[:300])
            assert READ[CSV](titanic, reply.body) == expected, name


@pytest.mark.parametrize("form", [CSV, LINES, ARROW])
def test_hostile_bodies_are_refused_and_never_an_error_of_the_server(titanic: Release, form: str) -> None:
    """The bodies that the JSON route gets, and damaged tables."""
    generator = random.Random(SEED)
    rows = [titanic.metadata.example, titanic.metadata.typical] * 20
    bodies = dict(hostile_bodies(titanic.metadata.example, "age", "name"))
    for number in range(150):
        changed = bytearray(WRITE[form](titanic, rows))
        for _ in range(generator.choice([1, 3, 20])):
            changed[generator.randrange(len(changed))] = generator.choice(b'",\n\r\0\xff{}[]:\\ae0-')
        bodies[f"damaged {number}"] = bytes(changed)
    with application(titanic) as app:
        for name, body in bodies.items():
            for query in (b"", KEEP):
                reply = post(app, form, body, query=query)
                assert reply.status in (200, 413, 415, 422), (SEED, name, reply)
                if reply.status != 200:
                    assert reply.json()["detail"], name
