"""A server process under a supervisor: started on its socket, proven before it takes a connection, ended."""

import asyncio
import signal
import socket
import threading
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.deploy.health import wait_until_ready
from seatrial.deploy.release_health import prove
from seatrial.wheels.installer import clean_environment, last_lines

DRAIN = 30.0  # seconds that an old server keeps idle connections; as long as a server keeps them at all
LAST_WORDS = 4
POLL = 0.02  # seconds
NEWLINE = b"\n"
OWN = ("HOST", "PORT", "SEATRIAL_DRAIN")  # they speak of servers that are started by hand


@dataclass(frozen=True)
class Order:
    """A release to run: the environment that it is in, and how."""

    id: str
    name: str
    version: str
    sha256: str
    package: str
    python: str
    wheel: str
    patience: float
    log_level: str
    notes: str  # the folder in which servers note that they run


class Child:
    """One server process."""

    def __init__(self, order: Order, process: Process, private: tuple[str, int], log: Path) -> None:
        self.order = order
        self.process = process
        self.log = log
        self._private = private
        self._ended = threading.Event()
        self.exit = asyncio.ensure_future(self._exit())

    async def _exit(self) -> int:
        code = await self.process.wait()
        self._ended.set()
        return code

    async def prove(self) -> None:
        """Wait until it is ready and has answered its golden rows; SeatrialError, with its last words, if not."""
        order, url = self.order, f"http://{self._private[0]}:{self._private[1]}"
        try:
            await asyncio.to_thread(wait_until_ready, url, order.patience, lambda: not self._ended.is_set())
            await asyncio.to_thread(prove, url, Path(order.wheel), order.version)
        except SeatrialError as error:
            raise SeatrialError(f"{order.name} {order.version} is not served: {error.message}.{self.words()}") from None

    def accept(self) -> None:
        """Let it take connections from the common socket."""
        assert self.process.stdin is not None
        with suppress(OSError):
            self.process.stdin.write(b"accept\n")

    async def gone(self, seconds: float) -> None:
        """Wait until it takes no more connections: it closes its private socket together with the common one."""
        end = asyncio.get_running_loop().time() + seconds
        while not self._ended.is_set() and asyncio.get_running_loop().time() < end:
            try:
                _, writer = await asyncio.open_connection(*self._private)
            except OSError:
                return
            writer.close()
            await asyncio.sleep(POLL)

    def words(self) -> str:
        """What it said last, as an error's next lines."""
        with suppress(OSError):
            lines = self.log.read_bytes().strip().splitlines()[-LAST_WORDS:]
            return f" It said:\n{last_lines(NEWLINE.join(lines))}" if lines else ""
        return ""

    async def end(self, number: int, seconds: float) -> None:
        """Ask it to end by a signal; after so many seconds it is killed. Cancelled, it is killed at once."""
        try:
            with suppress(ProcessLookupError):
                self.process.send_signal(number)
            await asyncio.wait_for(asyncio.shield(self.exit), seconds)
        except TimeoutError:
            pass
        finally:
            if self.process.returncode is None:
                with suppress(ProcessLookupError):
                    self.process.kill()
        await self.exit


async def start(order: Order, listener: socket.socket, folder: Path, number: int) -> Child:
    """Start a server in standby on `listener`; its log goes to a file of its own in `folder`."""
    private = socket.create_server(("127.0.0.1", 0))
    address = private.getsockname()
    log = folder / f"{order.id}-{number}.log"
    environment = {key: value for key, value in clean_environment().items() if key not in OWN}
    handles = (listener.fileno(), private.fileno())
    words = ["--fd", str(handles[0]), "--standby-fd", str(handles[1]), "--drain", f"{DRAIN:g}"]
    try:
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *(order.python, "-m", "seatrial.serve", order.package, *words, "--log-level", order.log_level),
                stdin=PIPE,
                stdout=output,
                stderr=output,
                pass_fds=handles,
                cwd=folder,
                env={**environment, "SEATRIAL_SERVED_DIR": order.notes},
            )
    except OSError as error:
        raise SeatrialError(f"{order.python} cannot be started: {error.strerror}.") from None
    finally:
        private.close()
    return Child(order, process, address, log)


def as_order(document: Any) -> Order:
    """Read an order from a message."""
    return Order(**document)


GO, NOW = signal.SIGTERM, signal.SIGINT  # how a server is asked to go: in its own time, and at once
