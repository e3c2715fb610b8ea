"""Who else is connected to a server under load: health checks, slow senders, and clients that say nothing.

`python -m benchmarks.bystanders PORT SECONDS` prints how long health checks took, as JSON.
"""

import argparse
import asyncio
import json
import statistics
from collections import Counter
from time import perf_counter
from typing import Any

CHECK = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
BEGINNING = b"POST /api/v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"
PAUSE = 0.05  # seconds between two health checks
GIVE_UP = 5.0


class Bystanders:
    """All of them, on one server, until `end`."""

    def __init__(self, port: int, end: float) -> None:
        self._port, self._end = port, end
        self.took: dict[str, list[float]] = {"new": [], "kept": []}
        self.seen: Counter[str] = Counter()

    async def check(self, kind: str) -> None:
        """Ask for health again and again, each time on a new connection, or always on the same one."""
        streams = None
        while perf_counter() < self._end:
            began = perf_counter()
            try:
                async with asyncio.timeout(GIVE_UP):
                    streams = streams or await asyncio.open_connection("127.0.0.1", self._port)
                    streams[1].write(CHECK)
                    head = await streams[0].readuntil(b"\r\n\r\n")
                    await streams[0].readuntil(b"}")
                self.seen[f"health {head[9:12].decode()}"] += 1
            except (OSError, EOFError, TimeoutError) as error:
                self.seen[f"health {type(error).__name__}"] += 1
                if streams:
                    streams[1].transport.abort()
                    streams = None
            self.took[kind].append(perf_counter() - began)
            if kind == "new" and streams:
                streams[1].close()
                streams = None
            await asyncio.sleep(PAUSE)

    async def send_slowly(self) -> None:
        """Send a body of a byte a second, again and again."""
        while perf_counter() < self._end:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self._port)
                writer.write(BEGINNING)
                while not writer.transport.is_closing() and perf_counter() < self._end:
                    writer.write(b" ")
                    await asyncio.sleep(1)
                self.seen["slow sender closed"] += writer.transport.is_closing()
                writer.transport.abort()
            except OSError:
                await asyncio.sleep(0.1)

    async def idle(self, count: int) -> None:
        """Make one request on each of so many connections, and keep them open."""
        writers = []
        for _ in range(count):
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            writer.write(CHECK)
            await reader.readuntil(b"}")
            writers.append(writer)
        self.seen["idle"] = count
        print("ready", flush=True)
        await asyncio.sleep(max(self._end - perf_counter() - 1, 0))
        self.seen["idle at the end"] = sum(not writer.transport.is_closing() for writer in writers)

    def report(self) -> dict[str, Any]:
        """Milliseconds of the health checks, and what else happened."""
        figures: dict[str, Any] = {}
        for kind, took in self.took.items():
            took.sort()
            shown = (statistics.median(took), took[len(took) * 99 // 100], took[-1])
            figures[f"health_{kind}_ms"] = [round(1000 * each, 1) for each in shown]
        return {**figures, "seen": dict(self.seen)}


async def main() -> None:
    """Run them, and print what they saw."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bystanders", description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("seconds", type=float)
    parser.add_argument("--slow", type=int, default=0)
    parser.add_argument("--idle", type=int, default=0)
    options = parser.parse_args()
    all_of_them = Bystanders(options.port, perf_counter() + options.seconds)
    tasks = [all_of_them.idle(options.idle), *(all_of_them.send_slowly() for _ in range(options.slow))]
    await asyncio.gather(all_of_them.check("new"), all_of_them.check("kept"), *tasks)
    print(json.dumps(all_of_them.report()))


if __name__ == "__main__":
    asyncio.run(main())
