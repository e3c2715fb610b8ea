"""The HTTP fast path, the ASGI application and FastAPI give the same responses, except for the request ID."""

import asyncio
import json
import random
from typing import Any

import pytest
from tests.serve.clients import Client, Reply, ask, threaded
from tests.serve.hostile_bodies import hostile_bodies
from tests.serve.small_releases import EXAMPLE

from seatrial.model import Release
from seatrial.serve.app import create_fastapi
from seatrial.serve.asgi import AsgiApp
from seatrial.serve.server_settings import Settings
from seatrial.serve.service import EXPLAIN, PREDICT, Service

SEED = 20261124
BODIES = 3_000
ODD = [None, True, "", "x", -1, 0, 1, 2.5, 99, 1e300, 10**20, [], {}, "S", "male", "é\u0000", "3", [1], {"a": 1}]
ENDS = [b"", b" ", b"\n", b",", b"]", b"}", b"\x00", b"\xff"]


def generated(release: Release, generator: random.Random) -> bytes:
    """Make a body: mostly a valid row with a few changes, alone or in a list, sometimes damaged as text."""
    names = [column.name for column in release.columns]

    def row() -> Any:
        values = dict(generator.choice([release.metadata.example, release.metadata.typical]))
        for _ in range(generator.choice([0, 0, 1, 1, 2, 5])):
            name = generator.choice(names)
            match generator.randrange(5):
                case 0:
                    values.pop(name, None)
                case 1:
                    values[name + generator.choice(["", "x", " ", "é"])] = generator.choice(ODD)
                case 2:
                    values[name] = round(generator.uniform(-1, 120), generator.randrange(4))
                case 3:
                    values[name] = generator.randrange(-1, 14)
                case _:
                    values[name] = generator.choice(ODD)
        return generator.choice([values] * 30 + ODD)

    shape = generator.randrange(12)
    document: Any
    if shape < 6:
        document = row()
    elif shape < 9:
        document = [row() for _ in range(generator.choice([0, 1, 2, 3, 30]))]
    elif shape < 11:
        document = {"inputs": [row() for _ in range(generator.choice([0, 1, 2, 5]))]}
        if generator.random() < 0.1:
            document["more"] = 1
    else:  # too much for the event loop; all rows valid, or the last one invalid
        document = [release.metadata.example] * generator.choice([64, 65, 150]) + [row()]
    body = json.dumps(document, ensure_ascii=generator.random() < 0.5).encode()
    if generator.random() < 0.1:
        cut = generator.randrange(len(body) + 1)
        body = body[:cut] + generator.choice(ENDS) + body[cut + generator.randrange(2) :]
    return body


@pytest.mark.parametrize("kind", ["titanic", "multiclass", "regression", "native"])
def test_all_paths_give_the_same_response(kind: str, request: pytest.FixtureRequest) -> None:
    release: Release = request.getfixturevalue(kind)
    generator = random.Random(SEED)
    bodies = [generated(release, generator) for _ in range(BODIES if kind == "titanic" else 250)]
    number, text = ("age", "name") if kind == "titanic" else ("size", "note")
    bodies += [body for _, body in hostile_bodies(release.metadata.example, number, text)]
    service = Service(release, Settings())
    service.load()
    asgi, fastapi = AsgiApp(service), create_fastapi(service)

    async def in_process() -> tuple[list[Reply], list[Reply]]:
        return [await ask(asgi, body=b) for b in bodies], [await ask(fastapi, body=b) for b in bodies]

    by_asgi, by_fastapi = asyncio.run(in_process())
    with threaded(AsgiApp(Service(release, Settings()))) as (port, _):
        client = Client(port)
        by_wire = [client.predict(body) for body in bodies]
    for body, *replies in zip(bodies, by_asgi, by_fastapi, by_wire, strict=True):
        first, second, third = (reply.comparable() for reply in replies)
        assert first == second == third, (SEED, body[:500])
        assert all(int(r.headers["content-length"]) == len(r.body) for r in replies)
    statuses = [reply.status for reply in by_asgi]
    assert statuses.count(200) > len(bodies) / 6, statuses.count(200)  # valid and invalid bodies are compared
    assert statuses.count(422) > len(bodies) / 5, statuses.count(422)
    service.stop()


DOORS = [
    *("/v2", "/v2/health/live", "/v2/health/ready", "/v2/x", "/v2/models/x", "/v2/models/titanic-model/ready", "/ping"),
    *("/v2/models/titanic-model", "/v2/models/titanic-model/infer", "/v2/models/titanic-model/versions/0/infer"),
    *("/v1/models", "/v1/models/titanic-model", "/v1/models/x", "/v1/models/titanic-model:predict", "/version"),
    *("/v1/endpoints/1/deployedModels/2", "/v1/endpoints/1/deployedModels/2:predict", "/invocations", "/score"),
]


def test_other_routes_give_the_same_response(titanic: Release) -> None:
    requests = [
        *[(method, path) for method in ("GET", "HEAD", "POST") for path in ("/health", "/api/v1/health", "/ready")],
        *[(method, PREDICT) for method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH")],
        *[(method, "/") for method in ("GET", "HEAD")],
        *[(method, path) for method in ("GET", "HEAD", "POST", "PUT") for path in DOORS],
        *[("GET", path) for path in ("/api/v1/model", "/nowhere", PREDICT + "/", "/docs", "/openapi.json")],
        ("POST", EXPLAIN),
        ("GET", EXPLAIN),
    ]
    service = Service(titanic, Settings())
    service.load()
    asgi, fastapi = AsgiApp(service), create_fastapi(service)
    body = json.dumps(titanic.metadata.example).encode()

    async def main() -> None:
        for method, path in requests:
            content = body if method == "POST" else b""
            first, second = await ask(asgi, method, path, content), await ask(fastapi, method, path, content)
            if method == "HEAD":  # Starlette leaves it to the server to omit the body
                first, second = first._replace(body=b""), second._replace(body=b"")
            assert first.comparable() == second.comparable(), (method, path)

    asyncio.run(main())
    service.stop()


@pytest.mark.parametrize("sent", ["abc", 'quote"d', "x" * 129, "a b", ""])
def test_request_ids_are_handled_the_same_way(titanic: Release, sent: str) -> None:
    service = Service(titanic, Settings())
    service.load()

    async def main() -> list[Reply]:
        headers = [("X-Request-ID", sent)]
        body = json.dumps(titanic.metadata.example).encode()
        return [await ask(app, body=body, headers=headers) for app in (AsgiApp(service), create_fastapi(service))]

    replies = asyncio.run(main())
    with threaded(AsgiApp(service)) as (port, _):
        replies.append(Client(port).predict(json.dumps(titanic.metadata.example).encode(), f"X-Request-ID: {sent}"))
    assert all(reply.json()["request_id"] == reply.headers["x-request-id"] for reply in replies)
    assert len({reply.headers["x-request-id"] == sent for reply in replies}) == 1


def test_the_example_of_the_small_releases_is_valid(multiclass: Release) -> None:
    assert multiclass.metadata.example == EXAMPLE
    assert len(multiclass.predict(EXAMPLE)) == 1
