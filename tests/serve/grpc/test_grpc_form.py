"""Tensors of gRPC become rows, and predictions become tensors of the same kind."""

import json
import struct
from typing import Any

import pytest
from tritonclient.grpc import service_pb2 as triton

from seatrial.model import Release
from seatrial.model.row_validation import RowError
from seatrial.serve.doors.open_inference import OpenInference
from seatrial.serve.grpc.grpc_form import GrpcForm
from seatrial.serve.server_settings import Settings
from seatrial.serve.service import Service


@pytest.fixture(scope="module")
def door(titanic: Release) -> OpenInference:
    return OpenInference(Service(titanic, Settings()))


def asked(*tensors: tuple[str, str, list[Any]], raw: list[bytes] | None = None, **fields: Any) -> Any:
    """A request of tensors: name, datatype, and values, which are left out where there are raw contents."""
    request = triton.ModelInferRequest(**{"model_name": "titanic-model", **fields})
    for name, kind, values in tensors:
        tensor = request.inputs.add(name=name, datatype=kind, shape=[len(values)])
        if raw is None:
            field = {"INT": "int_contents", "INT64": "int64_contents", "FP64": "fp64_contents", "FP32": "fp32_contents"}
            getattr(tensor.contents, field.get(kind, f"{kind.lower()}_contents")).extend(values)
    request.raw_input_contents.extend(raw or [])
    return request


def rows(door: OpenInference, request: Any) -> Any:
    return json.loads(GrpcForm(door).read(request.SerializeToString()))


def problem(door: OpenInference, request: Any) -> dict[str, Any]:
    with pytest.raises(RowError) as caught:
        GrpcForm(door).read(request if isinstance(request, bytes) else request.SerializeToString())
    return caught.value.errors[0]


def test_typed_contents_become_rows(door: OpenInference) -> None:
    request = asked(
        ("pclass", "INT64", [2, 3]),
        ("name", "BYTES", ["Olsén".encode(), b""]),
        ("age", "FP64", [8.5, float("nan")]),
        ("sibsp", "UINT64", [2**64 - 1, 0]),
    )
    assert rows(door, request) == [
        {"pclass": 2, "name": "Olsén", "age": 8.5, "sibsp": 2**64 - 1},
        {"pclass": 3, "name": None, "age": None, "sibsp": 0},
    ]


def test_narrow_types_have_their_fields(door: OpenInference) -> None:
    for kind, field, value in (
        ("INT8", "int_contents", -1),
        ("INT32", "int_contents", 7),
        ("UINT16", "uint_contents", 7),
        ("FP32", "fp32_contents", 0.5),
        ("BOOL", "bool_contents", True),
    ):
        request = asked()
        getattr(request.inputs.add(name="x", datatype=kind, shape=[1, 1]).contents, field).append(value)
        assert rows(door, request) == [{"x": value}]


def test_raw_contents_become_the_same_rows(door: OpenInference) -> None:
    text = "Olsén".encode()
    raw = [
        struct.pack("<2q", 2, 3),
        struct.pack("<I", len(text)) + text + struct.pack("<I", 0),
        struct.pack("<2d", 8.5, float("nan")),
    ]
    request = asked(("pclass", "INT64", [2, 3]), ("name", "BYTES", ["", ""]), ("age", "FP64", [0, 0]), raw=raw)
    assert rows(door, request) == [{"pclass": 2, "name": "Olsén", "age": 8.5}, {"pclass": 3, "name": None, "age": None}]


def test_raw_contents_without_rows(door: OpenInference) -> None:
    assert rows(door, asked(("pclass", "INT64", []), raw=[b""])) == []


def test_raw_and_typed_contents_are_never_mixed(door: OpenInference) -> None:
    request = asked(("pclass", "INT64", [2]), ("sibsp", "INT64", [0]))
    request.inputs[0].ClearField("contents")
    request.raw_input_contents.extend([struct.pack("<q", 2), struct.pack("<q", 0)])
    error = problem(door, request)
    assert (error["type"], error["loc"]) == ("raw_contents", ["body", "sibsp"])
    assert "not both" in error["msg"]


def test_raw_contents_are_for_each_tensor(door: OpenInference) -> None:
    error = problem(door, asked(("pclass", "INT64", [2]), ("sibsp", "INT64", [0]), raw=[struct.pack("<q", 2)]))
    assert error["msg"] == "There are 2 tensors, and raw contents for 1."
    error = problem(door, asked(("pclass", "INT64", [2]), raw=[b"\0" * 7]))
    assert error["msg"] == "1 values of INT64 are 8 bytes, not 7."


def test_values_in_the_field_of_another_datatype_are_refused(door: OpenInference) -> None:
    request = asked()
    tensor = request.inputs.add(name="pclass", datatype="INT64", shape=[1])
    tensor.contents.int_contents.append(2)
    error = problem(door, request)
    assert error["msg"] == "Values of the datatype are in int64_contents, not in int_contents."
    tensor.datatype = "FP16"
    assert "in raw_input_contents" in problem(door, request)["msg"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shape": [2]}, "The shape has 2 rows, the data 1."),
        ({"shape": [-1]}, "Send one tensor for each column, of shape [N] or [N, 1]."),
        ({"shape": [1, 2]}, "Send one tensor for each column, of shape [N] or [N, 1]."),
        ({"shape": []}, "Send one tensor for each column, of shape [N] or [N, 1]."),
        ({"datatype": "COMPLEX"}, "Values of the datatype are in raw_input_contents, not in int64_contents."),
    ],
)
def test_a_tensor_that_cannot_be_a_column_is_refused(door: OpenInference, change: Any, message: str) -> None:
    request = asked(("pclass", "INT64", [2]))
    tensor = request.inputs[0]
    for key, value in change.items():
        tensor.ClearField(key)
        tensor.MergeFrom(type(tensor)(**{key: value}))
    assert problem(door, request)["msg"] == message


def test_text_that_is_not_utf8_is_refused_with_its_row(door: OpenInference) -> None:
    error = problem(door, asked(("name", "BYTES", [b"a", b"\xff"])))
    assert (error["type"], error["loc"]) == ("string_unicode", ["body", 1, "name"])


def test_what_is_not_a_request_is_refused(door: OpenInference) -> None:
    assert problem(door, b"\xff\xff")["type"] == "protobuf_invalid"
    assert problem(door, asked())["type"] == "inputs"
    assert problem(door, b"")["type"] == "unknown_model"
    assert "Unknown version '9'" in problem(door, asked(model_version="9"))["msg"]


def test_shared_memory_and_unknown_outputs_are_refused(door: OpenInference) -> None:
    request = asked(("pclass", "INT64", [2]))
    request.inputs[0].parameters["shared_memory_region"].string_param = "here"
    assert problem(door, request)["type"] == "shared_memory"
    request = asked(("pclass", "INT64", [2]))
    request.outputs.add(name="scores")
    assert "there are prediction and probabilities" in problem(door, request)["msg"]
    request.outputs[0].name = "prediction"
    request.outputs[0].parameters["classification"].int64_param = 1
    assert "classification is not supported" in problem(door, request)["msg"]


@pytest.mark.parametrize("raw", [False, True])
def test_the_answer_has_the_requested_tensors_in_the_kind_of_the_request(door: OpenInference, raw: bool) -> None:
    request = asked(("pclass", "INT64", [2]), raw=[struct.pack("<q", 2)] if raw else None, id="mine")
    request.outputs.add(name="probabilities").parameters["binary_data"].bool_param = not raw
    request.outputs.add(name="prediction")
    form = GrpcForm(door)
    form.read(request.SerializeToString())
    response = form.respond([(1, [0.25, 0.75])], "id", {"warnings": [{"row": 0}]})
    answer = triton.ModelInferResponse.FromString(response.body)
    assert (answer.model_name, answer.id, answer.parameters["warnings"].string_param) == (
        "titanic-model",
        "mine",
        '[{"row":0}]',
    )
    shares, label = answer.outputs
    assert [(t.name, t.datatype, list(t.shape)) for t in answer.outputs] == [
        ("probabilities", "FP64", [1, 2]),
        ("prediction", "INT64", [1]),
    ]
    assert set(shares.parameters) == {"classes"}
    if raw:
        assert list(answer.raw_output_contents) == [struct.pack("<2d", 0.25, 0.75), struct.pack("<q", 1)]
        assert not any(tensor.HasField("contents") for tensor in answer.outputs)
    else:
        assert (list(shares.contents.fp64_contents), list(label.contents.int64_contents)) == ([0.25, 0.75], [1])
        assert not answer.raw_output_contents
