"""The limit: a server that does nothing but answer, on the same event loop. `python -m benchmarks.attacks.bare PORT`.

It parses nothing and keeps nothing, so what honest clients notice beside it is the cost of the machine, the load
generator and the event loop.
"""

import asyncio
import resource
import sys

import uvloop

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Answering(asyncio.Protocol):
    """Answers whatever ends a request of an honest client: an empty line, or the last brace of a body."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Keep what the answers go to."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer."""
        if data.endswith((b"\r\n\r\n", b"]}")):
            self._transport.write(ANSWER)


async def serve(port: int) -> None:
    """Serve until the process is ended."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", port, backlog=2048)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
