"""How gRPC clients write rows and read the answer, with the messages that Triton's client brings."""

import json
from typing import Any

import grpc
import numpy as np
from tests.serve.clients import Reply
from tests.serve.doors.dialects import Answers, Dialect, Rows, _rows, datatype, decoded, infer_binary
from tritonclient.grpc import service_pb2 as triton

from seatrial.model import Release

INFER = "/inference.GRPCInferenceService/ModelInfer"
FIELDS = {"INT64": "int64_contents", "FP64": "fp64_contents", "BOOL": "bool_contents", "BYTES": "bytes_contents"}


def infer_typed(release: Release, rows: Rows) -> tuple[bytes, dict[str, str]]:
    request = triton.ModelInferRequest(model_name=release.name, id="mine")
    for column in release.columns:
        values: list[Any] = [row[column.name] for row in rows]
        kind = datatype(column)
        if kind == "BYTES":
            values = [(value or "").encode() for value in values]
        elif None in values or any(type(value) is float for value in values):
            kind, values = "FP64", [np.nan if value is None else value for value in values]
        tensor = request.inputs.add(name=column.name, datatype=kind, shape=[len(rows), 1])
        getattr(tensor.contents, FIELDS[kind]).extend(values)
    return request.SerializeToString(), {}


def infer_raw(release: Release, rows: Rows) -> tuple[bytes, dict[str, str]]:
    body, headers = infer_binary(release, rows)
    size = int(next(iter(headers.values())))
    request = triton.ModelInferRequest(model_name=release.name, model_version=release.version)
    tail = body[size:]
    for tensor in json.loads(body[:size])["inputs"]:
        request.inputs.add(name=tensor["name"], datatype=tensor["datatype"], shape=tensor["shape"])
        length = tensor["parameters"]["binary_data_size"]
        request.raw_input_contents.append(tail[:length])
        tail = tail[length:]
    return request.SerializeToString(), {}


def read_response(release: Release, reply: Reply) -> Answers:
    response = triton.ModelInferResponse.FromString(reply.body)
    found = {}
    for number, output in enumerate(response.outputs):
        if response.raw_output_contents:
            found[output.name] = decoded(output.datatype, response.raw_output_contents[number])
        else:
            values = getattr(output.contents, FIELDS[output.datatype])
            found[output.name] = [v.decode() if output.datatype == "BYTES" else v for v in values]
        assert len(found[output.name]) == np.prod(output.shape)
    return _rows(release, found["prediction"], found.get("probabilities", []))


def grpc_dialects() -> list[Dialect]:
    """Both ways to ask over gRPC."""
    return [
        Dialect("gRPC, typed", INFER, infer_typed, read_response, typed=True),
        Dialect("gRPC, raw", INFER, infer_raw, read_response, typed=True),
    ]


async def call(channel: grpc.aio.Channel, method: str, body: bytes, headers: dict[str, str]) -> Reply:
    """Call a method; an error becomes the answer that the same refusal is over HTTP."""
    try:
        answer = await channel.unary_unary(method)(body, metadata=tuple(headers.items()), timeout=30)
    except grpc.aio.AioRpcError as error:
        if error.code() is not grpc.StatusCode.INVALID_ARGUMENT:
            raise
        return Reply(400, {}, json.dumps({"error": error.details()}).encode())
    return Reply(200, {}, answer)
