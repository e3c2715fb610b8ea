"""KServe's protocol, version 1, and Vertex AI: `{"instances": [...]}` in, `{"predictions": [...]}` out.

KServe's predictions are labels or numbers, with the probabilities next to them. Vertex AI passes on nothing but the
predictions, so there each is an object with the label and its probabilities.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from seatrial.http.messages import EncodedResponse, to_bytes
from seatrial.serve.doors.door import Call, Door
from seatrial.serve.doors.predictions import as_labels, as_objects
from seatrial.serve.doors.row_json import from_rows, problem, read_object
from seatrial.serve.responses import Scored


class Instances(Door):
    """Both protocols."""

    async def models(self, _: Call) -> EncodedResponse:
        """Handle GET /v1/models."""
        return EncodedResponse(200, to_bytes({"models": [self.release.name]}))

    async def model(self, call: Call) -> EncodedResponse:
        """Handle GET /v1/models/{name}."""
        if refused := self.unknown_model(call):
            return refused
        state = self.service.readiness()
        facts = {"name": self.release.name, "ready": state.status == 200}
        return EncodedResponse(state.status, to_bytes(facts), state.headers)

    async def predict_model(self, call: Call) -> EncodedResponse | None:
        """Handle POST /v1/models/{name}:predict."""
        return self.unknown_model(call) or await self.answer(InstancesForm(self), call)

    async def health(self, _: Call) -> EncodedResponse:
        """Handle Vertex AI's health route."""
        state = self.service.readiness()
        return state if state.status == 200 else self.refused(state)

    async def predict_endpoint(self, call: Call) -> EncodedResponse | None:
        """Handle Vertex AI's prediction route."""
        return await self.answer(InstancesForm(self, objects=True), call)


class InstancesForm:
    """One request. With `objects`, each prediction is an object."""

    media_types: frozenset[str] = frozenset()

    def __init__(self, door: Door, *, objects: bool = False) -> None:
        self._door = door
        self._objects = objects

    def read(self, body: bytes) -> bytes:
        """Translate instances, each an object or a list of values, into rows."""
        request = read_object(body)
        if "instances" not in request:
            raise problem('Send {"instances": [...]}.', "missing", "instances")
        if request.get("parameters") not in (None, {}) or set(request) - {"instances", "parameters"}:
            known = "only instances; this model takes no parameters"
            raise problem(f"The request has more keys than it may have: {known}.", "extra_forbidden")
        return from_rows(self._door.release, request["instances"])

    def respond(self, rows: Sequence[Scored], _: str, more: Mapping[str, Any]) -> EncodedResponse:
        """Write the predictions."""
        meta = self._door.release.metadata
        if self._objects:
            return EncodedResponse(200, to_bytes({"predictions": as_objects(meta, rows, more)}))
        return EncodedResponse(200, to_bytes({**as_labels(meta, rows), **more}))
