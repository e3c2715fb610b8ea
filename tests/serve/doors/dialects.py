"""How a client of each protocol writes rows and reads the answer, written without the code of the doors."""

import csv
import io
import json
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from tests.serve.clients import Reply

from seatrial.model import Release

Rows = list[dict[str, Any]]
Answers = list[tuple[Any, list[float]]]  # a label and its probabilities, or a regression's number and none
BINARY_LENGTH = "inference-header-content-length"


@dataclass(frozen=True)
class Dialect:
    """One way to ask. `write` returns the body and headers, `read` the answers.

    `whole` says that each row has a value for every column, `typed` that all values have their column's type.
    """

    name: str
    path: str
    write: Callable[[Release, Rows], tuple[bytes, dict[str, str]]]
    read: Callable[[Release, Reply], Answers]
    whole: bool = True
    typed: bool = False
    reason: Callable[[Any], str] = field(default=lambda document: str(document["error"]))


def dumped(document: Any) -> tuple[bytes, dict[str, str]]:
    return json.dumps(document).encode(), {"content-type": "application/json"}


def native(release: Release, rows: Rows) -> tuple[bytes, dict[str, str]]:
    return dumped(rows)


def read_native(release: Release, reply: Reply) -> Answers:
    document = reply.json()
    probabilities = document.get("probabilities") or [{}] * len(document["predictions"])
    names = [str(label) for label in release.metadata.classes]
    return [(p, [q[name] for name in names]) for p, q in zip(document["predictions"], probabilities, strict=True)]


def read_objects(release: Release, objects: Any) -> Answers:
    names = [str(label) for label in release.metadata.classes]
    return [(each["prediction"], [each["probabilities"][name] for name in names] if names else []) for each in objects]


def columns_of(release: Release, rows: Rows) -> dict[str, list[Any]]:
    return {column.name: [row[column.name] for row in rows] for column in release.columns}


def split(release: Release, rows: Rows) -> dict[str, Any]:
    names = [column.name for column in release.columns]
    return {"columns": names, "index": list(range(len(rows))), "data": [[row[name] for name in names] for row in rows]}


DATATYPES = {"integer": "INT64", "number": "FP64", "boolean": "BOOL", "text": "BYTES", "other": "BYTES"}


def datatype(column: Any) -> str:
    if column.kind == "category":
        return "INT64" if all(type(value) is int for value in column.categories) else "BYTES"
    return DATATYPES[column.kind]


def infer_json(release: Release, rows: Rows, *, nested: bool = False) -> tuple[bytes, dict[str, str]]:
    columns = {column.name: column for column in release.columns}
    inputs = [
        {
            "name": name,
            "datatype": datatype(columns[name]),
            "shape": [len(rows), 1] if nested else [len(rows)],
            "data": [[value] for value in values] if nested else values,
        }
        for name, values in columns_of(release, rows).items()
    ]
    return dumped({"id": "mine", "inputs": inputs})


def read_infer(release: Release, reply: Reply) -> Answers:
    document = reply.json()
    outputs = {output["name"]: output for output in document["outputs"]}
    return _rows(release, outputs["prediction"]["data"], outputs.get("probabilities", {}).get("data", []))


def _rows(release: Release, labels: Sequence[Any], shares: Sequence[float]) -> Answers:
    size = len(release.metadata.classes)
    return [(label, list(shares[i * size : (i + 1) * size])) for i, label in enumerate(labels)]


def infer_binary(release: Release, rows: Rows) -> tuple[bytes, dict[str, str]]:
    """As tritonclient sends it: numbers with a gap as FP64 with NaN, a missing text without bytes."""
    inputs, tail = [], b""
    for column in release.columns:
        values = [row[column.name] for row in rows]
        kind = datatype(column)
        if kind == "BYTES":
            data = b"".join(struct.pack("<I", len(text)) + text for text in ((v or "").encode() for v in values))
        elif None in values or any(type(value) is float for value in values):
            kind, data = "FP64", np.array([np.nan if v is None else v for v in values], "<f8").tobytes()
        else:
            data = np.array(values, {"INT64": "<i8", "FP64": "<f8", "BOOL": "?"}[kind]).tobytes()
        parameters = {"binary_data_size": len(data)}
        inputs.append({"name": column.name, "datatype": kind, "shape": [len(rows)], "parameters": parameters})
        tail += data
    head = json.dumps({"inputs": inputs, "parameters": {"binary_data_output": True}}).encode()
    return head + tail, {BINARY_LENGTH: str(len(head)), "content-type": "application/octet-stream"}


def read_binary(release: Release, reply: Reply) -> Answers:
    size = int(reply.headers[BINARY_LENGTH])
    document, tail = json.loads(reply.body[:size]), reply.body[size:]
    assert reply.headers["content-type"] == "application/octet-stream"
    found: dict[str, list[Any]] = {}
    for output in document["outputs"]:
        length = output["parameters"]["binary_data_size"]
        data, tail = tail[:length], tail[length:]
        found[output["name"]] = decoded(output["datatype"], data)
        assert len(found[output["name"]]) == np.prod(output["shape"])
    assert tail == b""
    return _rows(release, found["prediction"], found.get("probabilities", []))


def decoded(kind: str, data: bytes) -> list[Any]:
    if kind != "BYTES":
        return list(np.frombuffer(data, {"INT64": "<i8", "FP64": "<f8", "BOOL": "?"}[kind]).tolist())
    texts = []
    while data:
        (length,) = struct.unpack_from("<I", data)
        texts.append(data[4 : 4 + length].decode())
        data = data[4 + length :]
    return texts


def as_csv(release: Release, rows: Rows, *, header: bool = True) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out)
    names = [column.name for column in release.columns]
    writer.writerows([names] * header + [["" if row[n] is None else row[n] for n in names] for row in rows])
    return out.getvalue().encode()


def read_csv(release: Release, reply: Reply) -> Answers:
    kind = type(release.metadata.classes[0]) if release.metadata.classes else float
    lines = csv.reader(io.StringIO(reply.body.decode()))
    return [(kind(first), [float(share) for share in shares]) for first, *shares in lines]


def read_lines(release: Release, reply: Reply) -> Answers:
    return read_objects(release, [json.loads(line) for line in reply.body.splitlines()])


def dialects(release: Release) -> list[Dialect]:
    """Every way to ask this release."""
    infer = f"/v2/models/{release.name}/infer"
    version = f"/v2/models/{release.name}/versions/{release.version}/infer"

    def nested(each: Release, rows: Rows) -> tuple[bytes, dict[str, str]]:
        return infer_json(each, rows, nested=True)

    def mlflow(name: str, write: Callable[[Release, Rows], Any], **more: Any) -> Dialect:
        def body(each: Release, rows: Rows) -> tuple[bytes, dict[str, str]]:
            return dumped(write(each, rows))

        return Dialect(name, "/invocations", body, read_native, reason=lambda document: document["message"], **more)

    def text(name: str, media: str, accept: str, write: Any, read: Any, **more: Any) -> Dialect:
        def body(each: Release, rows: Rows) -> tuple[bytes, dict[str, str]]:
            return write(each, rows), {"content-type": media, "accept": accept}

        return Dialect(name, "/invocations", body, read, reason=lambda document: document["message"], **more)

    def lines(each: Release, rows: Rows) -> bytes:
        return b"\n".join(json.dumps(row).encode() for row in rows)

    return [
        Dialect("V2", infer, infer_json, read_infer),
        Dialect("V2, nested", version, nested, read_infer),
        Dialect("V2, binary", infer, infer_binary, read_binary, typed=True),
        Dialect(
            "V1",
            f"/v1/models/{release.name}:predict",
            lambda _, rows: dumped({"instances": rows}),
            read_native,
            whole=False,
        ),
        Dialect(
            "Vertex AI",
            "/v1/endpoints/1/deployedModels/2:predict",
            lambda _, rows: dumped({"instances": rows, "parameters": {}}),
            lambda each, reply: read_objects(each, reply.json()["predictions"]),
            whole=False,
        ),
        Dialect(
            "Azure, split",
            "/score",
            lambda each, rows: dumped({"input_data": split(each, rows)}),
            lambda each, reply: read_objects(each, reply.json()),
        ),
        Dialect(
            "Azure, data",
            "/score",
            lambda _, rows: dumped({"data": rows}),
            lambda each, reply: read_objects(each, reply.json()),
            whole=False,
        ),
        mlflow("MLflow, split", lambda each, rows: {"dataframe_split": split(each, rows)}),
        mlflow("MLflow, records", lambda _, rows: {"dataframe_records": rows}, whole=False),
        mlflow("MLflow, instances", lambda each, rows: {"instances": split(each, rows)["data"]}),
        mlflow("MLflow, inputs", lambda each, rows: {"inputs": columns_of(each, rows)}),
        text("CSV", "text/csv; charset=utf-8", "text/csv", as_csv, read_csv, typed=True),
        text(
            "CSV without a header",
            "text/csv",
            "application/json",
            lambda each, rows: as_csv(each, rows, header=False),
            read_native,
            typed=True,
        ),
        text("JSON lines", "application/jsonlines", "application/jsonlines", lines, read_lines, whole=False),
    ]
