"""Wrong passwords are answered late; the right one is not, whatever else happens."""

import asyncio
import base64
import time

from seatrial.release.index_access import Access, Caller, Gate
from seatrial.release.index_brake import ADDRESSES, LONGEST, MANY, MEMORY_SECONDS, Brake


def basic(password: str) -> list[tuple[bytes, bytes]]:
    return [(b"authorization", b"Basic " + base64.b64encode(f"u:{password}".encode()))]


def scope(headers: list[tuple[bytes, bytes]], address: str = "1.2.3.4") -> dict[str, object]:
    return {"type": "http", "method": "GET", "headers": headers, "client": (address, 1)}


def test_each_wrong_password_of_an_address_waits_longer_until_it_is_forgotten() -> None:
    now = 0.0
    brake = Brake(clock=lambda: now)
    assert [brake.delay("a") for _ in range(6)] == [0.1, 0.2, 0.4, 0.8, LONGEST, LONGEST]
    assert brake.delay("b") == 0.1
    now = MEMORY_SECONDS + 1
    assert brake.delay("a") == 0.1


def test_many_addresses_together_wait_the_longest() -> None:
    brake = Brake(clock=lambda: 0.0)
    assert [brake.delay(str(number)) for number in range(MANY)][:3] == [0.1, 0.1, 0.1]
    assert brake.delay("a new one") == LONGEST
    for number in range(2 * ADDRESSES):
        brake.delay(str(number))
    assert len(brake._wrong) == ADDRESSES


def test_the_right_password_is_not_delayed_by_wrong_ones() -> None:
    async def attack() -> tuple[float, int]:
        gate = Gate(Access("u", "right"), Brake(longest=60, pending=100))  # none of the last 200 ends by itself
        guesses = [asyncio.create_task(gate.refusal(scope(basic("wrong")), Caller.READER)) for _ in range(300)]
        async with asyncio.timeout(10):
            while (pending := sum(not guess.done() for guess in guesses)) > 100:
                await asyncio.sleep(0.001)
        began = time.perf_counter()
        assert await gate.refusal(scope(basic("right")), Caller.READER) is None
        waited = time.perf_counter() - began
        answered = [guess.result() for guess in guesses if guess.done()]
        assert {refusal.status_code for refusal in answered if refusal} == {401}
        for guess in guesses:
            guess.cancel()
        return waited, pending

    waited, pending = asyncio.run(attack())
    assert waited < 0.05
    assert pending == 100


def test_a_wrong_password_waits_and_a_missing_one_does_not() -> None:
    async def ask(headers: list[tuple[bytes, bytes]]) -> tuple[float, str]:
        gate = Gate(Access("u", "right"))
        for _ in range(2):
            began = time.perf_counter()
            refusal = await gate.refusal(scope(headers), Caller.READER)
        assert refusal is not None
        return time.perf_counter() - began, refusal.headers.get("connection", "")

    assert asyncio.run(ask(basic("wrong"))) > (0.19, "")
    waited, connection = asyncio.run(ask([]))
    assert waited < 0.1
    assert connection == ""
    assert asyncio.run(ask([(b"content-length", b"1000000")])) > (0.19, "")
    assert asyncio.run(ask([(b"transfer-encoding", b"chunked")])) > (0.19, "")
