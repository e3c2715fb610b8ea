"""One line per request and per event. No input can forge a line or get people's data into the log."""

import asyncio
import io
import json
import logging
import os
import pty
import time
import warnings
from typing import Any

import pytest
from loguru import logger
from tests.serve.clients import ask, run
from tests.serve.small_releases import EXAMPLE

from seatrial.model import Release
from seatrial.serve import create_app, logs
from seatrial.serve.exchanges import Exchange, Exchanges
from seatrial.serve.logs import AccessLog, configure, escape
from seatrial.serve.server_settings import Settings

FORGED = "x\n2026-01-01T00:00:00.000Z INFO forged\r\x1b[2J\u2028\u202eline\x85\x00"


pytestmark = pytest.mark.usefixtures("restored_logging")


def lines_of(stream: io.StringIO) -> list[str]:
    """What was logged, without asyncio's debug message."""
    return [line for line in stream.getvalue().split("\n")[:-1] if "Using selector" not in line]


def configured(log_format: Any = "json", level: str = "info") -> tuple[AccessLog, io.StringIO]:
    stream = io.StringIO()
    return configure(Settings(log_format=log_format, log_level=level), stream), stream


def log_requests(access: AccessLog, *requests: tuple[str, str, int, str]) -> None:
    async def main() -> None:
        exchanges = Exchanges(access)
        for method, path, status, request_id in requests:
            began = time.perf_counter() - 0.002
            exchanges.add(Exchange(request_id, began=began, method=method, path=path), status)
        exchanges.flush()

    asyncio.run(main())


def test_a_request_as_json() -> None:
    access, stream = configured()
    access.release = "titanic-model==0.1.0"
    log_requests(access, ("POST", "/api/v1/predict", 200, "abc"))
    (line,) = lines_of(stream)
    document = json.loads(line)
    assert 2 <= document.pop("duration_ms") < 1000
    assert abs(time.time() - _seconds(document.pop("time"))) < 5
    assert document == {
        "level": "INFO",
        "message": "POST /api/v1/predict 200",
        "method": "POST",
        "path": "/api/v1/predict",
        "status": 200,
        "release": "titanic-model==0.1.0",
        "request_id": "abc",
    }


def _seconds(text: str) -> float:
    import calendar

    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ"))


def test_a_request_as_text() -> None:
    access, stream = configured("text")
    access.release = "titanic-model==0.1.0"
    log_requests(access, ("GET", "/ready", 503, "abc"))
    (line,) = lines_of(stream)
    clock, level, *rest = line.split()
    assert len(clock) == len("12:00:00.000")
    assert level == "WARNING"  # it has refused work, which is no error
    assert rest[:3] == ["GET", "/ready", "503"]
    assert rest[4:] == ["ms", "titanic-model==0.1.0", "abc"]


TRACE = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def line_of(log_format: str, **options: Any) -> str:
    access, stream = configured(log_format)

    async def main() -> None:
        exchanges = Exchanges(access)
        exchanges.add(Exchange("abc", method="GET", path="/x", **options), 200)
        exchanges.flush()

    asyncio.run(main())
    (line,) = lines_of(stream)
    return line


def test_the_key_and_the_trace_are_last_where_there_are_any() -> None:
    document = json.loads(line_of("json", key="web", trace=TRACE))
    assert list(document)[-3:] == ["request_id", "key", "trace_id"]
    assert (document["key"], document["trace_id"]) == ("web", "0af7651916cd43dd8448eb211c80319c")
    assert line_of("text", key="web", trace=TRACE).endswith(" abc key=web trace=0af7651916cd43dd8448eb211c80319c")
    assert line_of("text", key="web").endswith(" abc key=web")


def test_lines_without_them_are_as_they_were() -> None:
    assert list(json.loads(line_of("json")))[-1] == "request_id"
    assert line_of("text").endswith(" - abc")
    assert line_of("text", trace=b"00-" + b"\n" * 52).endswith(" - abc")


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_no_value_forges_a_line(log_format: str) -> None:
    access, stream = configured(log_format, "debug")
    log_requests(access, ("GET", "/" + FORGED, 404, 'a"b\\c'))
    logger.info("value: {}", FORGED)
    logger.bind(request_id="abc").error(FORGED)
    try:
        raise ValueError(FORGED)
    except ValueError:
        logger.exception("caught")
    logging.getLogger("somebody").error(FORGED)
    written = stream.getvalue()
    assert written.endswith("\n")
    assert not set("\r\x1b\u2028\u202e\x85\x00") & set(written)
    lines = lines_of(stream)
    if log_format == "json":
        documents = [json.loads(line) for line in lines]
        assert len(documents) == 5
        assert documents[0]["path"] == "/" + FORGED
        assert documents[0]["request_id"] == 'a"b\\c'
    else:
        whole = [line for line in lines if not line.startswith("    ")]  # the indented lines belong to a traceback
        assert len(whole) == 5
        assert all("forged" not in line or "x\\n2026" in line for line in whole)


def test_a_lone_surrogate_can_be_logged() -> None:
    for log_format in ("json", "text"):
        access, stream = configured(log_format)
        log_requests(access, ("GET", "/\ud800", 404, "abc"))
        logger.error("\udfff")
        assert stream.getvalue().encode()


@pytest.mark.parametrize(("level", "lines"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)])
def test_the_log_level_applies_to_requests(level: str, lines: int) -> None:
    access, stream = configured("json", level)
    log_requests(access, ("GET", "/", 200, "a"), ("GET", "/", 500, "b"), ("GET", "/", 503, "c"))
    logger.debug("detail")
    assert len(lines_of(stream)) == lines


def test_uvicorns_logs_and_warnings_use_the_same_format() -> None:
    _, stream = configured()
    logging.getLogger("uvicorn.error").info("Started server process")  # only logged at level debug
    logging.getLogger("uvicorn.error").error("Something %s", "broke")
    logging.getLogger("elsewhere").warning("odd")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old ways", DeprecationWarning, stacklevel=1)
    messages = [json.loads(line)["message"] for line in lines_of(stream)]
    assert messages[:2] == ["Something broke", "odd"]
    assert "old ways" in messages[2]
    assert len(messages) == 3


def test_logs_are_json_in_pipes_and_text_on_terminals() -> None:
    ours, theirs = pty.openpty()
    reads, writes = os.pipe()
    for handle, is_json in ((theirs, False), (writes, True)):
        with os.fdopen(handle, "w") as stream:
            configure(Settings(), stream)
            logger.info("hello")
            logger.remove()
            data = os.read(ours if handle == theirs else reads, 4096).decode()
        assert data.startswith("{") is is_json, data
    os.close(ours)
    os.close(reads)


def test_lines_of_several_workers_do_not_mix() -> None:
    """More than a pipe writes at once is written in pieces that are whole lines."""
    reads, writes = os.pipe()
    pieces: list[bytes] = []
    with os.fdopen(writes, "w") as stream:
        access = configure(Settings(log_format="json"), stream)
        real = os.write
        try:
            os.write = lambda handle, data: (pieces.append(data), real(handle, data))[1]  # type: ignore[assignment]
            log_requests(access, *[("GET", "/" + "é" * 50, 200, str(i)) for i in range(60)])
            logger.remove()  # waits for the writer's thread
        finally:
            os.write = real
    os.close(reads)
    assert len(pieces) > 2
    assert all(len(piece) <= 4096 and piece.endswith(b"\n") for piece in pieces)
    assert len([json.loads(line) for line in b"".join(pieces).splitlines()]) == 60


def test_an_error_is_logged_without_the_input(binary: Release) -> None:
    written: dict[str, str] = {}

    async def main() -> None:
        for level in ("info", "debug"):
            access, stream = configured("json", level)
            app = create_app(binary, access_log=access)
            app.service.load()
            body = json.dumps({**EXAMPLE, "note": "boom: Mrs Secret"}).encode()
            assert (await ask(app, body=body, headers=[("x-request-id", "r1")])).status == 500
            app.exchanges.flush()
            written[level] = stream.getvalue()

    run(main())
    documents = [json.loads(line) for line in written["info"].splitlines()]
    (fault,) = [d for d in documents if d["message"] == "The request failed"]
    assert fault["request_id"] == "r1"
    assert "features.py" in fault["exception"]
    assert fault["exception"].endswith("builtins.ValueError")
    assert "Secret" not in written["info"]
    assert "Secret" in written["debug"]


def test_inputs_and_queries_are_not_logged(titanic: Release) -> None:
    access, stream = configured("json", "debug")

    async def main() -> None:
        app = create_app(titanic, access_log=access)
        app.service.load()
        row = {**titanic.metadata.example, "name": "Secret, Mrs. Eva"}
        for body in (json.dumps(row), json.dumps({**row, "age": -5}), '{"Secret'):
            await ask(app, body=body.encode())
        app.exchanges.flush()

    run(main())
    assert [json.loads(line)["status"] for line in lines_of(stream)] == [200, 422, 422]
    assert "Secret" not in stream.getvalue()


def test_an_error_is_logged_with_the_types_of_its_causes() -> None:
    _, stream = configured()
    try:
        try:
            raise KeyError("Mrs Secret")
        except KeyError as error:
            raise RuntimeError("Mrs Secret") from error
    except RuntimeError as error:
        logs.fault("It failed", error, "r1")
    text = json.loads(lines_of(stream)[0])["exception"]
    assert text.index("builtins.RuntimeError") < text.index("caused by:") < text.index("builtins.KeyError")
    assert "Secret" not in text.replace('KeyError("Mrs Secret")', "").replace('RuntimeError("Mrs Secret")', "")


def test_escaping_keeps_printable_text() -> None:
    assert escape("naïve 日本") == "naïve 日本"
    assert escape("a\tb\nc") == "a\\tb\\nc"
