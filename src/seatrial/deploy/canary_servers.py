"""The servers of a canary: one of the candidate, and more of the release that serves, so that it gets a small share.

All accept connections on the same socket, and the system gives each to one of them. So the share of a canary is about
one in the number of servers, and not exact: clients that keep their connections stay with their server.
"""

import asyncio
import json
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.deploy.server_process import DRAIN, DRAIN_SECONDS, STOP, ServerSpec, SupervisedServer

MOST_SERVERS = 10  # of a service with a canary, whatever its share; each needs its own memory
STOP_SECONDS = 6.0
SWITCH_SECONDS = 3.0

Start = Callable[[ServerSpec], Awaitable[SupervisedServer]]


def servers_for(share: int) -> int:
    """How many servers run, with the canary, so that it gets about `share` percent of the connections."""
    return min(max(round(100 / share), 2), MOST_SERVERS)


class CanaryServers:
    """A canary, or none. Nothing of it is restarted: one that exits is taken back."""

    def __init__(self, start: Start) -> None:
        self._start = start
        self._canary: SupervisedServer | None = None
        self._others: list[SupervisedServer] = []
        self._ended = ""  # why the last one ended by itself
        self._tasks: set[asyncio.Task[None]] = set()

    def status(self) -> dict[str, Any] | None:
        """What is running; None without a canary, unless it ended by itself."""
        if self._canary is None:
            return {"id": None, "ended": self._ended} if self._ended else None
        spec = self._canary.spec
        alive = sum(each.process.returncode is None for each in self._others)
        return {"id": spec.id, "version": spec.version, "sha256": spec.sha256, "servers": 2 + alive}

    async def begin(
        self,
        spec: ServerSpec,
        current: ServerSpec,
        share: int,
        reader: asyncio.StreamReader,
        reply: Callable[..., None],
    ) -> int:
        """Start the servers next to the current one; once all are verified, the caller decides whether they accept.

        Returns the number of servers. Raises SeatrialError, and leaves nothing running, where one fails or the caller
        has gone.
        """
        if self._canary is not None:
            hint = "Promote it or take it back first"
            raise SeatrialError(f"A canary of {self._canary.spec.version} is running. {hint}.")
        count = servers_for(share)
        reply(step=f"starting a canary of {spec.name} {spec.version}, one of {count} servers")
        started: list[SupervisedServer] = []
        listening = asyncio.ensure_future(reader.readline())
        try:
            for each in (spec, *[current] * (count - 2)):
                started.append(await self._start(each))
            verifying = asyncio.gather(*(server.verify() for server in started))
            await asyncio.wait((listening, verifying), return_when=asyncio.FIRST_COMPLETED)
            if not verifying.done():
                verifying.cancel()
                raise SeatrialError("The command ended before the canary was ready.")
            verifying.result()
            reply(ready=True)
            answer = await listening
            if not (answer.endswith(b"\n") and json.loads(answer).get("commit")):
                raise SeatrialError("The canary was not recorded.")
        except BaseException:
            listening.cancel()
            await asyncio.gather(*(server.end(signal.SIGKILL, 1.0) for server in started))
            raise
        self._canary, *self._others = started
        self._ended = ""
        for server in started:
            server.accept()
        self._in_background(self._watch(self._canary))
        return count

    async def end(self, number: int = DRAIN) -> bool:
        """Take the canary back without losing a request; returns whether there was one."""
        canary, self._canary = self._canary, None
        others, self._others = self._others, []
        self._ended = ""
        if canary is None:
            return False
        servers = [canary, *others]
        if number == STOP:
            await asyncio.gather(*(server.end(STOP, STOP_SECONDS) for server in servers))
            return True
        for server in servers:
            self._in_background(server.end(DRAIN, DRAIN_SECONDS + 10.0))
        await asyncio.gather(*(server.wait_until_draining(SWITCH_SECONDS) for server in servers))
        return True

    async def _watch(self, canary: SupervisedServer) -> None:
        """Take a canary back that exits by itself."""
        code = await canary.exit
        if canary is self._canary:
            with suppress(SeatrialError):
                await self.end()
            self._ended = f"it exited with code {code}"

    def _in_background(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
