"""A constant load on a server: requests at a given rate, on kept-alive and on new connections.

No request is retried: anything but a complete response with status 200 counts as lost. Runs as a process of its own,
`python load_generator.py PORT RATE`, until its standard input closes, and then prints the results as JSON.
"""

import asyncio
import json
import random
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

BODY = json.dumps({"pclass": 3, "name": "Dawson, Mr. Jack", "sex": "male", "age": 20}).encode()
PATIENCE = 20.0
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class LoadGenerator:
    """The requests, and their results."""

    port: int
    rate: float
    sent: int = 0
    answered: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    slowest: float = 0.0
    unlabelled: int = 0  # responses without the right x-release header
    kept: list[Connection] = field(default_factory=list)

    async def run(self, stop: asyncio.Event) -> None:
        """Send requests until `stop` is set, whatever the server does."""
        tasks = set()
        began = time.monotonic()
        steady = [asyncio.ensure_future(self._send_rarely(stop, 0.3 * (n + 1))) for n in range(12)]
        while not stop.is_set():
            for _ in range(int((time.monotonic() - began) * self.rate) - self.sent):
                task = asyncio.ensure_future(self._send_once(fresh=self.sent % 4 == 0))
                self.sent += 1
                tasks.add(task)
                task.add_done_callback(tasks.discard)
            await asyncio.sleep(0.002)
        await asyncio.gather(*tasks, *steady)

    async def _send_once(self, *, fresh: bool) -> None:
        connection = None if fresh or not self.kept else self.kept.pop(random.randrange(len(self.kept)))
        kept = await self._send(connection, close=fresh)
        if kept:
            self.kept.append(kept)

    async def _send_rarely(self, stop: asyncio.Event, pause: float) -> None:
        """Send requests on one connection that is idle most of the time."""
        connection = None
        while not stop.is_set():
            self.sent += 1
            connection = await self._send(connection)
            await asyncio.sleep(pause)

    async def _send(self, connection: Connection | None, *, close: bool = False) -> Connection | None:
        began = time.monotonic()
        try:
            async with asyncio.timeout(PATIENCE):
                reader, writer = connection or await asyncio.open_connection("127.0.0.1", self.port)
                more = "Connection: close\r\n" if close else ""
                head = f"POST /api/v1/predict HTTP/1.1\r\nHost: localhost\r\n{more}Content-Length: {len(BODY)}\r\n\r\n"
                writer.write(head.encode() + BODY)
                first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:-2]
                headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}
                document = json.loads(await reader.readexactly(int(headers["content-length"])))
        except Exception as error:
            kind = "kept" if connection else "new"
            self.lost.append(f"{kind}: {type(error).__name__}: {error}")
            return None
        self.slowest = max(self.slowest, time.monotonic() - began)
        if " 200 " not in first:
            self.lost.append(f"{first}: {document}")
        else:
            self.answered[document["version"]] += 1
            self.unlabelled += headers.get("x-release") != f"titanic-model=={document['version']}"
        if close or headers.get("connection") == "close":
            writer.close()
            return None
        return reader, writer


class LoadProcess:
    """The load generator as a process, started by `with`; `result` is set at the end of the block."""

    def __init__(self, port: int, rate: float = 200.0) -> None:
        self._command = [sys.executable, __file__, str(port), str(rate)]
        self.result: dict[str, Any] = {}

    def __enter__(self) -> "LoadProcess":
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self

    def __exit__(self, *_: object) -> None:
        out, _ = self._process.communicate(timeout=60)
        self.result = json.loads(out)


async def _main(port: int, rate: float) -> None:
    load, stop = LoadGenerator(port, rate), asyncio.Event()
    running = asyncio.ensure_future(load.run(stop))
    began = time.monotonic()
    await asyncio.to_thread(sys.stdin.read)
    seconds, sent = time.monotonic() - began, load.sent  # requests in progress finish after that, without new ones
    stop.set()
    await running
    result = {
        "sent": load.sent,
        "per_second": sent / seconds,
        "answered": dict(load.answered),
        "lost": load.lost,
        "unlabelled": load.unlabelled,
        "slowest": load.slowest,
    }
    print(json.dumps(result))  # noqa: T201


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), float(sys.argv[2])))
