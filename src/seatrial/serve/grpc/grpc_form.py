"""Translates a ModelInferRequest into rows, and scored rows into a ModelInferResponse."""

from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf.message import DecodeError

from seatrial.http.messages import EncodedResponse
from seatrial.serve.doors.open_inference import TensorForm
from seatrial.serve.doors.row_json import Json, problem
from seatrial.serve.doors.tensors import SIZE_KEY
from seatrial.serve.grpc.infer_messages import message_class
from seatrial.serve.responses import Scored

UNKNOWN_MODEL = "unknown_model"  # the rule that a request for another model breaks
# Where typed values are, by datatype. FP16 has no such field.
CONTENTS = {
    "BOOL": "bool_contents",
    **dict.fromkeys(("INT8", "INT16", "INT32"), "int_contents"),
    "INT64": "int64_contents",
    **dict.fromkeys(("UINT8", "UINT16", "UINT32"), "uint_contents"),
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}
_REQUEST, _RESPONSE = message_class("ModelInferRequest"), message_class("ModelInferResponse")


class GrpcForm(TensorForm):
    """One call of ModelInfer. Its answer has raw contents if its tensors have them, else typed ones."""

    def read(self, body: bytes) -> bytes:
        """Translate tensors into rows."""
        try:
            request = _REQUEST.FromString(body)
        except DecodeError:
            raise problem("The message is not a ModelInferRequest.", "protobuf_invalid") from None
        if text := self._door.unknown(request.model_name, request.model_version):
            raise problem(text, UNKNOWN_MODEL)
        raw = request.raw_input_contents
        if not raw:
            return self.rows(_options(request, binary=False) | {"inputs": [_typed(each) for each in request.inputs]})
        if len(raw) != len(request.inputs):
            text = f"There are {len(request.inputs)} tensors, and raw contents for {len(raw)}."
            raise problem(text, "raw_contents")
        inputs = [_raw(tensor, len(data)) for tensor, data in zip(request.inputs, raw, strict=True)]
        return self.rows(_options(request, binary=True) | {"inputs": inputs}, b"".join(raw))

    def respond(self, rows: Sequence[Scored], request_id: str, more: Mapping[str, Any]) -> EncodedResponse:
        """Write the predictions as tensors."""
        head, outputs, tail = self.tensors(rows, request_id, more)
        response = _RESPONSE(
            model_name=head["model_name"], model_version=head["model_version"], id=head["id"], raw_output_contents=tail
        )
        for key, text in head.get("parameters", {}).items():
            response.parameters[key].string_param = text
        for output in outputs:
            datatype = output["datatype"]
            tensor = response.outputs.add(name=output["name"], datatype=datatype, shape=output["shape"])
            for key, text in output.get("parameters", {}).items():
                if key != SIZE_KEY:
                    tensor.parameters[key].string_param = text
            if "data" in output:
                values = output["data"]
                contents = [str(value).encode() for value in values] if datatype == "BYTES" else values
                getattr(tensor.contents, CONTENTS[datatype]).extend(contents)
        return EncodedResponse(200, response.SerializeToString())


def _options(request: Any, *, binary: bool) -> Json:
    """What a request says besides its tensors, as it would in JSON."""
    outputs: list[Json] = []
    for each in request.outputs:
        parameters = _parameters(each.parameters)
        parameters.pop("binary_data", None)  # there is raw data for all outputs or for none
        outputs.append({"name": each.name, "parameters": parameters})
    return {"id": request.id or None, "parameters": {"binary_data_output": binary}, "outputs": outputs}


def _parameters(given: Any) -> Json:
    return {key: getattr(value, value.WhichOneof("parameter_choice") or "bool_param") for key, value in given.items()}


def _raw(tensor: Any, size: int) -> Json:
    if tensor.HasField("contents"):
        raise problem("A request has raw contents or typed ones, not both.", "raw_contents", tensor.name)
    parameters = {**_parameters(tensor.parameters), SIZE_KEY: size}
    return {"name": tensor.name, "datatype": tensor.datatype, "shape": list(tensor.shape), "parameters": parameters}


def _typed(tensor: Any) -> Json:
    name, datatype = tensor.name, tensor.datatype
    values = _values(name, datatype, tensor.contents.ListFields())
    document = {"name": name, "datatype": datatype, "shape": list(tensor.shape), "data": values}
    if tensor.parameters:
        document["parameters"] = _parameters(tensor.parameters)
    return document


def _values(name: str, datatype: str, fields: list[tuple[Any, Any]]) -> list[Any]:
    """The values of a tensor in the fields of its contents; a text without bytes is a missing value, as in raw ones."""
    known = CONTENTS.get(datatype, "")
    if others := [field.name for field, _ in fields if field.name != known]:
        text = f"Values of the datatype are in {known or 'raw_input_contents'}, not in {others[0]}."
        raise problem(text, "contents", name)
    values = list(fields[0][1]) if fields else []
    if datatype != "BYTES":
        return values
    texts: list[Any] = []
    for value in values:
        try:
            texts.append(value.decode() or None)
        except UnicodeDecodeError:
            raise problem("The text is not UTF-8.", "string_unicode", len(texts), name) from None
    return texts
