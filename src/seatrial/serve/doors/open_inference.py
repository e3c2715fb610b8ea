"""The Open Inference Protocol, version 2, over REST, with the binary extension, for KServe's and Triton's clients."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic_core import to_json

from seatrial import __version__
from seatrial.http.messages import EncodedResponse, Headers, to_bytes
from seatrial.model.schema import Column
from seatrial.serve.doors.door import Call, Door
from seatrial.serve.doors.row_json import Json, from_columns, problem, read_object
from seatrial.serve.doors.tensors import (
    SIZE_KEY,
    TensorReader,
    column_datatype,
    datatype_of,
    plain_tensors,
    to_binary,
)
from seatrial.serve.responses import Scored
from seatrial.serve.service import Service

JSON_LENGTH = b"inference-header-content-length"
BINARY = "application/octet-stream"
PREDICTION, PROBABILITIES = "prediction", "probabilities"


class OpenInference(Door):
    """Health, metadata and inference."""

    fast_route = "/v2/models/{name}/infer"

    def __init__(self, service: Service) -> None:
        super().__init__(service)
        meta = self.release.metadata
        self.classes = meta.classes
        self.datatypes = {PREDICTION: datatype_of(meta.classes) if meta.classes else "FP64"}
        if meta.classes:
            self.datatypes[PROBABILITIES] = "FP64"
        labels = [str(label) for label in meta.classes] if self.datatypes[PREDICTION] == "BYTES" else meta.classes
        self.labels = list(labels)
        # How the parameters of a tensor may be given: text, numbers and booleans, so lists are JSON in a text.
        self.class_parameters: Json = {"classes": json.dumps(list(meta.classes), ensure_ascii=False)}

    def fast_urls(self) -> tuple[bytes, ...]:
        """The route of inference without a version."""
        return (f"/v2/models/{self.release.name}/infer".encode(),)

    def plain_form(self) -> "InferForm":
        """The form of a request without binary data."""
        return InferForm(self, "")

    async def server(self, _: Call) -> EncodedResponse:
        """Handle GET /v2."""
        facts = {"name": "seatrial", "version": __version__, "extensions": ["binary_tensor_data"]}
        return EncodedResponse(200, to_bytes(facts))

    async def live(self, _: Call) -> EncodedResponse:
        """Handle GET /v2/health/live."""
        return EncodedResponse(200, b'{"live":true}')

    async def ready(self, _: Call) -> EncodedResponse:
        """Handle GET /v2/health/ready."""
        return self._ready({})

    async def model_ready(self, call: Call) -> EncodedResponse:
        """Handle GET /v2/models/{name}/ready."""
        return self.unknown_model(call) or self._ready({"name": self.release.name})

    def _ready(self, facts: Json) -> EncodedResponse:
        refused = self.service.readiness()
        ready = refused.status == 200
        return EncodedResponse(refused.status, to_bytes({**facts, "ready": ready}), refused.headers)

    async def model(self, call: Call) -> EncodedResponse:
        """Handle GET /v2/models/{name}."""
        return self.unknown_model(call) or EncodedResponse(200, to_bytes(self.facts()))

    def facts(self) -> Json:
        """The model's metadata."""
        meta, release = self.release.metadata, self.release
        outputs: list[Json] = [{"name": PREDICTION, "datatype": self.datatypes[PREDICTION], "shape": [-1]}]
        if self.classes:
            shape = [-1, len(self.classes)]
            more = {"parameters": self.class_parameters}
            outputs.append({"name": PROBABILITIES, "datatype": "FP64", "shape": shape, **more})
        return {
            "name": release.name,
            "versions": [release.version],
            "platform": "onnxruntime_onnx" if meta.engine == "onnx" else "sklearn_skops",
            "inputs": [_tensor_facts(column) for column in release.columns],
            "outputs": outputs,
        }

    async def infer(self, call: Call) -> EncodedResponse | None:
        """Handle POST /v2/models/{name}/infer."""
        if refused := self.unknown_model(call):
            return refused
        return await self.answer(InferForm(self, call.header(JSON_LENGTH)), call)


def _tensor_facts(column: Column) -> Json:
    return {"name": column.name, "datatype": column_datatype(column), "shape": [-1]}


class TensorForm:
    """One request for inference, however its tensors came in."""

    media_types: frozenset[str] = frozenset()

    def __init__(self, door: OpenInference) -> None:
        self._door = door
        self._id: str | None = None
        self._outputs: dict[str, bool] = {}  # by name, whether it is sent in binary

    def rows(self, request: Json, tail: bytes = b"") -> bytes:
        """Translate a request, whose binary data is in `tail`, into the JSON of its rows. Raises RowError."""
        self._read_options(request)
        inputs = request.get("inputs")
        if not isinstance(inputs, list) or not inputs:
            raise problem('"inputs" must be a list of tensors, one for each column.', "inputs")
        if not tail and (plain := plain_tensors(inputs)):
            return from_columns(self._door.release, *plain)
        reader = TensorReader(tail)
        tensors = [reader.read(tensor) for tensor in inputs]
        reader.finish()
        rows = len(tensors[0][1])
        for name, values in tensors:
            if len(values) != rows:
                text = f"The tensor has {len(values)} rows, {tensors[0][0][:100]} has {rows}."
                raise problem(text, "wrong_length", name)
        return from_columns(self._door.release, [name for name, _ in tensors], [values for _, values in tensors])

    def _read_options(self, request: Json) -> None:
        """Note the ID and the requested outputs."""
        if request.get("id") is not None and not isinstance(request["id"], str):
            raise problem('"id" must be text.', "string_type")
        self._id = request.get("id")
        parameters = _parameters(request)
        binary = parameters.get("binary_data_output") is True
        wanted = request.get("outputs")
        if wanted is None or wanted == []:
            self._outputs = dict.fromkeys(self._door.datatypes, binary)
            return
        if not isinstance(wanted, list):
            raise problem('"outputs" must be a list.', "list_type")
        self._outputs = {}
        for output in wanted:
            name = output.get("name") if isinstance(output, dict) else None
            if not isinstance(name, str) or name not in self._door.datatypes:
                known = " and ".join(self._door.datatypes)
                named = name if isinstance(name, str) else ""
                raise problem(f"There is no such output; there are {known}.", "outputs", named)
            own = _parameters(output)
            if refused := {"classification", "shared_memory_region"} & set(own):
                raise problem(f"The parameter {min(refused)} is not supported.", "parameters", name)
            self._outputs[name] = own.get("binary_data", binary) is True

    def tensors(
        self, rows: Sequence[Scored], request_id: str, more: Mapping[str, Any]
    ) -> tuple[Json, list[Json], list[bytes]]:
        """The answer: what it says about the whole, its tensors, and the binary data of some, in their order."""
        door = self._door
        head: Json = {
            "model_name": door.release.name,
            "model_version": door.release.version,
            "id": self._id if self._id is not None else request_id,
        }
        if more:
            head["parameters"] = {key: to_bytes(value).decode() for key, value in more.items()}
        outputs: list[Json] = []
        tail: list[bytes] = []
        for name, binary in self._outputs.items():
            tensor: Json = {"name": name, "datatype": door.datatypes[name], "shape": [len(rows)]}
            if name == PROBABILITIES:
                tensor |= {"shape": [len(rows), len(door.classes)], "parameters": door.class_parameters}
                values: list[Any] = [share for _, shares in rows for share in shares]
            else:
                values = [door.labels[first] for first, _ in rows] if door.classes else [first for first, _ in rows]
            if binary:
                tail.append(to_binary(tensor["datatype"], values))
                tensor["parameters"] = {**tensor.get("parameters", {}), SIZE_KEY: len(tail[-1])}
            else:
                tensor["data"] = values
            outputs.append(tensor)
        return head, outputs, tail


class InferForm(TensorForm):
    """A request over HTTP. `json_length` is the size of its JSON part, "" if there is no other."""

    media_types = frozenset({BINARY})

    def __init__(self, door: OpenInference, json_length: str) -> None:
        super().__init__(door)
        self._json_length = json_length

    def read(self, body: bytes) -> bytes:
        """Translate tensors into rows."""
        length = len(body)
        if self._json_length:
            if not self._json_length.isdecimal() or int(self._json_length[:20]) > length:
                raise problem("The header Inference-Header-Content-Length is not the size of a part.", "header")
            length = int(self._json_length)
        return self.rows(read_object(body[:length]), body[length:])

    def respond(self, rows: Sequence[Scored], request_id: str, more: Mapping[str, Any]) -> EncodedResponse:
        """Write the predictions as tensors."""
        head, outputs, tail = self.tensors(rows, request_id, more)
        text = to_json({**head, "outputs": outputs})
        if not tail:
            return EncodedResponse(200, text)
        headers: Headers = ((b"content-type", BINARY.encode()), (JSON_LENGTH, b"%d" % len(text)))
        return EncodedResponse(200, text + b"".join(tail), headers)


def _parameters(part: Json) -> Json:
    parameters = {} if part.get("parameters") is None else part["parameters"]
    if not isinstance(parameters, dict):
        raise problem('"parameters" must be an object.', "dict_type")
    return parameters
