"""A hundred hostile bodies through every door: none is a 5xx, and the connection goes on."""

import json
from typing import Any

import pytest
from tests.serve.clients import Client
from tests.serve.doors.dialects import BINARY_LENGTH, Dialect, dialects
from tests.serve.hostile_bodies import hostile_bodies

from seatrial.model import Release

DOORS = [
    *("V2", "V2, binary", "V1", "Vertex AI", "Azure, split", "Azure, data", "MLflow, split", "MLflow, records"),
    *("MLflow, inputs", "CSV", "JSON lines"),
]


def bodies(release: Release, dialect: Dialect) -> list[tuple[str, bytes]]:
    """The bodies as they are, and in place of a row, a value, or the table in a body of this door."""
    plain, _ = dialect.write(release, [release.metadata.typical | release.metadata.example])
    made = []
    for name, body in hostile_bodies(release.metadata.example, "age", "name"):
        made.append((name, body))
        for key in (b'"data": ', b'"shape": ', b'"datatype": ', b'"name": ', b'"instances": ', b'"columns": '):
            if (at := plain.find(key)) >= 0 and len(body) < 2**20:
                made.append(
                    (f"{name} after {key.decode()}", plain[: at + len(key)] + body + b"," + plain[at + len(key) :])
                )
                made.append((f"{name} instead of the rest after {key.decode()}", plain[: at + len(key)] + body + b"}"))
    made += [(f"the first {n} bytes", plain[:n]) for n in range(0, len(plain), 97)]
    made += [
        (f"byte {n} is {value}", plain[:n] + bytes([value]) + plain[n + 1 :])
        for n in range(0, len(plain), 61)
        for value in (0, 34, 255)
    ]
    return made


@pytest.mark.parametrize("name", DOORS)
def test_hostile_bodies(titanic: Release, titanic_port: int, name: str) -> None:
    dialect = next(each for each in dialects(titanic) if each.name == name)
    good, headers = dialect.write(titanic, [titanic.metadata.typical | titanic.metadata.example])
    lines = [f"{key}: {value}" for key, value in headers.items()]
    client = Client(titanic_port)

    sent = bodies(titanic, dialect)
    assert len(sent) > 100
    for named, body in sent:
        reply = client.ask("POST", dialect.path, body, *lines)
        assert reply.status in (200, 400, 413, 415), (named, reply.status, reply.body[:200])
        if reply.status != 200:
            assert dialect.reason(reply.json()), named
            assert len(reply.body) < 20_000, named
    status = client.ask("POST", dialect.path, good, *lines).status
    assert status == 200


def test_hostile_lengths(titanic: Release, titanic_port: int) -> None:
    """What the binary extension says about sizes is not believed."""
    client = Client(titanic_port)
    column: dict[str, Any] = {"name": "name", "datatype": "BYTES"}
    for size in (0, 1, -1, 2**31, 2**63, 1e3, "4", None, [4], True):
        for shape in ([0], [1], [2**62], [1, 1], [2**62, 1], [1.0]):
            for length in (0, 1, 10**6):
                inputs = [{**column, "shape": shape, "parameters": {"binary_data_size": size}}]
                head = json.dumps({"inputs": inputs}).encode()
                lines = [f"{BINARY_LENGTH}: {len(head) + length}"]
                reply = client.ask("POST", "/v2/models/titanic-model/infer", head + b"\xff" * 8, *lines)
                assert reply.status in (200, 400), (size, shape, length, reply.body)
    assert client.ask("GET", "/v2/health/live").status == 200
