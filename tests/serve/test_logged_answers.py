"""What is answered is in the spool before the answer leaves; what is refused is there without its values."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.serve.clients import PREDICT, Client, ask, run, threaded
from tests.serve.small_releases import EXAMPLE

from seatrial.core.access_keys import VERIFIER, make_key, render_keys
from seatrial.model import Release
from seatrial.prediction_log.segments import parse_lines
from seatrial.prediction_log.spool import Spool
from seatrial.serve import create_app
from seatrial.serve.app import create_fastapi
from seatrial.serve.asgi import AsgiApp
from seatrial.serve.server_settings import Settings
from seatrial.serve.service import Service

BODY = json.dumps(EXAMPLE).encode()


def lines(spool: Path) -> list[dict[str, Any]]:
    """The records of all segments."""
    files = [*spool.glob("*.open"), *spool.glob("*.jsonl")]
    return [record for file in sorted(files) for record in parse_lines(file.read_bytes().splitlines(keepends=True))[0]]


def logged_app(release: Release, folder: Path, **settings: Any) -> AsgiApp:
    text = json.dumps({"to": str(folder), **settings})
    return create_app(release, Settings(prediction_log=text))


@pytest.fixture
def app(binary: Release, tmp_path: Path) -> Iterator[AsgiApp]:
    app = logged_app(binary, tmp_path)
    app.service.load()
    yield app
    app.service.stop()


def test_an_answer_is_logged_with_its_rows_and_scores(app: AsgiApp, tmp_path: Path) -> None:
    trace = f"00-{'a' * 32}-{'b' * 16}-01"
    reply = run(ask(app, body=BODY, headers=[("x-request-id", "mine"), ("traceparent", trace)]))
    (line,) = lines(tmp_path / ".spool")
    assert line["id"] == "mine"
    assert line["trace"] == "a" * 32
    assert line["route"] == "/api/v1/predict"
    assert line["rows"] == [[2.5, 3, "b", None]]
    assert dict(zip(["no", "yes"], line["scores"][0], strict=True)) == reply.json()["probabilities"][0]
    assert ["no", "yes"][line["decided"][0]] == reply.json()["predictions"][0]
    assert 0 < line["us"] < 60e6
    facts = json.loads((tmp_path / ".spool" / "schemas" / f"{line['w']}.json").read_text())
    assert (facts["name"], facts["version"], facts["classes"]) == ("small-binary", "1.2.3", ["no", "yes"])
    assert [(each["name"], each["type"]) for each in facts["columns"]] == [
        ("size", "float"),
        ("count", "integer"),
        ("kind", "string"),
        ("note", "string"),
    ]


def test_a_record_is_written_before_the_answer_leaves(
    binary: Release, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    write = Spool.write

    def noting(spool: Spool, data: bytes, count: int) -> bool:
        events.extend(["logged"] * count)
        return write(spool, data, count)

    monkeypatch.setattr(Spool, "write", noting)
    app = logged_app(binary, tmp_path)
    with threaded(app) as (port, _):
        add = app.exchanges.add
        app.exchanges.add = lambda exchange, status: (events.append("answered"), add(exchange, status))  # type: ignore
        client = Client(port)
        for _ in range(3):
            assert client.ask("POST", PREDICT, BODY, "content-type: application/json").status == 200
    assert events == ["logged", "answered"] * 3


def test_many_answers_of_a_turn_are_one_write(app: AsgiApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counts: list[int] = []
    write = Spool.write

    def noting(spool: Spool, data: bytes, count: int) -> bool:
        counts.append(count)
        return write(spool, data, count)

    monkeypatch.setattr(Spool, "write", noting)

    async def main() -> Any:
        return await asyncio.gather(*(ask(app, body=BODY) for _ in range(20)))

    assert {reply.status for reply in run(main())} == {200}
    assert counts == [20]
    assert len(lines(tmp_path / ".spool")) == 20


def test_many_rows_and_explanations_are_logged_too(app: AsgiApp, tmp_path: Path) -> None:
    rows = [{**EXAMPLE, "count": number % 100} for number in range(300)]
    many = run(ask(app, body=json.dumps(rows).encode())).json()
    run(ask(app, path="/api/v1/explain", body=BODY))
    first, second = lines(tmp_path / ".spool")
    assert [row[1] for row in first["rows"]] == [row["count"] for row in rows]
    assert [["no", "yes"][each] for each in first["decided"]] == many["predictions"]
    assert (second["route"], second["rows"]) == ("/api/v1/explain", [[2.5, 3, "b", None]])


def test_a_door_and_fastapi_alone_log_as_well(binary: Release, tmp_path: Path) -> None:
    service = Service(binary, Settings(prediction_log=json.dumps({"to": str(tmp_path)})))
    service.load()
    assert run(ask(create_fastapi(service), body=BODY)).status == 200
    instances = json.dumps({"instances": [EXAMPLE]}).encode()
    assert run(ask(AsgiApp(service), path="/v1/models/small-binary:predict", body=instances)).status == 200
    service.stop()
    assert [line["route"] for line in lines(tmp_path / ".spool")] == ["/api/v1/predict", "/v1/models/{name}:predict"]


def test_a_refused_request_is_logged_without_its_values(app: AsgiApp, tmp_path: Path) -> None:
    bad = [{**EXAMPLE, "kind": "secret"}, {**EXAMPLE, "secret": 1, "size": -1}]
    assert run(ask(app, body=json.dumps(bad).encode())).status == 422
    (line,) = lines(tmp_path / ".spool")
    assert line["status"] == 422
    assert line["errors"][0] == [0, "kind", "literal_error"]
    assert [1, "size", "greater_than_equal"] in line["errors"]
    assert "secret" not in json.dumps(line)
    assert "rows" not in line


def test_examples_in_the_openapi_document_are_not_logged(binary: Release, tmp_path: Path) -> None:
    service = Service(binary, Settings(prediction_log=str(tmp_path)))
    service.load()
    create_fastapi(service).openapi()
    service.stop()
    assert lines(tmp_path / ".spool") == []


def test_a_full_spool_drops_or_refuses(binary: Release, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for when_full, status in (("drop", 200), ("refuse", 503)):
        folder = tmp_path / when_full
        app = logged_app(binary, folder, when_full=when_full)
        app.service.load()
        assert app.service.log
        app.service.log.spool._room = 10
        many = json.dumps([EXAMPLE] * 200).encode()
        replies = [run(ask(app, body=body)) for body in (BODY, many)]
        assert [reply.status for reply in replies] == [status] * 2
        assert [reply.headers.get("retry-after") for reply in replies] == [None if status == 200 else "1"] * 2
        assert app.service.log.spool.dropped == 2
        assert lines(folder / ".spool") == []
        app.service.log.spool.look()
        assert run(ask(app, body=BODY)).status == 200
        assert len(lines(folder / ".spool")) == 1
        app.service.stop()


def test_a_share_of_the_requests(binary: Release, tmp_path: Path) -> None:
    app = logged_app(binary, tmp_path, share=0.25)
    app.service.load()
    for number in range(200):
        assert run(ask(app, body=BODY, headers=[("x-request-id", f"r{number}")])).status == 200
    app.service.stop()
    assert 25 < len(lines(tmp_path / ".spool")) < 75


def test_a_record_that_cannot_be_made_keeps_no_answer(app: AsgiApp, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> bytes:
        raise ValueError("broken")

    assert app.service.log
    monkeypatch.setattr(app.service.log.records, "turn", broken)
    assert run(ask(app, body=BODY)).status == 200
    assert app.service.log.spool.dropped == 1


def test_what_verifies_a_deployment_is_not_logged(binary: Release, tmp_path: Path) -> None:
    verifier, caller = make_key(VERIFIER, ["predict"]), make_key("web", ["predict"])
    settings = Settings(
        prediction_log=json.dumps({"to": str(tmp_path)}), keys_text=render_keys([verifier[0], caller[0]]), standby_fd=3
    )
    app = create_app(binary, settings)
    app.service.load()

    def predict(secret: str, body: bytes = BODY) -> int:
        return run(ask(app, body=body, headers=[("x-api-key", secret)])).status

    assert predict(caller[1]) == 200  # on standby, only the supervisor calls
    assert predict(caller[1], b"{}") == 422
    run(app.open_ports())
    assert [predict(secret) for secret in (verifier[1], caller[1])] == [200, 200]
    assert [predict(secret, b"{}") for secret in (verifier[1], caller[1])] == [422, 422]
    app.service.stop()
    assert [record["key"] for record in lines(tmp_path / ".spool")] == ["web", "web"]
