"""Predictions as JSON values, in the two ways that the doors send them."""

from collections.abc import Mapping, Sequence
from typing import Any

from seatrial.model.metadata import Metadata
from seatrial.model.unseen import WARNINGS
from seatrial.serve.doors.row_json import Json
from seatrial.serve.responses import Scored


def as_labels(meta: Metadata, rows: Sequence[Scored]) -> Json:
    """`predictions`, a label or a number for each row, and of a classifier `probabilities`, as /api/v1/predict does."""
    if meta.task == "regression":
        return {"predictions": [value for value, _ in rows]}
    names = [str(label) for label in meta.classes]
    return {
        "predictions": [meta.classes[position] for position, _ in rows],
        "probabilities": [dict(zip(names, shares, strict=True)) for _, shares in rows],
    }


def as_objects(meta: Metadata, rows: Sequence[Scored], more: Mapping[str, Any]) -> list[Json]:
    """An object for each row, as `Release.predict` returns them: prediction, probabilities, and its own warnings."""
    columns = as_labels(meta, rows)
    objects = [{"prediction": prediction} for prediction in columns["predictions"]]
    for each, probabilities in zip(objects, columns.get("probabilities", ()), strict=False):
        each["probabilities"] = probabilities
    for warning in more.get(WARNINGS, ()):
        own = {key: value for key, value in warning.items() if key != "row"}
        objects[warning["row"]].setdefault(WARNINGS, []).append(own)
    return objects
