"""The attackers: one process with many connections. `python -m benchmarks.attacks.attackers KIND PORT SECONDS`."""

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress

HOST = b"Host: localhost\r\n"
JSON = b"Content-Type: application/json\r\n"
POST = b"POST /api/v1/predict HTTP/1.1\r\n" + HOST + JSON
MIB = 2**20
ROW = (
    b'{"pclass":2,"name":"Hart, Miss. Eva Miriam","sex":"female","age":7,"sibsp":0,"parch":2,'
    b'"ticket":"F.C.C. 13529","fare":26.25,"cabin":"C85","embarked":"S"}'
)
ROWS = b"[" + b",".join([ROW] * (MIB // (len(ROW) + 1) - 1)) + b"]"
Attack = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
seen: Counter[str] = Counter()  # the statuses of the responses


async def held_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send a body of 1 MiB but for its last byte."""
    writer.write(POST + b"Content-Length: %d\r\n\r\n" % MIB)
    with suppress(OSError):
        writer.write(b" " * (MIB - 1))
        await writer.drain()
    await read_to_the_end(reader)


async def large_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send 1 MiB of good rows, again and again."""
    while True:
        writer.write(POST + b"Content-Length: %d\r\n\r\n" % len(ROWS))
        writer.write(ROWS)
        await writer.drain()
        await read_response(reader)


async def slow_sender(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send a few bytes ten times a second."""
    writer.write(POST + b"Content-Length: 900000\r\n\r\n[")
    async with asyncio.TaskGroup() as both:
        reading = both.create_task(read_to_the_end(reader))
        while not reading.done():
            writer.write(b" " * 100)
            await writer.drain()
            await asyncio.sleep(0.1)


async def tiny_chunks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send a body of 100,000 bytes in chunks of one byte, again and again."""
    while True:
        writer.write(POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\n \r\n" * 100_000 + b"0\r\n\r\n")
        await writer.drain()
        await read_response(reader)


async def long_header(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send a header without an end."""
    writer.write(b"GET / HTTP/1.1\r\n" + HOST)
    for _ in range(1000):
        writer.write(b"a:b\r\n" * 200 + b"x-long: " + b"x" * 10_000 + b"\r\n")
        await writer.drain()
    await read_to_the_end(reader)


async def unfinished_header(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send 15 KiB of a header, and stay."""
    writer.write(b"GET / HTTP/1.1\r\n" + HOST + b"a:b\r\n" * 100 + b"x-long: " + b"x" * 14_000)
    await writer.drain()
    await read_to_the_end(reader)


async def tiny_lines(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send 120 header lines of a few bytes, and stay."""
    writer.write(b"GET / HTTP/1.1\r\n" + HOST + b"a:b\r\n" * 120)
    await writer.drain()
    await read_to_the_end(reader)


async def expected_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Announce a body of 1 MiB and wait to be asked for it; send half of it."""
    writer.write(POST + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % MIB)
    with suppress(OSError):
        await read_response(reader)
        writer.write(b" " * (MIB // 2))
        await writer.drain()
    await read_to_the_end(reader)


async def pipelined(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send 1,000 requests at once, again and again."""
    while True:
        writer.write((b"GET /health HTTP/1.1\r\n" + HOST + b"\r\n") * 1000)
        await writer.drain()
        for _ in range(1000):
            await read_response(reader)


async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Ask for large responses and read none."""
    asked = [b"GET " + path + b" HTTP/1.1\r\n" + HOST + b"\r\n" for path in (b"/redoc.js", b"/openapi.json")]
    writer.write(b"".join(asked) * 50)
    await writer.drain()
    await asyncio.sleep(8)
    await read_to_the_end(reader)


async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Say nothing."""
    await read_to_the_end(reader)


async def trailer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send a chunked body with a trailer without an end."""
    writer.write(POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\n[\r\n0\r\n")
    for _ in range(1000):
        writer.write(b"a:b\r\n" * 2000)
        await writer.drain()
    await read_to_the_end(reader)


ATTACKS: dict[str, tuple[Attack, int]] = {
    "held bodies": (held_body, 3000),
    "large bodies": (large_body, 512),
    "slow senders": (slow_sender, 200),
    "one-byte chunks": (tiny_chunks, 200),
    "long headers": (long_header, 200),
    "unfinished headers": (unfinished_header, 3000),
    "pipelined requests": (pipelined, 50),
    "unread responses": (deaf, 500),
    "silent connections": (silent, 3000),
    "long trailers": (trailer, 200),
    "nothing": (silent, 0),
}
MISSED: dict[str, tuple[Attack, int]] = {  # nothing is lost, but honest clients wait longer than the goal
    "tiny header lines": (tiny_lines, 3000),
    "expected bodies": (expected_body, 3000),
}


async def read_response(reader: asyncio.StreamReader) -> None:
    """Read one response with a length."""
    head = await reader.readuntil(b"\r\n\r\n")
    seen[head.split()[1].decode()] += 1
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            await reader.readexactly(int(line.partition(b":")[2]))
    if b"connection: close" in head.lower():
        raise EOFError


async def read_to_the_end(reader: asyncio.StreamReader) -> None:
    """Read responses until the server closes the connection."""
    while True:
        await read_response(reader)


async def attack(kind: str, port: int, seconds: float) -> None:
    """Keep as many connections attacking as the kind has; each starts again when the server has ended it."""
    run, count = {**ATTACKS, **MISSED}[kind]
    deadline = time.monotonic() + seconds

    async def one() -> None:
        while time.monotonic() < deadline:
            writer = None
            try:
                async with asyncio.timeout(deadline - time.monotonic() + 0.01):
                    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=4 * MIB)
                    await run(reader, writer)
            except (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError) as error:
                seen[type(error).__name__] += 1
            except BaseExceptionGroup as group:
                seen[type(group.exceptions[0]).__name__] += 1
            finally:
                if writer is not None:
                    writer.transport.abort()
            await asyncio.sleep(0.02)

    await asyncio.gather(*(one() for _ in range(count)))


if __name__ == "__main__":
    asyncio.run(attack(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
    print(json.dumps(seen))
