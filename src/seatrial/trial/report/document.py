"""The JSON document of a verdict, and its schema, which is stored as `docs/verdict.schema.json`."""

import math
import sys
from typing import Any

from seatrial.core.files import to_json as _to_json
from seatrial.trial.records import SCHEMA, Verdict


def to_json(verdict: Verdict) -> str:
    """Write the document as standard JSON: the largest float in place of Infinity, null in place of NaN."""
    document = _plain(verdict.to_document())
    for check in document["checks"]:
        check["severity"] = check["severity"] or 0.0  # NaN has no order
    return _to_json(document)


def json_schema() -> dict[str, Any]:
    """Describe the document as JSON Schema, generated from the records."""
    from pydantic import TypeAdapter

    schema = TypeAdapter(Verdict).json_schema(mode="serialization")
    schema["properties"]["schema"] = {"const": SCHEMA, "title": "Schema", "type": "integer"}
    schema["required"] = [*schema["required"], "schema"]
    title = f"The result of a sea trial, schema {SCHEMA}"
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": title}


def _plain(value: Any) -> Any:
    """Convert to JSON types: numpy's scalars and arrays become numbers and lists, anything else text."""
    if isinstance(value, dict):
        return {_plain(str(key)): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        # A lone surrogate cannot be written as UTF-8.
        return str(value).encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return float(value) if math.isfinite(value) else math.copysign(sys.float_info.max, value)
    return _plain(value.tolist()) if hasattr(value, "tolist") else str(value)
