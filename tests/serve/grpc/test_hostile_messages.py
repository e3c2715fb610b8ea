"""Messages that no client would send: each gets an error of the caller's, and the connection stays usable."""

import random
import struct
from typing import Any

import grpc
import pytest
from tests.serve.grpc.grpc_dialects import infer_raw, infer_typed
from tests.serve.grpc.test_grpc_calls import ask, request, whole
from tritonclient.grpc import service_pb2 as triton

from seatrial.model import Release

SEED = 20261130
FINE = {grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND}


def mutated(body: bytes, generator: random.Random) -> bytes:
    """A message in which some bytes are other ones, are missing, or are there twice."""
    data = bytearray(body)
    for _ in range(generator.choice([1, 1, 2, 8])):
        start = generator.randrange(len(data))
        end = min(start + generator.choice([1, 1, 2, 9]), len(data))
        data[start:end] = generator.choice(
            [bytes([generator.randrange(256)]), b"", data[start:end] * 2, b"\xff" * 9, b"\0"]
        )
        data = data or bytearray(b"\0")
    return bytes(data)


def test_mutated_messages_are_no_fault(channel: grpc.Channel, titanic: Release) -> None:
    generator = random.Random(SEED)
    rows = [whole(titanic), whole(titanic, name="Olsén")]
    bodies = [infer_raw(titanic, rows)[0], infer_typed(titanic, rows)[0]]
    codes: dict[grpc.StatusCode, int] = {}
    for number in range(600):
        body = mutated(bodies[number % 2], generator)
        code, text, _ = ask(channel, generator.choice(["ModelInfer"] * 9 + ["ModelReady", "ModelMetadata"]), body)
        assert code in FINE, (SEED, number, body, text)
        codes[code] = codes.get(code, 0) + 1
    assert codes[grpc.StatusCode.INVALID_ARGUMENT] > 200, codes
    assert ask(channel, "ModelInfer", request(titanic))[0] is grpc.StatusCode.OK


def large(titanic: Release, **fields: Any) -> triton.ModelInferRequest:
    return triton.ModelInferRequest(model_name=titanic.name, **fields)


def hostile(titanic: Release) -> dict[str, triton.ModelInferRequest]:
    """Large and odd messages, by what is odd about them."""
    made = {
        name: large(titanic)
        for name in ("shapes", "tensors", "names", "outputs", "parameters", "length", "nul", "infinity")
    }
    made["shapes"].inputs.add(name="pclass", datatype="INT64", shape=[1] * 100_000)
    for number in range(20_000):
        made["tensors"].inputs.add(name=f"c{number}", datatype="INT64", shape=[1]).contents.int64_contents.append(1)
    made["names"].inputs.add(name="x" * 900_000, datatype="INT64", shape=[1]).contents.int64_contents.append(1)
    made["outputs"].MergeFromString(infer_typed(titanic, [whole(titanic)])[0])
    for _ in range(50_000):
        made["outputs"].outputs.add(name="prediction")
    tensor = made["parameters"].inputs.add(name="pclass", datatype="INT64", shape=[1])
    for number in range(20_000):
        tensor.parameters[str(number)].double_param = float("nan")
    made["length"].inputs.add(name="name", datatype="BYTES", shape=[2**62])
    made["length"].raw_input_contents.append(struct.pack("<I", 2**32 - 1) + b"x")
    made["nul"].inputs.add(name="name", datatype="BYTES", shape=[1]).contents.bytes_contents.append(b"\0\n")
    made["infinity"].inputs.add(name="age", datatype="FP64", shape=[1]).contents.fp64_contents.append(float("inf"))
    return made


@pytest.mark.parametrize("name", ["shapes", "tensors", "names", "outputs", "parameters", "length", "nul", "infinity"])
def test_large_and_odd_messages_are_no_fault(channel: grpc.Channel, titanic: Release, name: str) -> None:
    code, text, _ = ask(channel, "ModelInfer", hostile(titanic)[name].SerializeToString())
    assert code in FINE, text
    assert (code is grpc.StatusCode.OK) == (name == "outputs"), text
    assert ask(channel, "ModelInfer", request(titanic))[0] is grpc.StatusCode.OK
