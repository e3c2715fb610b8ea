"""The messages are those that Triton's client was compiled with."""

from typing import Any

import pytest
from tritonclient.grpc import service_pb2 as triton

from seatrial.serve.grpc import infer_messages
from seatrial.serve.grpc.infer_messages import METHODS, POOL, SERVICE, message_class


def shape(message: Any) -> list[Any]:
    """What decides about the bytes of a message: its fields, and the messages in them."""
    found = []
    for field in message.fields:
        kind = field.message_type
        inner = shape(kind) if kind and kind.GetOptions().map_entry else kind and kind.full_name
        one = field.containing_oneof and field.containing_oneof.name
        found.append((field.name, field.number, field.type, field.is_repeated, field.is_packed, inner, one))
    return found


@pytest.mark.parametrize("name", infer_messages._MESSAGES)
def test_a_message_has_the_fields_that_triton_knows(name: str) -> None:
    ours = POOL.FindMessageTypeByName(f"inference.{name}")
    theirs = triton.DESCRIPTOR.pool.FindMessageTypeByName(f"inference.{name}")
    assert shape(ours) == shape(theirs)


def test_the_methods_take_and_give_what_triton_expects() -> None:
    ours = POOL.FindServiceByName(SERVICE)
    theirs = triton.DESCRIPTOR.pool.FindServiceByName(SERVICE)
    for name in METHODS:
        pairs = [(each.input_type.full_name, each.output_type.full_name) for each in
                 (ours.methods_by_name[name], theirs.methods_by_name[name])]  # fmt: skip
        assert pairs[0] == pairs[1]


def test_a_message_survives_the_wire() -> None:
    request = message_class("ModelInferRequest")(model_name="m", raw_input_contents=[b"\0"])
    request.parameters["text"].string_param = "é"
    request.parameters["number"].double_param = 0.5
    request.inputs.add(name="x", datatype="FP64", shape=[2]).contents.fp64_contents.extend([1.5, float("inf")])
    data = request.SerializeToString(deterministic=True)
    assert triton.ModelInferRequest.FromString(data).SerializeToString(deterministic=True) == data
    assert message_class("ModelInferRequest").FromString(data) == request
