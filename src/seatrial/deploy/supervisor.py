"""The supervisor of the target `local`: it owns the listening socket and keeps the deployed release running.

The first deployment starts it, in a session of its own, with the listening socket and a control socket. The command
opens both, so that it can report any problem with them. On the control socket a message is one line of JSON, and each
connection carries one call: `status`, `switch`, `canary`, `take_back` or `stop`.

A switch: the new server starts in standby on the same listening socket and is verified on a private one. Then the
supervisor sends "ready" to the command, which renames the lockfile into place (the step that decides) and replies. The
new server accepts connections, and the old one drains, without losing a request (serve/handover.py).

What happens when something is killed:

- the command, before the lockfile: its connection ends; the lockfile names another deployment, so the new server stops;
- the command, after the lockfile but before its reply: the lockfile names this deployment, so the switch continues;
- the command, after that: the service has switched; the next command writes the missing line of the history;
- the new server: the old one keeps running if the new one is not yet verified; later, it is restarted like any server
  that crashes;
- the supervisor: its servers notice that their standard input has closed, and exit. The next command starts another
  supervisor, which runs what the lockfile names.

A canary (canary_servers.py) is in no file: it ends with the supervisor, with a switch, or when it exits by itself.

When its folder, its control socket or `supervisor.json` is deleted or damaged, the supervisor makes them anew.
"""

import argparse
import asyncio
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.core.ports import url_of
from seatrial.deploy.canary_servers import CanaryServers
from seatrial.deploy.control_socket import bind_control, write_record
from seatrial.deploy.log_file import MEGABYTE, RotatingLog, remove_log
from seatrial.deploy.server_process import DRAIN, DRAIN_SECONDS, STOP, ServerSpec, SupervisedServer, start_server

BACKOFF, MAX_BACKOFF = 0.1, 10.0  # seconds before a crashed server is restarted: doubled each time, up to the second
STEADY_SECONDS = 30.0  # after which a server counts as running well
LOG_LIMIT = 20  # a canary has ten servers
STOP_SECONDS = 6.0
REPAIR_SECONDS = 0.25  # how often lost files are looked for
SWITCH_SECONDS = 3.0  # an old server checks ten times a second whether it must stop accepting connections

Reply = Callable[..., None]


class Supervisor:
    """One listening socket, the server on it, and the ones that are draining."""

    def __init__(self, listener: socket.socket, folder: Path) -> None:
        self._listener = listener
        self._folder = folder
        self._current: SupervisedServer | None = None
        self._lock = asyncio.Lock()
        self._started = 0
        self._restarts = 0
        self._tasks: set[asyncio.Task[Any]] = set()
        self._canary = CanaryServers(self._start)
        self.stopped = asyncio.Event()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Handle one call on the control socket."""
        reply = replies_to(writer)
        try:
            call = json.loads(await reader.readline() or b"{}")
            match call.get("do"):
                case "status":
                    reply(status=self._status())
                case "switch":
                    async with self._lock:
                        self._refuse_outdated(call)
                        spec, lockfile = ServerSpec(**call["spec"]), Path(call["lockfile"])
                        reply(done=await self._switch(spec, lockfile, reader, reply))
                case "canary":
                    async with self._lock:
                        self._refuse_outdated(call)
                        if self._current is None:
                            raise SeatrialError("Nothing serves here that a canary could run beside.")
                        spec, current = ServerSpec(**call["spec"]), self._current.spec
                        servers = await self._canary.begin(spec, current, int(call["share"]), reader, reply)
                        reply(done=url_of(*self._listener.getsockname()[:2]), servers=servers)
                case "take_back":
                    async with self._lock:
                        reply(done=await self._canary.end())
                case "stop":
                    async with self._lock:
                        self._refuse_outdated(call)
                        await self._stop()
                    reply(done=True)
                    self.stopped.set()
                case other:
                    reply(failed=f"Unknown call {other!r}.")
        except SeatrialError as error:
            reply(failed=error.message)
        except Exception as error:  # a call that fails must not end the supervisor
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)  # noqa: T201
            reply(failed=f"The supervisor failed: {type(error).__name__}: {error}")
        finally:
            with suppress(OSError):
                await writer.drain()
            writer.close()

    def _status(self) -> dict[str, Any]:
        current = self._current
        running = current is not None and current.process.returncode is None
        spec = current.spec if current else None
        host, port = self._listener.getsockname()[:2]
        return {
            "host": host,
            "port": port,
            "id": spec.id if spec else None,
            "version": spec.version if spec and running else None,
            "sha256": spec.sha256 if spec and running else None,
            "pid": current.process.pid if current and running else None,
            "restarts": self._restarts,
            "canary": self._canary.status(),
        }

    def _refuse_outdated(self, call: dict[str, Any]) -> None:
        """Reject a call that expects to replace a deployment other than the current one."""
        if "expected" in call and call["expected"] != (self._current.spec.id if self._current else None):
            raise SeatrialError("Another clone of this project has just deployed. Run `git pull`, then try again.")

    async def _switch(self, spec: ServerSpec, lockfile: Path, reader: asyncio.StreamReader, reply: Reply) -> str:
        reply(step=f"starting {spec.name} {spec.version}")
        server = await self._start(spec)
        listening = asyncio.ensure_future(reader.readline())
        verifying = asyncio.ensure_future(server.verify())
        try:
            await asyncio.wait((listening, verifying), return_when=asyncio.FIRST_COMPLETED)
            if not verifying.done():
                raise SeatrialError("The command ended before the new server was ready.")
            verifying.result()
            reply(ready=True)
            answer = await listening
            committed = bool(json.loads(answer)["commit"]) if answer.endswith(b"\n") else names(lockfile, spec.id)
            if not committed:
                raise SeatrialError("The lockfile was not committed.")
        except BaseException:
            verifying.cancel()
            listening.cancel()
            await server.end(signal.SIGKILL, 1.0)
            raise
        reply(step="switching over")
        old, self._current = self._current, server
        server.accept()
        self._restarts = 0
        self._in_background(self._keep_running(server))
        self._in_background(self._canary.end())
        if old is not None:
            self._in_background(old.end(DRAIN, DRAIN_SECONDS + 10.0))
            await old.wait_until_draining(SWITCH_SECONDS)
        return url_of(*self._listener.getsockname()[:2])

    async def _start(self, spec: ServerSpec) -> SupervisedServer:
        self._started += 1
        for log in sorted(self._folder.glob("*-*.log"), key=lambda path: path.stat().st_mtime)[:-LOG_LIMIT]:
            remove_log(log)
        return await start_server(spec, self._listener, self._folder, self._started)

    async def _keep_running(self, server: SupervisedServer) -> None:
        """Restart a server that exits on its own."""
        pause = BACKOFF
        while True:
            began = time.monotonic()
            code = await server.exit
            if server is not self._current:
                return
            pause = BACKOFF if time.monotonic() - began > STEADY_SECONDS else pause
            message = f"{server.spec.id} exited with code {code}; restarting it in {pause:g} s"
            print(message, file=sys.stderr, flush=True)  # noqa: T201
            await asyncio.sleep(pause)
            pause = min(2 * pause, MAX_BACKOFF)
            if server is not self._current:
                return
            self._restarts += 1
            with suppress(SeatrialError):
                restarted = await self._start(server.spec)
                try:
                    await restarted.verify()
                except SeatrialError:
                    await restarted.end(signal.SIGKILL, 1.0)
                    if server is self._current:
                        self._current = restarted
                    server = restarted
                    continue
                if server is not self._current:  # another release has replaced it
                    await restarted.end(signal.SIGKILL, 1.0)
                    return
                self._current = server = restarted
                restarted.accept()

    async def _stop(self) -> None:
        server, self._current = self._current, None
        self._listener.close()
        await self._canary.end(STOP)
        if server is not None:
            await server.end(STOP, STOP_SECONDS)

    async def stop(self) -> None:
        """Stop because of a signal."""
        await self._stop()
        self.stopped.set()

    def _in_background(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def replies_to(writer: asyncio.StreamWriter) -> Reply:
    """A function that writes one message to the caller, if it is still connected."""

    def reply(**message: Any) -> None:
        with suppress(OSError, RuntimeError):
            writer.write(json.dumps(message).encode() + b"\n")

    return reply


def names(lockfile: Path, deployment: str) -> bool:
    """Whether the lockfile is that of this deployment."""
    try:
        return f"# Deployment {deployment} " in lockfile.read_text("utf-8")
    except OSError:
        return False


async def supervise(listener: socket.socket, control: socket.socket, folder: Path) -> None:
    """Run until a call or a signal stops it."""
    supervisor = Supervisor(listener, folder)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, lambda: supervisor._in_background(supervisor.stop()))
    await _stay_reachable(supervisor, control, folder)
    await asyncio.sleep(0.1)  # the reply must still reach the caller


async def _stay_reachable(supervisor: Supervisor, control: socket.socket, folder: Path) -> None:
    """Serve the control socket until the supervisor stops, and replace the socket and its record if they are lost."""
    path = Path(control.getsockname())
    server = await asyncio.start_unix_server(supervisor.handle, sock=control)
    bound = _inode(path)
    while not supervisor.stopped.is_set():
        with suppress(OSError):
            if _inode(path) != bound:
                server.close()
                server = await asyncio.start_unix_server(supervisor.handle, sock=bind_control(path))
                bound = _inode(path)
            write_record(folder, os.getpid(), path)
        with suppress(TimeoutError):
            await asyncio.wait_for(supervisor.stopped.wait(), REPAIR_SECONDS)


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except OSError:
        return None


def main() -> None:
    """Run with the sockets that the command has opened."""
    parser = argparse.ArgumentParser(prog="python -m seatrial.deploy.supervisor")
    for name in ("--fd", "--control-fd"):
        parser.add_argument(name, type=int, required=True)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    sys.stdout = sys.stderr = RotatingLog(options.folder / "supervisor.log", MEGABYTE, 2)
    listener, control = socket.socket(fileno=options.fd), socket.socket(fileno=options.control_fd)
    asyncio.run(supervise(listener, control, options.folder))


if __name__ == "__main__":
    main()
