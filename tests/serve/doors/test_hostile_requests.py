"""A hundred hostile bodies through every door: none is a 5xx, and the connection goes on."""

import json
import statistics
import time
from pathlib import Path
from typing import Any

import pytest
from tests.serve.clients import PREDICT, Client, process
from tests.serve.doors.dialects import BINARY_LENGTH, Dialect, dialects, native, read_native
from tests.serve.hostile_bodies import hostile_bodies
from tests.soak import few_of

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


@pytest.mark.parametrize("name", few_of(DOORS, ("V2", "Vertex AI", "MLflow, split")))
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


@pytest.mark.soak
def test_500_hostile_bodies_through_every_door_take_under_50_ms_each(titanic: Release, titanic_project: Path) -> None:
    """A server process; a body that is slow once is sent again, since the machine may be busy. Prints the slowest."""
    doors = [Dialect("native", PREDICT, native, read_native), *dialects(titanic)]
    with process(titanic_project / "src", "--port", "0") as server:
        port = server.started()
        for dialect in doors:
            good, headers = dialect.write(titanic, [titanic.metadata.typical | titanic.metadata.example])
            lines = [f"{key}: {value}" for key, value in headers.items()]
            client = Client(port)
            sent = bodies(titanic, dialect)
            slowest = max((seconds_for(client, dialect.path, body, lines), named) for named, body in padded(sent))
            print(f"{dialect.name}: the slowest took {1000 * slowest[0]:.0f} ms, {slowest[1]}")  # noqa: T201
            assert slowest[0] < 0.05, (dialect.name, slowest)
            assert client.ask("POST", dialect.path, good, *lines).status == 200


def padded(sent: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """At least 500: more of the bodies' beginnings where there are fewer."""
    more = [(f"half of {named}", body[: len(body) // 2]) for named, body in sent]
    more += [(f"most of {named}", body[: -len(body) // 3]) for named, body in sent]
    found = (sent + more)[: max(len(sent), 500)]
    assert len(found) >= 500
    return found


def seconds_for(client: Client, path: str, body: bytes, lines: list[str]) -> float:
    took: list[float] = []
    while len(took) < 5 and (len(took) != 1 or took[0] >= 0.03):
        began = time.perf_counter()
        reply = client.ask("POST", path, body, *lines)
        took.append(time.perf_counter() - began)
        assert reply.status < 500, (path, body[:100], reply)
    return statistics.median(took)
