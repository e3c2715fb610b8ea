"""The honest clients: so many requests a second. `python -m benchmarks.attacks.honest PORT SECONDS [RATE]`."""

import asyncio
import json
import sys
import time
from collections import Counter
from typing import Any

from benchmarks.attacks.attackers import POST, ROW

HEALTH = b"GET /health HTTP/1.1\r\nHost: localhost\r\n"
BODY = b'{"inputs":[' + ROW + b"]}"
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
CONNECTIONS = 16
GIVE_UP = 20.0


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes) -> int:
    """Send a request, and return the status of its response."""
    writer.write(data)
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    await reader.readexactly(length)
    return int(head.split()[1])


async def be_honest(port: int, seconds: float, rate: float) -> dict[str, Any]:
    """Send predictions and health checks; each second request comes on a new connection, the others on open ones."""
    kept: asyncio.Queue[Any] = asyncio.Queue()
    for _ in range(CONNECTIONS):
        kept.put_nowait(None)
    lost: Counter[str] = Counter()
    took: list[float] = []

    async def one(number: int) -> None:
        data = HEALTH + b"\r\n" if number % 10 == 9 else POST + LENGTH + b"\r\n" + BODY
        keep = number % 2 == 0
        connection = await kept.get() if keep else None
        began = time.perf_counter()
        try:
            async with asyncio.timeout(GIVE_UP):
                connection = connection or await asyncio.open_connection("127.0.0.1", port)
                status = await ask(*connection, data)
            if status != 200:
                lost[str(status)] += 1
        except (OSError, EOFError, TimeoutError) as error:
            lost[type(error).__name__] += 1
            if connection:
                connection[1].close()
            connection = None
        took.append(time.perf_counter() - began)
        if keep:
            kept.put_nowait(connection)
        elif connection:
            connection[1].close()

    tasks = []
    began = time.perf_counter()
    for number in range(int(seconds * rate)):
        await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
        tasks.append(asyncio.ensure_future(one(number)))
    await asyncio.gather(*tasks)
    took.sort()
    return {
        "sent": len(took),
        "lost": dict(lost),
        "p50_ms": round(took[len(took) // 2] * 1000, 1),
        "p99_ms": round(took[len(took) * 99 // 100] * 1000, 1),
        "slowest_ms": round(took[-1] * 1000, 1),
    }


if __name__ == "__main__":
    rate = float(sys.argv[3]) if len(sys.argv) > 3 else 200.0
    print(json.dumps(asyncio.run(be_honest(int(sys.argv[1]), float(sys.argv[2]), rate))))
