"""Calls over a real channel: Triton's client and grpcio, keys, errors, deadlines, limits."""

import time
from collections.abc import Iterator
from typing import Any

import grpc
import numpy as np
import pytest
import tritonclient.grpc as triton
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from tests.serve.clients import threaded
from tests.serve.doors.test_clients import ROWS
from tests.serve.grpc.grpc_dialects import INFER, infer_raw, infer_typed
from tests.serve.test_access import KEYS, METRICS_SECRET, SECRET, UNKNOWN, locked
from tritonclient.grpc import service_pb2
from tritonclient.utils import InferenceServerException

from seatrial.core.access_keys import make_key
from seatrial.model import Release
from seatrial.serve import create_app
from seatrial.serve.asgi import AsgiApp
from seatrial.serve.exchanges import Exchange, Exchanges
from seatrial.serve.grpc.grpc_calls import InferenceCalls
from seatrial.serve.grpc.infer_messages import METHODS, SERVICE
from seatrial.serve.routes import GRPC_ROUTES, OPEN
from seatrial.serve.server_settings import Settings
from seatrial.serve.service import LARGE_BODY, Service

Code = grpc.StatusCode


def whole(release: Release, **changed: Any) -> dict[str, Any]:
    """A row with a value for each column."""
    return {**release.metadata.typical, **release.metadata.example, **changed}


def request(release: Release, *rows: dict[str, Any]) -> bytes:
    return infer_raw(release, [whole(release, **row) for row in rows or ({},)])[0]


def ask(
    channel: grpc.Channel, method: str, body: bytes = b"", **options: Any
) -> tuple[grpc.StatusCode, Any, dict[str, Any]]:
    """Call a method: its code, the answer or the error's text, and the trailing metadata."""
    path = method if "/" in method else f"/{SERVICE}/{method}"
    try:
        answer, call = channel.unary_unary(path).with_call(body, **{"timeout": 20, **options})
    except grpc.RpcError as error:
        return error.code(), error.details(), dict(error.trailing_metadata() or ())
    return call.code(), answer, dict(call.trailing_metadata())


@pytest.fixture
def client(grpc_port: int) -> Iterator[Any]:
    with triton.InferenceServerClient(f"127.0.0.1:{grpc_port}") as client:
        yield client


def inputs(**changed: Any) -> list[Any]:
    columns = {name: np.array([row[name] for row in ROWS]) for name in ROWS[0]} | changed
    made = []
    for name, values in columns.items():
        kind = {"i": "INT64", "f": "FP64", "U": "BYTES"}[values.dtype.kind]
        made.append(triton.InferInput(name, list(values.shape), kind))
        made[-1].set_data_from_numpy(values.astype(object) if kind == "BYTES" else values)
    return made


def test_tritonclient_sees_a_server_and_a_model(client: Any, titanic: Release) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("titanic-model", titanic.version)
    assert client.get_server_metadata(as_json=True)["name"] == "seatrial"
    facts = client.get_model_metadata("titanic-model", as_json=True)
    assert facts["versions"] == [titanic.version]
    assert {each["name"]: each["datatype"] for each in facts["inputs"]}.items() >= {
        "pclass": "INT64",
        "sex": "BYTES",
        "age": "FP64",
    }.items()
    with pytest.raises(InferenceServerException, match=r"NOT_FOUND.*Unknown model 'other'"):
        client.is_model_ready("other")


@pytest.mark.parametrize("version", ["", "own"])
def test_tritonclient_gets_the_scores_of_the_release(client: Any, titanic: Release, version: str) -> None:
    expected = titanic.predict([{**ROWS[0], "cabin": None}, {**ROWS[1], "age": None}])
    outputs = [triton.InferRequestedOutput(name) for name in ("probabilities", "prediction")]
    for wanted in (None, outputs):
        answer = client.infer(
            "titanic-model",
            inputs(),
            outputs=wanted,
            request_id="mine",
            model_version=titanic.version if version else "",
        )
        assert answer.get_response().id == "mine"
        assert answer.as_numpy("prediction").tolist() == [row["prediction"] for row in expected]
        assert answer.as_numpy("probabilities").tolist() == [list(row["probabilities"].values()) for row in expected]


def test_tritonclient_shows_what_is_wrong(client: Any) -> None:
    with pytest.raises(
        InferenceServerException,
        match=r"INVALID_ARGUMENT.*row 1, column pclass: Input should be 1, 2 or 3 \(literal_error\)",
    ):
        client.infer("titanic-model", inputs(pclass=np.array([1, 4])))
    with pytest.raises(
        InferenceServerException, match=r"NOT_FOUND.*Unknown model 'other'\. This server has titanic-model\.$"
    ):
        client.infer("other", inputs())
    with pytest.raises(InferenceServerException, match=r"NOT_FOUND.*Unknown version '9'"):
        client.infer("titanic-model", inputs(), model_version="9")
    with pytest.raises(InferenceServerException, match="UNIMPLEMENTED"):
        client.get_inference_statistics("titanic-model")
    assert client.is_server_live()


def test_many_rows_are_answered_in_a_thread(channel: grpc.Channel, titanic: Release) -> None:
    body = request(titanic, *[{"name": f"Marsh, Miss. Ada {i}"} for i in range(400)])
    assert len(body) > LARGE_BODY
    code, answer, _ = ask(channel, "ModelInfer", body)
    assert code is Code.OK
    assert len(service_pb2.ModelInferResponse.FromString(answer).raw_output_contents[0]) == 400 * 8
    body = request(titanic, *[{}] * 400, {"pclass": 9})
    assert ask(channel, "ModelInfer", body)[:2] == (
        Code.INVALID_ARGUMENT,
        "row 400, column pclass: Input should be 1, 2 or 3 (literal_error)",
    )


def test_the_row_and_body_limits_are_those_of_http(titanic: Release) -> None:
    with (
        threaded(
            create_app(
                Release("titanic_model", row_limit=3).load(), Settings(grpc_port=0, body_limit=5000, row_limit=3)
            )
        ) as (_, server),
        grpc.insecure_channel(f"127.0.0.1:{server.config.app.grpc.port}") as channel,
    ):
        assert ask(channel, "ModelInfer", request(titanic, *[{}] * 3))[0] is Code.OK
        code, text, _ = ask(channel, "ModelInfer", request(titanic, *[{}] * 4))
        assert code is Code.INVALID_ARGUMENT
        assert "at most 3 items" in text
        assert ask(channel, "ModelInfer", b"\0" * 5001)[0] is Code.RESOURCE_EXHAUSTED
        assert ask(channel, "ModelInfer", request(titanic), metadata=[("a", "b" * 70_000)])[0] is not Code.OK
        assert ask(channel, "ModelInfer", request(titanic))[0] is Code.OK


def test_a_compressed_message_is_refused(grpc_port: int) -> None:
    """Its size would be checked before it is unpacked, and not afterwards."""
    with grpc.insecure_channel(f"127.0.0.1:{grpc_port}", compression=grpc.Compression.Gzip) as channel:
        code, text, _ = ask(channel, "ModelInfer", b"\0" * 300_000_000)
    assert code is Code.UNIMPLEMENTED
    assert "gzip" in text


def test_a_request_id_comes_back_and_each_answer_has_one(channel: grpc.Channel, titanic: Release) -> None:
    _, answer, metadata = ask(channel, "ModelInfer", request(titanic), metadata=[("x-request-id", "mine")])
    assert metadata["x-request-id"] == service_pb2.ModelInferResponse.FromString(answer).id == "mine"
    _, _, metadata = ask(channel, "ModelInfer", b"")
    assert len(metadata["x-request-id"]) == 32


def test_a_value_that_no_row_had_is_a_warning(channel: grpc.Channel, titanic: Release) -> None:
    _, answer, _ = ask(channel, "ModelInfer", request(titanic, {"fare": 5000.0}))
    assert "above_range" in service_pb2.ModelInferResponse.FromString(answer).parameters["warnings"].string_param


def test_health_and_reflection_answer(channel: grpc.Channel) -> None:
    stub = health_pb2_grpc.HealthStub(channel)
    for service in ("", SERVICE):
        assert (
            stub.Check(health_pb2.HealthCheckRequest(service=service)).status == health_pb2.HealthCheckResponse.SERVING
        )
    with pytest.raises(grpc.RpcError) as caught:
        stub.Check(health_pb2.HealthCheckRequest(service="other"))
    assert caught.value.code() is Code.NOT_FOUND
    database = ProtoReflectionDescriptorDatabase(channel)
    assert set(database.get_services()) == {
        SERVICE,
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
    }
    file = database.FindFileContainingSymbol(SERVICE)
    assert {each.name for each in file.service[0].method} == set(METHODS)
    assert database.FindFileContainingSymbol("grpc.health.v1.Health").package == "grpc.health.v1"


@pytest.fixture(scope="module")
def locked_channel(titanic: Release) -> Iterator[grpc.Channel]:
    limited, secret = make_key("limited", ["predict"], rate="1/hour")
    with (
        threaded(create_app(titanic, locked(*KEYS, limited, grpc_port=0))) as (_, server),
        grpc.insecure_channel(f"127.0.0.1:{server.config.app.grpc.port}") as channel,
    ):
        channel.limited = secret  # type: ignore[attr-defined]
        yield channel


CREDENTIALS: dict[str, tuple[list[tuple[str, str | bytes]], grpc.StatusCode]] = {
    "none": ([], Code.UNAUTHENTICATED),
    "an unknown key": ([("authorization", f"Bearer {UNKNOWN}")], Code.UNAUTHENTICATED),
    "another scheme": ([("authorization", f"Basic {SECRET}")], Code.UNAUTHENTICATED),
    "a key twice": ([("x-api-key", SECRET), ("x-api-key", SECRET)], Code.UNAUTHENTICATED),
    "two keys": ([("x-api-key", SECRET), ("authorization", f"Bearer {UNKNOWN}")], Code.UNAUTHENTICATED),
    "a binary header": ([("x-api-key-bin", SECRET.encode())], Code.UNAUTHENTICATED),
    "another case": ([("x-api-key", SECRET.swapcase())], Code.UNAUTHENTICATED),
    "another scope": ([("x-api-key", METRICS_SECRET)], Code.PERMISSION_DENIED),
    "a key": ([("authorization", f"bearer {SECRET}")], Code.OK),
    "a key in its own header": ([("x-api-key", SECRET)], Code.OK),
}


@pytest.mark.parametrize("name", CREDENTIALS)
def test_what_predicts_or_describes_needs_a_key(locked_channel: grpc.Channel, titanic: Release, name: str) -> None:
    metadata, expected = CREDENTIALS[name]
    facts = service_pb2.ModelMetadataRequest(name="titanic-model").SerializeToString()
    for method, body in (("ModelInfer", request(titanic)), ("ModelMetadata", facts)):
        code, text, trailing = ask(locked_channel, method, body, metadata=metadata)
        assert code is expected, text
        if code is Code.UNAUTHENTICATED:
            assert trailing["www-authenticate"].startswith("Bearer")
    for method in ("ServerLive", "ServerReady", "ServerMetadata"):
        assert ask(locked_channel, method)[0] is Code.OK


def test_a_rate_is_counted(locked_channel: Any, titanic: Release) -> None:
    metadata = [("x-api-key", locked_channel.limited)]
    assert ask(locked_channel, "ModelInfer", request(titanic), metadata=metadata)[0] is Code.OK
    code, text, trailing = ask(locked_channel, "ModelInfer", request(titanic), metadata=metadata)
    assert code is Code.RESOURCE_EXHAUSTED
    assert "rate of 1/hour is used up" in text
    assert int(trailing["retry-after"]) > 3000


def test_every_method_has_a_decision(titanic: Release) -> None:
    calls = InferenceCalls(Service(titanic, Settings()), Exchanges())
    assert {route.path.rpartition("/")[2] for route in GRPC_ROUTES} == set(METHODS) == set(calls._methods)
    closed = {route.path for route in GRPC_ROUTES if route.scope != OPEN}
    assert closed == {INFER, f"/{SERVICE}/ModelMetadata"}
    assert {route.scope for route in GRPC_ROUTES} == {OPEN, "predict"}


def test_a_call_becomes_a_request_line(titanic: Release) -> None:
    app = create_app(titanic, locked(grpc_port=0))
    seen: list[Exchange] = []
    app.exchanges.observers.append(seen.extend)
    with threaded(app) as (_, server), grpc.insecure_channel(f"127.0.0.1:{server.config.app.grpc.port}") as channel:
        metadata = [("x-api-key", SECRET), ("x-request-id", "mine"), ("traceparent", "00-1-2-3")]
        ask(channel, "ModelInfer", request(titanic), metadata=metadata)
        ask(channel, "ModelInfer", request(titanic, {"pclass": 7}), metadata=metadata)
        ask(
            channel,
            "ModelInfer",
            infer_typed(titanic, [whole(titanic)])[0].replace(b"titanic-model", b"titanic-m0del"),
            metadata=metadata,
        )
        ask(channel, "ModelInfer")
        ask(channel, "ServerLive")
    assert [(each.path, each.status) for each in seen] == [
        (INFER, 200), (INFER, 400), (INFER, 404), (INFER, 401), (f"/{SERVICE}/ServerLive", 200)
    ]  # fmt: skip
    first = seen[0]
    assert (first.request_id, first.key, first.route, first.trace, len(first.scored)) == (
        "mine",
        "web",
        INFER,
        b"00-1-2-3",
        1,
    )
    assert seen[1].errors[0]["loc"] == ["body", 0, "pclass"]


class _Slow(Service):
    """A service whose answers take a second."""

    def answer(self, body: bytes, exchange: Exchange, done: Any, form: Any = None) -> None:
        import asyncio

        asyncio.get_running_loop().call_later(1, super().answer, body, exchange, done, form)


def test_a_deadline_ends_the_wait_and_stopping_does_not(titanic: Release) -> None:
    app = AsgiApp(_Slow(titanic, Settings(grpc_port=0)))
    seen: list[Exchange] = []
    app.exchanges.observers.append(seen.extend)
    with threaded(app) as (_, server), grpc.insecure_channel(f"127.0.0.1:{server.config.app.grpc.port}") as channel:
        assert ask(channel, "ModelInfer", request(titanic), timeout=0.2)[0] is Code.DEADLINE_EXCEEDED
        waiting = channel.unary_unary(INFER).future(request(titanic), timeout=20)
        time.sleep(0.3)
        server.should_exit = True
        assert waiting.code() is Code.OK
    assert [each.status for each in seen] == [499, 200]


def test_a_fault_is_logged_and_not_told(titanic: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    service = Service(titanic, Settings(grpc_port=0))
    with (
        threaded(AsgiApp(service)) as (_, server),
        grpc.insecure_channel(f"127.0.0.1:{server.config.app.grpc.port}") as channel,
    ):

        def broken(*_: Any) -> Any:
            raise RuntimeError("a secret")

        monkeypatch.setattr(service._batcher, "_score", broken)
        code, text, _ = ask(channel, "ModelInfer", request(titanic), metadata=[("x-request-id", "mine")])
        assert (code, "secret" in text) == (Code.INTERNAL, False)
        service.ready = False
        assert ask(channel, "ModelInfer", request(titanic))[0] is Code.UNAVAILABLE
        service.ready = True


def test_a_long_error_is_cut(channel: grpc.Channel, titanic: Release) -> None:
    request_ = service_pb2.ModelInferRequest(model_name="ö" * 5000)
    code, text, _ = ask(channel, "ModelInfer", request_.SerializeToString())
    assert code is Code.NOT_FOUND
    assert len(text) < 1100
