"""A server process under a supervisor: started on its socket, verified before it accepts connections, stopped."""

import asyncio
import functools
import os
import signal
import socket
import threading
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from seatrial.core.access_keys import render_keys
from seatrial.core.environment_variables import allowed_environment
from seatrial.core.errors import SeatrialError
from seatrial.deploy.health import read_golden_rows, verify_release, wait_until_ready
from seatrial.deploy.log_file import MEGABYTE, LogPipe, RotatingLog, log_pipe
from seatrial.deploy.service_keys import verification_key
from seatrial.prediction_log.log_settings import log_variables
from seatrial.wheels.installer import last_lines

DRAIN_SECONDS = 30.0  # how long an old server keeps idle connections; a server never keeps them longer anyway
LOG_LINES = 4  # of the log, in an error
POLL_SECONDS = 0.02
MANUAL_VARIABLES = (  # for servers that people start by hand
    *("HOST", "PORT", "SEATRIAL_DRAIN", "SEATRIAL_ALLOWED_HOSTS", "SEATRIAL_KEYS", "SEATRIAL_OPEN"),
    *("SEATRIAL_LOG", "SEATRIAL_CORS_ORIGINS", "SEATRIAL_ROOT_PATH", "SEATRIAL_TRUSTED_PROXIES"),
    *("SEATRIAL_TLS_CERTIFICATE", "SEATRIAL_TLS_KEY", "SEATRIAL_WAIT_LIMIT"),
    *("SEATRIAL_GRPC_PORT", "SEATRIAL_MCP"),
    *("SEATRIAL_BULK_LIMIT", "SEATRIAL_LEND_SOCKET", "SEATRIAL_BORROW_SOCKET"),
)
golden_rows = functools.lru_cache(8)(read_golden_rows)  # a server can be restarted although its wheel is lost
DRAIN, STOP = signal.SIGTERM, signal.SIGINT  # DRAIN lets a server finish its connections first; STOP ends it at once


@dataclass(frozen=True)
class ServerSpec:
    """The release that a server runs, and how. Sent to the supervisor as JSON with these keys."""

    id: str
    name: str
    version: str
    sha256: str
    package: str
    python: str
    wheel: str
    patience: float
    log_level: str
    registry: str  # the folder in which running servers register themselves
    environment: list[str] = field(default_factory=list)  # variables that it gets besides the harmless ones
    keys: str = ""  # the file of access keys; empty if there are none
    prediction_log: str = ""  # the settings of the prediction log, as JSON; empty if there is none
    options: list[str] = field(default_factory=list)  # more options of the server
    log_megabytes: int = 10  # after which a new log file is begun
    log_files: int = 3


class SupervisedServer:
    """One server process."""

    def __init__(
        self, spec: ServerSpec, process: Process, private: tuple[str, int], log: Path, pipe: LogPipe, secret: str
    ) -> None:
        self.spec = spec
        self._secret = secret  # of the key that verifies it
        self.process = process
        self.log = log
        self._private = private
        self._pipe = pipe
        self._exited = threading.Event()
        self.exit = asyncio.ensure_future(self._wait())

    async def _wait(self) -> int:
        code = await self.process.wait()
        self._exited.set()
        return code

    async def verify(self) -> None:
        """Wait until it is ready and has predicted its golden rows; SeatrialError has the end of its log."""
        spec, url = self.spec, f"http://{self._private[0]}:{self._private[1]}"
        try:
            await asyncio.to_thread(wait_until_ready, url, spec.patience, lambda: not self._exited.is_set())
            await asyncio.to_thread(verify_release, url, golden_rows(Path(spec.wheel)), spec.version, self._secret)
        except SeatrialError as error:
            if self._exited.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._pipe.ended.wait(), 1.0)
            message = f"{spec.name} {spec.version} cannot be served: {error.message}.{self._last_output()}"
            raise SeatrialError(message) from None

    def accept(self) -> None:
        """Let it accept connections on the shared socket."""
        assert self.process.stdin is not None
        with suppress(OSError):
            self.process.stdin.write(b"accept\n")

    async def wait_until_draining(self, seconds: float) -> None:
        """Wait until it accepts no more connections: it closes its private socket together with the shared one."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while not self._exited.is_set() and loop.time() < deadline:
            try:
                _, writer = await asyncio.open_connection(*self._private)
            except OSError:
                return
            writer.close()
            await asyncio.sleep(POLL_SECONDS)

    def _last_output(self) -> str:
        with suppress(OSError):
            lines = self.log.read_text("utf-8", "replace").strip().splitlines()[-LOG_LINES:]
            output = "\n".join(lines)
            return f" Its last output:\n{last_lines(output)}" if lines else ""
        return ""

    async def end(self, number: int, seconds: float) -> None:
        """Send it a signal, and kill it after so many seconds, or at once if this call is cancelled."""
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


async def start_server(spec: ServerSpec, listener: socket.socket, folder: Path, number: int) -> SupervisedServer:
    """Start a server in standby on `listener`. Its log is a file of its own in `folder`."""
    private = socket.create_server(("127.0.0.1", 0))
    address = private.getsockname()
    log = folder / f"{spec.id}-{number}.log"
    allowed = allowed_environment(spec.environment)
    environment = {key: value for key, value in allowed.items() if key not in MANUAL_VARIABLES}
    handles = (listener.fileno(), private.fileno())
    secret = ""
    if spec.keys:
        key, secret = verification_key(2 * spec.patience)
        environment["SEATRIAL_KEYS"] = render_keys([key])  # besides the file
    if spec.prediction_log:
        environment |= log_variables(spec.prediction_log)
    keys = ("--keys", spec.keys) if spec.keys else ()
    options = [
        *keys,
        *spec.options,
        "--fd",
        str(handles[0]),
        "--standby-fd",
        str(handles[1]),
        "--drain",
        f"{DRAIN_SECONDS:g}",
    ]
    output, pipe = await log_pipe(RotatingLog(log, spec.log_megabytes * MEGABYTE, spec.log_files))
    try:
        process = await asyncio.create_subprocess_exec(
            *(spec.python, "-m", "seatrial.serve", spec.package, *options, "--log-level", spec.log_level),
            stdin=PIPE,
            stdout=output,
            stderr=output,
            pass_fds=handles,
            cwd=folder,
            env={**environment, "SEATRIAL_SERVED_DIR": spec.registry},
        )
    except OSError as error:
        raise SeatrialError(f"Cannot start {spec.python}: {error.strerror}.") from None
    finally:
        private.close()
        os.close(output)
    return SupervisedServer(spec, process, address, log, pipe, secret)
