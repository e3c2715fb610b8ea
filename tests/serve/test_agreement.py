"""The express lane, the front and FastAPI give the same answers: status, body and headers, but for the request id."""

import asyncio
import json
import random
from typing import Any

import pytest
from tests.serve.hostile import hostile_bodies
from tests.serve.releases import EXAMPLE
from tests.serve.serving import Client, Reply, ask, threaded

from seatrial.model import Release
from seatrial.serve.app import create_fastapi
from seatrial.serve.asgi import Front
from seatrial.serve.server_settings import Settings
from seatrial.serve.service import EXPLAIN, PREDICT, Service

SEED = 20261124
BODIES = 3_000
ODD = [None, True, "", "x", -1, 0, 1, 2.5, 99, 1e300, 10**20, [], {}, "S", "male", "é\u0000", "3", [1], {"a": 1}]
ENDS = [b"", b" ", b"\n", b",", b"]", b"}", b"\x00", b"\xff"]


def generated(release: Release, generator: random.Random) -> bytes:
    """Make a body: mostly a good row with something done to it, alone or in company, sometimes broken as text."""
    names = [column.name for column in release.columns]

    def row() -> Any:
        found = dict(generator.choice([release.metadata.example, release.metadata.typical]))
        for _ in range(generator.choice([0, 0, 1, 1, 2, 5])):
            name = generator.choice(names)
            match generator.randrange(5):
                case 0:
                    found.pop(name, None)
                case 1:
                    found[name + generator.choice(["", "x", " ", "é"])] = generator.choice(ODD)
                case 2:
                    found[name] = round(generator.uniform(-1, 120), generator.randrange(4))
                case 3:
                    found[name] = generator.randrange(-1, 14)
                case _:
                    found[name] = generator.choice(ODD)
        return generator.choice([found] * 30 + ODD)

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
    else:  # more than one turn of the event loop should bear, good or with one bad row
        document = [release.metadata.example] * generator.choice([64, 65, 150]) + [row()]
    body = json.dumps(document, ensure_ascii=generator.random() < 0.5).encode()
    if generator.random() < 0.1:
        cut = generator.randrange(len(body) + 1)
        body = body[:cut] + generator.choice(ENDS) + body[cut + generator.randrange(2) :]
    return body


@pytest.mark.parametrize("kind", ["titanic", "multiclass", "regression", "native"])
def test_all_doors_give_the_same_answer(kind: str, request: pytest.FixtureRequest) -> None:
    release: Release = request.getfixturevalue(kind)
    generator = random.Random(SEED)
    bodies = [generated(release, generator) for _ in range(BODIES if kind == "titanic" else 150)]
    number, text = ("age", "name") if kind == "titanic" else ("size", "note")
    bodies += [body for _, body in hostile_bodies(release.metadata.example, number, text)]
    service = Service(release, Settings())
    service.load()
    front, fastapi = Front(service), create_fastapi(service)

    async def in_process() -> tuple[list[Reply], list[Reply]]:
        return [await ask(front, body=b) for b in bodies], [await ask(fastapi, body=b) for b in bodies]

    by_front, by_fastapi = asyncio.run(in_process())
    with threaded(Front(Service(release, Settings()))) as (port, _):
        client = Client(port)
        by_wire = [client.predict(body) for body in bodies]
    for body, *replies in zip(bodies, by_front, by_fastapi, by_wire, strict=True):
        first, second, third = (reply.comparable() for reply in replies)
        assert first == second == third, (SEED, body[:500])
        assert all(int(r.headers["content-length"]) == len(r.body) for r in replies)
    statuses = [reply.status for reply in by_front]
    assert statuses.count(200) > len(bodies) / 5, statuses.count(200)  # good ones are compared, and bad ones
    assert statuses.count(422) > len(bodies) / 5, statuses.count(422)
    service.stop()


def test_the_other_paths_agree_too(titanic: Release) -> None:
    asked = [
        *[(method, path) for method in ("GET", "HEAD", "POST") for path in ("/health", "/api/v1/health", "/ready")],
        *[(method, PREDICT) for method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH")],
        *[("GET", path) for path in ("/api/v1/model", "/nowhere", PREDICT + "/", "/docs", "/openapi.json")],
        ("POST", EXPLAIN),
        ("GET", EXPLAIN),
    ]
    service = Service(titanic, Settings())
    service.load()
    front, fastapi = Front(service), create_fastapi(service)
    body = json.dumps(titanic.metadata.example).encode()

    async def main() -> None:
        for method, path in asked:
            given = body if method == "POST" else b""
            first, second = await ask(front, method, path, given), await ask(fastapi, method, path, given)
            if method == "HEAD":  # Starlette leaves the body to the server, which leaves it out
                first, second = first._replace(body=b""), second._replace(body=b"")
            assert first.comparable() == second.comparable(), (method, path)

    asyncio.run(main())
    service.stop()


@pytest.mark.parametrize("given", ["abc", 'quote"d', "x" * 129, "a b", ""])
def test_request_ids_agree(titanic: Release, given: str) -> None:
    service = Service(titanic, Settings())
    service.load()

    async def main() -> list[Reply]:
        headers = [("X-Request-ID", given)]
        body = json.dumps(titanic.metadata.example).encode()
        return [await ask(app, body=body, headers=headers) for app in (Front(service), create_fastapi(service))]

    replies = asyncio.run(main())
    with threaded(Front(service)) as (port, _):
        replies.append(Client(port).predict(json.dumps(titanic.metadata.example).encode(), f"X-Request-ID: {given}"))
    assert all(reply.json()["request_id"] == reply.headers["x-request-id"] for reply in replies)
    assert len({reply.headers["x-request-id"] == given for reply in replies}) == 1


def test_the_small_releases_example_is_good(multiclass: Release) -> None:
    assert multiclass.metadata.example == EXAMPLE
    assert len(multiclass.predict(EXAMPLE)) == 1
