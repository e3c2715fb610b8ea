"""The Open Inference Protocol: paths, tensors, outputs, and what is refused, in the protocol's own form."""

import json
import struct
from collections.abc import Callable
from typing import Any

import pytest
from tests.serve.clients import Client, Reply, ask, run, threaded
from tests.serve.doors.dialects import BINARY_LENGTH, infer_binary, infer_json, read_binary, read_infer

from seatrial.model import Release
from seatrial.serve.asgi import AsgiApp
from seatrial.serve.server_settings import Settings
from seatrial.serve.service import Service

INFER = "/v2/models/small-multiclass/infer"
GOOD = {
    "size": ("FP64", [2.5, 3.5]),
    "count": ("INT64", [3, 4]),
    "kind": ("BYTES", ["b", "a"]),
    "note": ("BYTES", [None, "x"]),
}


def tensors(**changed: Any) -> list[dict[str, Any]]:
    """The tensors of two good rows; `changed` are other datatypes and data, or None to leave one out."""
    columns = {**GOOD, **changed}
    return [
        {"name": name, "datatype": value[0], "shape": [len(value[1])], "data": value[1]}
        for name, value in columns.items()
        if value is not None
    ]


@pytest.fixture
def infer(app: AsgiApp) -> Callable[..., Reply]:
    def infer(inputs: Any = None, **more: Any) -> Reply:
        body = json.dumps({"inputs": tensors() if inputs is None else inputs, **more}).encode()
        return run(ask(app, path=INFER, body=body))

    return infer


def get(app: AsgiApp, path: str) -> tuple[int, Any]:
    reply = run(ask(app, "GET", path))
    return reply.status, reply.json()


def test_health_and_metadata(app: AsgiApp, multiclass: Release) -> None:
    assert get(app, "/v2/health/live") == (200, {"live": True})
    assert get(app, "/v2/health/ready") == (200, {"ready": True})
    status, server = get(app, "/v2")
    assert (status, server["name"], server["extensions"]) == (200, "seatrial", ["binary_tensor_data"])
    for path in ("/v2/models/small-multiclass", "/v2/models/small-multiclass/versions/1.2.3"):
        assert get(app, path + "/ready") == (200, {"name": "small-multiclass", "ready": True})
        status, model = get(app, path)
        assert (status, model["versions"], model["platform"]) == (200, ["1.2.3"], "onnxruntime_onnx")
        assert [(each["name"], each["datatype"], each["shape"]) for each in model["inputs"]] == [
            ("size", "FP64", [-1]),
            ("count", "INT64", [-1]),
            ("kind", "BYTES", [-1]),
            ("note", "BYTES", [-1]),
        ]
        assert [(each["name"], each["datatype"], each["shape"]) for each in model["outputs"]] == [
            ("prediction", "BYTES", [-1]),
            ("probabilities", "FP64", [-1, 3]),
        ]
        classes = model["outputs"][1]["parameters"]["classes"]
        assert json.loads(classes) == list(multiclass.metadata.classes)


def test_a_regression_has_one_output(regression: Release) -> None:
    service = Service(regression, Settings())
    service.load()
    app = AsgiApp(service)
    assert [each["name"] for each in get(app, "/v2/models/small-regression")[1]["outputs"]] == ["prediction"]
    body, _ = infer_json(regression, [regression.metadata.example])
    [output] = run(ask(app, path="/v2/models/small-regression/infer", body=body)).json()["outputs"]
    assert (output["datatype"], output["shape"]) == ("FP64", [1])
    assert output["data"] == [regression.predict(regression.metadata.example)[0]["prediction"]]
    service.stop()


def test_a_model_that_is_not_loaded_is_not_ready(multiclass: Release) -> None:
    app = AsgiApp(Service(multiclass, Settings()))
    assert get(app, "/v2/health/live") == (200, {"live": True})
    assert get(app, "/v2/health/ready") == (503, {"ready": False})
    assert get(app, "/v2/models/small-multiclass/ready") == (503, {"name": "small-multiclass", "ready": False})
    reply = run(ask(app, path=INFER, body=json.dumps({"inputs": tensors()}).encode()))
    assert (reply.status, reply.json(), reply.headers["retry-after"]) == (
        503,
        {"error": "The model is not ready."},
        "1",
    )


@pytest.mark.parametrize(
    ("path", "method", "words"),
    [
        ("/v2/models/other", "GET", "Unknown model 'other'. This server has small-multiclass."),
        ("/v2/models/other/infer", "POST", "Unknown model 'other'"),
        ("/v2/models/small-multiclass/versions/9/infer", "POST", "Unknown version '9' of small-multiclass"),
        ("/v2/models/small-multiclass/versions/9", "GET", "Unknown version '9'"),
        ("/v2/models/small-multiclass/stats", "GET", "Not Found"),
        ("/v2/repository/index", "POST", "Not Found"),
    ],
)
def test_unknown_models_versions_and_paths_are_404(app: AsgiApp, path: str, method: str, words: str) -> None:
    reply = run(ask(app, method, path))
    assert reply.status == 404
    assert words in reply.json()["error"]


def test_another_method_is_405(app: AsgiApp) -> None:
    reply = run(ask(app, "GET", "/v2/models/small-multiclass/infer"))
    assert (reply.status, reply.headers["allow"], reply.json()) == (405, "POST", {"error": "Method Not Allowed"})


def test_an_answer_has_the_names_the_id_and_the_tensors(infer: Callable[..., Reply], multiclass: Release) -> None:
    document = infer(id="42", parameters={"content_type": "pd", "unknown": 1}).json()
    expected = multiclass.predict(
        [{"size": 2.5, "count": 3, "kind": "b"}, {"size": 3.5, "count": 4, "kind": "a", "note": "x"}]
    )
    assert (document["model_name"], document["model_version"], document["id"]) == ("small-multiclass", "1.2.3", "42")
    label, shares = document["outputs"]
    assert label == {
        "name": "prediction",
        "datatype": "BYTES",
        "shape": [2],
        "data": [row["prediction"] for row in expected],
    }
    assert (shares["datatype"], shares["shape"]) == ("FP64", [2, 3])
    assert shares["data"] == [share for row in expected for share in row["probabilities"].values()]


def test_without_an_id_it_is_the_request_id(infer: Callable[..., Reply]) -> None:
    reply = infer()
    assert reply.json()["id"] == reply.headers["x-request-id"]


def test_outputs_can_be_chosen(infer: Callable[..., Reply]) -> None:
    chosen = infer(outputs=[{"name": "probabilities"}]).json()["outputs"]
    assert [output["name"] for output in chosen] == ["probabilities"]
    both = infer(outputs=[]).json()["outputs"]
    assert [output["name"] for output in both] == ["prediction", "probabilities"]


def test_one_output_can_be_binary_and_the_other_json(infer: Callable[..., Reply], multiclass: Release) -> None:
    outputs = [{"name": "probabilities", "parameters": {"binary_data": True}}, {"name": "prediction"}]
    reply = infer(outputs=outputs)
    size = int(reply.headers[BINARY_LENGTH])
    shares, label = json.loads(reply.body[:size])["outputs"]
    assert shares["parameters"]["binary_data_size"] == len(reply.body) - size == 2 * 3 * 8
    assert "data" not in shares
    plain = infer().json()["outputs"]
    assert label == plain[0]
    assert list(struct.unpack("<6d", reply.body[size:])) == plain[1]["data"]


@pytest.mark.parametrize(
    "changed",
    [
        {"size": ("FP64", [[2.5], [3.5]])},
        {"size": ("FP32", [2.5, 3.5])},
        {"count": ("FP64", [3.0, 4.0])},
        {"count": ("UINT8", [3, 4])},
        {"note": ("BYTES", ["", "x"])},
    ],
)
def test_other_ways_to_write_the_same_rows(infer: Callable[..., Reply], changed: Any) -> None:
    inputs = tensors(**changed)
    for tensor in inputs:
        if isinstance(tensor["data"][0], list):
            tensor["shape"] = [2, 1]
    assert infer(inputs).json()["outputs"] == infer().json()["outputs"]


def test_whole_numbers_do_for_a_column_of_floats(infer: Callable[..., Reply]) -> None:
    whole = infer(tensors(size=("INT64", [2, 3]))).json()["outputs"]
    assert whole == infer(tensors(size=("FP64", [2.0, 3.0]))).json()["outputs"]


def test_nan_is_a_missing_value(app: AsgiApp) -> None:
    body = json.dumps({"inputs": tensors(note=("FP64", [float("nan"), None]))}).encode()
    reply = run(ask(app, path=INFER, body=body))
    both_missing = json.dumps({"inputs": tensors(note=("BYTES", [None, None]))}).encode()
    assert reply.json()["outputs"] == run(ask(app, path=INFER, body=both_missing)).json()["outputs"]


def test_no_rows_give_empty_tensors(infer: Callable[..., Reply]) -> None:
    reply = infer(tensors(**{name: (kind, []) for name, (kind, _) in GOOD.items()}))
    assert [(output["shape"], output["data"]) for output in reply.json()["outputs"]] == [([0], []), ([0, 3], [])]


def one(**changed: Any) -> list[dict[str, Any]]:
    """Good tensors, with other keys in the first one."""
    first, *others = tensors()
    return [{**first, **changed}, *others]


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        (tensors(size=("FP64", [2.5, -1.0])), "row 1, column size: Input should be greater than or equal to 0 (greater_than_equal)"),
        (tensors(size=("FP64", [2.5, 1e999])), "row 1, column size: Input should be a finite number"),
        (tensors(size=("BYTES", ["2.5", "3.5"])), "row 0, column size: Input should be a valid number (float_type), and in 1 more rows"),
        (tensors(size=("BOOL", [True, False])), "row 0, column size: Input should be a valid number"),
        (tensors(size=None), "row 0, column size: Field required (missing), and in 1 more rows"),
        (tensors(sizes=("FP64", [1.0, 2.0])), "column sizes: Extra inputs are not permitted: did you mean `size`?"),
        ([*tensors(), *tensors()[:1]], "column size: The column is there twice. (duplicate)"),
        (tensors(size=("FP64", [2.5])), "column count: The tensor has 2 rows, size has 1."),
        (one(shape=[3]), "column size: The shape has 3 rows, the data 2."),
        (one(shape=[1, 2]), "column size: Send one tensor for each column, of shape [N] or [N, 1]."),
        (one(shape=[]), "shape [N] or [N, 1]"),
        (one(shape=[-2]), "shape [N] or [N, 1]"),
        (one(shape=[True]), "shape [N] or [N, 1]"),
        (one(shape="2"), "shape [N] or [N, 1]"),
        (one(shape=None), "shape [N] or [N, 1]"),
        (one(shape=[10**30]), f"The shape has {10**30} rows"),
        (one(datatype="FP128"), "column size: Unknown datatype"),
        (one(datatype=["FP64"]), "column size: Unknown datatype"),
        (one(data=None), 'neither a list "data" nor "binary_data_size"'),
        (one(data="ab"), 'neither a list "data"'),
        (one(name=7), 'Each of "inputs" must be an object with the name of a column.'),
        (one(parameters=[1]), '"parameters" must be an object.'),
        (one(parameters={"shared_memory_region": "x"}), "Shared memory is not supported."),
        (one(parameters={"binary_data_size": 16}), '"binary_data_size" is not the number of bytes'),
        ([], '"inputs" must be a list of tensors'),
        ({}, '"inputs" must be a list of tensors'),
        (["size"], 'Each of "inputs" must be an object'),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_tensors_is_said(infer: Callable[..., Reply], inputs: Any, words: str) -> None:
    reply = infer(inputs)
    assert reply.status == 400
    assert words in reply.json()["error"]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"outputs": [{"name": "label"}]}, "column label: There is no such output; there are prediction and probabilities."),
        ({"outputs": ["prediction"]}, "There is no such output"),
        ({"outputs": {}}, '"outputs" must be a list.'),
        ({"outputs": [{"name": "prediction", "parameters": {"classification": 2}}]}, "The parameter classification is not supported."),
        ({"id": 7}, '"id" must be text.'),
        ({"parameters": "x"}, '"parameters" must be an object.'),
    ],
)  # fmt: skip
def test_options_that_cannot_be_met_are_refused(infer: Callable[..., Reply], more: Any, words: str) -> None:
    reply = infer(**more)
    assert reply.status == 400
    assert words in reply.json()["error"]


@pytest.mark.parametrize(
    ("kind", "data", "words"),
    [
        ("FP64", b"\0" * 15, "2 values of FP64 are 16 bytes, not 15."),
        ("BOOL", b"\0" * 3, "2 values of BOOL are 2 bytes, not 3."),
        ("BYTES", struct.pack("<I", 9) + b"x", "row 0, column size: The data ends within an element."),
        ("BYTES", b"\0\0\0", "The data ends within an element."),
        ("BYTES", struct.pack("<I", 2**32 - 1), "The data ends within an element."),
        ("BYTES", struct.pack("<I", 1) + b"\xff" + struct.pack("<I", 0), "row 0, column size: The text is not UTF-8."),
        ("BYTES", struct.pack("<I", 0), "The shape has 2 rows, the data 1."),
        ("BYTES", struct.pack("<I", 0) * 3, "The shape has 2 rows, the data 3."),
    ],
)
def test_binary_data_that_does_not_fit_is_refused(app: AsgiApp, kind: str, data: bytes, words: str) -> None:
    first, *others = tensors()
    del first["data"]
    inputs = [{**first, "datatype": kind, "parameters": {"binary_data_size": len(data)}}, *others]
    head = json.dumps({"inputs": inputs}).encode()
    reply = run(ask(app, path=INFER, body=head + data, headers=[(BINARY_LENGTH, str(len(head)))]))
    assert reply.status == 400
    assert words in reply.json()["error"]


@pytest.mark.parametrize("length", ["-1", "x", "1e3", "9" * 5000, "1", "\xb2"])
def test_a_wrong_length_of_the_json_part_is_refused(app: AsgiApp, length: str) -> None:
    body = json.dumps({"inputs": tensors()}).encode()
    reply = run(ask(app, path=INFER, body=body, headers=[(BINARY_LENGTH, length)]))
    assert reply.status == 400
    assert reply.json()["error"]


def test_binary_data_of_no_tensor_is_refused(app: AsgiApp) -> None:
    head = json.dumps({"inputs": tensors()}).encode()
    reply = run(ask(app, path=INFER, body=head + b"1234", headers=[(BINARY_LENGTH, str(len(head)))]))
    assert "4 bytes of binary data belong to no tensor." in reply.json()["error"]


def test_many_rows_are_answered_in_a_thread(app: AsgiApp, multiclass: Release) -> None:
    rows = [{**multiclass.metadata.example, "size": i / 200} for i in range(2_000)]
    body, headers = infer_binary(multiclass, rows)
    assert len(body) > 32 * 2**10
    binary = read_binary(multiclass, run(ask(app, path=INFER, body=body, headers=list(headers.items()))))
    body, headers = infer_json(multiclass, rows)
    assert binary == read_infer(multiclass, run(ask(app, path=INFER, body=body, headers=list(headers.items()))))
    assert len(binary) == 2_000


def test_too_many_rows_are_refused_before_they_are_translated(app: AsgiApp) -> None:
    head = json.dumps(
        {"inputs": [{"name": "x", "datatype": "BOOL", "shape": [900_000], "parameters": {"binary_data_size": 900_000}}]}
    )
    reply = run(ask(app, path=INFER, body=head.encode() + b"\1" * 900_000, headers=[(BINARY_LENGTH, str(len(head)))]))
    assert reply.status == 400
    assert "List should have at most 10000 items after validation, not 900000" in reply.json()["error"]


def test_a_long_name_is_not_repeated_for_each_row(app: AsgiApp) -> None:
    """Otherwise it would take gigabytes."""
    head = json.dumps(
        {
            "inputs": [
                {"name": "x" * 900_000, "datatype": "BOOL", "shape": [9_000], "parameters": {"binary_data_size": 9_000}}
            ]
        }
    )
    reply = run(ask(app, path=INFER, body=head.encode() + b"\1" * 9_000, headers=[(BINARY_LENGTH, str(len(head)))]))
    assert reply.status == 400
    assert len(reply.body) < 2_000


@pytest.mark.parametrize(
    ("kind", "status"), [("application/json", 200), ("application/octet-stream", 200), ("", 200), ("text/plain", 415)]
)
def test_json_needs_no_content_type(app: AsgiApp, kind: str, status: int) -> None:
    body = json.dumps({"inputs": tensors()}).encode()
    headers = [("content-type", kind)] if kind else []
    reply = run(ask(app, path=INFER, body=body, headers=headers))
    assert reply.status == status
    if status == 415:
        assert "not text/plain" in reply.json()["error"]


def test_small_requests_skip_asgi_and_get_the_same_answers(
    multiclass: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    by_asgi = AsgiApp.__call__

    async def counted(self: AsgiApp, scope: Any, receive: Any, send: Any) -> None:
        calls.append(scope["type"])
        await by_asgi(self, scope, receive, send)

    monkeypatch.setattr(AsgiApp, "__call__", counted)
    bodies = [
        json.dumps({"inputs": tensors(), "id": "1"}).encode(),
        json.dumps({"inputs": tensors(size=("FP64", [1.0, -1.0]))}).encode(),
        json.dumps({"inputs": tensors(), "id": "2", "parameters": {"binary_data_output": True}}).encode(),
        b"{",
        b"",
    ]
    with threaded(AsgiApp(Service(multiclass, Settings()))) as (port, _):
        client = Client(port)
        slow = [client.ask("POST", INFER + "?slow", body, "X-Request-ID: a") for body in bodies]
        before = calls.count("http")
        fast = [client.ask("POST", INFER, body, "X-Request-ID: a") for body in bodies]
        assert calls.count("http") == before == len(bodies)
        binary, headers = infer_binary(multiclass, [multiclass.metadata.example])
        lines = [f"{name}: {value}" for name, value in headers.items()]
        assert client.ask("POST", INFER, binary, *lines).status == 200
        assert calls.count("http") == before + 1
    for first, second in zip(slow, fast, strict=True):
        assert first.comparable() == second.comparable()
    assert [reply.status for reply in fast] == [200, 400, 200, 400, 400]


def test_warnings_are_a_parameter(titanic: Release) -> None:
    service = Service(titanic, Settings())
    service.load()
    body, _ = infer_json(titanic, [{**titanic.metadata.typical, **titanic.metadata.example, "fare": 1e6}])
    document = run(ask(AsgiApp(service), path="/v2/models/titanic-model/infer", body=body)).json()
    [warning] = json.loads(document["parameters"]["warnings"])
    assert (warning["row"], warning["column"], warning["type"]) == (0, "fare", "above_range")
    service.stop()
