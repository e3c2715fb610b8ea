"""The supervisor of the target `local`: it holds the listening socket, and sees to it that the pinned release serves.

It is started by the first deployment, in a session of its own, with the listening socket and a control socket; both
were opened by the command, which so meets whatever is wrong with them. On the control socket a message is one line of
JSON, and each connection carries one call: `status`, `switch` or `stop`.

A switch: the new server starts on the same listening socket in standby, proves itself on a private one, and then the
command is told "ready". The command renames the pin into place, which is the one moment that decides, and answers. The
new server takes connections, and the old one is told to go, which it does without losing a request (serve/handover.py).
What happens where something is killed:

- the command, before the pin: its connection ends, the pin names another deployment, the new server is dropped;
- the command, after the pin but before its answer: its connection ends, the pin names this deployment: go on;
- the command, after that: the service is switched; the next command writes the missing line of the history;
- the new server: not yet proven, the old one serves on; else it is started again, as whenever a server crashes;
- the supervisor: its servers notice it (their standard input ends) and end. The next command starts another one, which
  serves what the pin says.
"""

import argparse
import asyncio
import json
import signal
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.deploy.server_process import DRAIN, GO, NOW, Child, Order, as_order, start

BACKOFF, LONGEST = 0.1, 10.0  # seconds before a crashed server is started again: doubled each time, up to the second
STEADY = 30.0  # seconds after which a server counts as running well
KEPT_LOGS = 10
STOP_SECONDS = 6.0
GONE_SECONDS = 3.0  # an old server looks ten times a second whether it was told to go


class Supervisor:
    """One listening socket, the server on it, and the ones that are going."""

    def __init__(self, listener: socket.socket, folder: Path) -> None:
        self._listener = listener
        self._folder = folder
        self._current: Child | None = None
        self._one_at_a_time = asyncio.Lock()
        self._started = 0
        self._restarts = 0
        self._tasks: set[asyncio.Task[Any]] = set()
        self.stopped = asyncio.Event()

    async def call(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one call on the control socket."""
        say = Saying(writer)
        try:
            asked = json.loads(await reader.readline() or b"{}")
            match asked.get("do"):
                case "status":
                    say(status=self._status())
                case "switch":
                    async with self._one_at_a_time:
                        self._refuse_other(asked)
                        say(done=await self._switch(as_order(asked["order"]), Path(asked["pin"]), reader, say))
                case "stop":
                    async with self._one_at_a_time:
                        self._refuse_other(asked)
                        await self._stop()
                    say(done=True)
                    self.stopped.set()
                case other:
                    say(failed=f"{other!r} is no call.")
        except SeatrialError as error:
            say(failed=error.message)
        except Exception as error:  # the supervisor outlives whatever is wrong with one call
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)  # noqa: T201
            say(failed=f"The supervisor failed: {type(error).__name__}: {error}")
        finally:
            with suppress(OSError):
                await writer.drain()
            writer.close()

    def _status(self) -> dict[str, Any]:
        current = self._current
        running = current is not None and current.process.returncode is None
        order = current.order if current else None
        host, port = self._listener.getsockname()[:2]
        return {
            "host": host,
            "port": port,
            "id": order.id if order else None,
            "version": order.version if order and running else None,
            "sha256": order.sha256 if order and running else None,
            "pid": current.process.pid if current and running else None,
            "restarts": self._restarts,
        }

    def _refuse_other(self, asked: dict[str, Any]) -> None:
        """Refuse a call that means another deployment than the one that serves by now."""
        if "instead" in asked and asked["instead"] != (self._current.order.id if self._current else None):
            raise SeatrialError("Another clone deployed at this very moment.")

    async def _switch(self, order: Order, pin: Path, reader: asyncio.StreamReader, say: "Saying") -> str:
        say(step=f"starting {order.name} {order.version}")
        child = await self._start(order)
        listening = asyncio.ensure_future(reader.readline())
        proving = asyncio.ensure_future(child.prove())
        try:
            await asyncio.wait((listening, proving), return_when=asyncio.FIRST_COMPLETED)
            if not proving.done():
                raise SeatrialError("The command was ended.")
            proving.result()
            say(ready=True)
            answer = await listening
            committed = bool(json.loads(answer)["commit"]) if answer.endswith(b"\n") else names(pin, order.id)
            if not committed:
                raise SeatrialError("It was not committed.")
        except BaseException:
            proving.cancel()
            listening.cancel()
            await child.end(signal.SIGKILL, 1.0)
            raise
        say(step="switching over")
        old, self._current = self._current, child
        child.accept()
        self._restarts = 0
        self._go_on(self._watch(child))
        if old is not None:
            self._go_on(old.end(GO, DRAIN + 10.0))
            await old.gone(GONE_SECONDS)
        host, port = self._listener.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    async def _start(self, order: Order) -> Child:
        self._started += 1
        for log in sorted(self._folder.glob("*-*.log"), key=lambda path: path.stat().st_mtime)[:-KEPT_LOGS]:
            log.unlink(missing_ok=True)
        return await start(order, self._listener, self._folder, self._started)

    async def _watch(self, child: Child) -> None:
        """Start a server again that ends without having been asked to."""
        pause = BACKOFF
        while True:
            began = time.monotonic()
            code = await child.exit
            if child is not self._current:
                return
            pause = BACKOFF if time.monotonic() - began > STEADY else pause
            print(f"{child.order.id} ended with {code}; again in {pause:g} s", file=sys.stderr, flush=True)  # noqa: T201
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST)
            if child is not self._current:
                return
            self._restarts += 1
            with suppress(SeatrialError):
                again = await self._start(child.order)
                try:
                    await again.prove()
                except SeatrialError:
                    await again.end(signal.SIGKILL, 1.0)
                    if child is self._current:
                        self._current = again
                    child = again
                    continue
                if child is not self._current:  # it was replaced meanwhile
                    await again.end(signal.SIGKILL, 1.0)
                    return
                self._current = child = again
                again.accept()

    async def _stop(self) -> None:
        child, self._current = self._current, None
        self._listener.close()
        if child is not None:
            await child.end(NOW, STOP_SECONDS)

    async def stop(self) -> None:
        """End on a signal."""
        await self._stop()
        self.stopped.set()

    def _go_on(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class Saying:
    """Writes messages to whoever called; one who is gone hears nothing."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    def __call__(self, **message: Any) -> None:
        """Write one message."""
        with suppress(OSError, RuntimeError):
            self._writer.write(json.dumps(message).encode() + b"\n")


def names(pin: Path, deployment: str) -> bool:
    """Whether the pin is that of this deployment."""
    try:
        return f"# Deployment {deployment} " in pin.read_text("utf-8")
    except OSError:
        return False


async def supervise(listener: socket.socket, control: socket.socket, folder: Path) -> None:
    """Serve until told to stop."""
    supervisor = Supervisor(listener, folder)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, lambda: supervisor._go_on(supervisor.stop()))
    async with await asyncio.start_unix_server(supervisor.call, sock=control):
        await supervisor.stopped.wait()
        await asyncio.sleep(0.1)  # the answer is on its way


def main() -> None:
    """Run with the sockets that the command has opened."""
    parser = argparse.ArgumentParser(prog="python -m seatrial.deploy.supervisor")
    for name in ("--fd", "--control-fd"):
        parser.add_argument(name, type=int, required=True)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    asyncio.run(supervise(socket.socket(fileno=given.fd), socket.socket(fileno=given.control_fd), given.folder))


if __name__ == "__main__":
    main()
