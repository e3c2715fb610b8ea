"""A connection to the supervisor: found by a file in its folder, started on first use, called with lines of JSON."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from seatrial.core.environment_variables import allowed_environment
from seatrial.core.errors import SeatrialError
from seatrial.core.ports import listen
from seatrial.core.progress import Progress
from seatrial.deploy.control_socket import bind_control, control_path, known_control_path, record_of, write_record

REPLY_SECONDS = 30.0
PORT_SECONDS = 3.0  # the servers of a supervisor that was just killed still hold the port for a moment


class SupervisorClient:
    """Calls the supervisor whose state is in `folder`; it listens on `host` and `port`.

    It is started with harmless environment variables and those in `variables`: its servers could read any other.
    """

    def __init__(self, folder: Path, host: str, port: int, variables: Sequence[str] = ()) -> None:
        self._variables = variables
        self.folder = folder
        self._address = (host, port)
        self._file = record_of(folder)

    def status(self) -> dict[str, Any] | None:
        """What is running; None if no supervisor is."""
        connection = self._connect()
        messages = list(self._call(connection, {"do": "status"})) if connection else []
        return next((dict(message["status"]) for message in messages if "status" in message), None)

    def switch(
        self,
        spec: dict[str, Any],
        expected: str | None,
        lockfile: Path,
        commit: Callable[[], None],
        progress: Progress,
    ) -> str:
        """Replace the running release with the one in `spec`, and return its URL; `commit` writes `lockfile`.

        Starts the supervisor if necessary. It refuses if the running deployment is no longer the `expected` one.
        """
        connection = self._connect() or self._start()
        call = {"do": "switch", "spec": spec, "lockfile": str(lockfile), "expected": expected}
        return self._agree(connection, call, commit, progress)

    def canary(
        self, spec: dict[str, Any], share: int, expected: str, commit: Callable[[], None], progress: Progress
    ) -> str:
        """Run the release in `spec` beside the `expected` deployment, and return the service's URL.

        `commit` records it, before it is asked anything.
        """
        call = {"do": "canary", "spec": spec, "share": share, "expected": expected}
        return self._agree(self._connected(), call, commit, progress)

    def take_back(self) -> bool:
        """Take the canary back; returns whether there was one."""
        for message in self._call(self._connected(), {"do": "take_back"}):
            if "failed" in message:
                raise SeatrialError(message["failed"])
            if "done" in message:
                return bool(message["done"])
        raise SeatrialError("The supervisor exited.", hint=f"Check its log: {self.folder / 'supervisor.log'}.")

    def _connected(self) -> socket.socket:
        connection = self._connect()
        if connection is None:
            raise SeatrialError("The service is not running.", hint="Deploy a release: `seatrial deploy local`.")
        return connection

    def _agree(
        self, connection: socket.socket, call: dict[str, Any], commit: Callable[[], None], progress: Progress
    ) -> str:
        """Make a call in which the supervisor prepares something, and this command decides it; returns the URL."""
        spec = call["spec"]
        with closing(connection):  # if the commit fails, the supervisor must notice it at once
            for message in self._call(connection, call, 2 * spec["patience"] + REPLY_SECONDS):
                if "step" in message:
                    progress(message["step"])
                elif "ready" in message:
                    commit()
                    with suppress(OSError):  # a supervisor that ended sends no more messages
                        connection.sendall(json.dumps({"commit": True}).encode() + b"\n")
                elif "failed" in message:
                    raise SeatrialError(message["failed"], hint="The earlier release is still running.")
                elif "done" in message:
                    return str(message["done"])
        raise SeatrialError("The supervisor exited.", hint=f"Check its log: {self.folder / 'supervisor.log'}.")

    def stop(self, call: dict[str, Any]) -> bool:
        """Stop the service and its supervisor; returns whether there was one."""
        connection = self._connect()
        if connection is None:
            return False
        for message in self._call(connection, call):
            if "failed" in message:
                raise SeatrialError(message["failed"])
        self._clean_up()
        return True

    def _call(
        self, connection: socket.socket, call: dict[str, Any], seconds: float = REPLY_SECONDS
    ) -> Iterator[dict[str, Any]]:
        """Make a call and yield the replies, until the supervisor closes the connection."""
        with closing(connection), connection.makefile("rb") as replies:
            connection.settimeout(seconds)
            try:
                connection.sendall(json.dumps(call).encode() + b"\n")
                for line in replies:
                    yield json.loads(line)
            except TimeoutError:
                raise SeatrialError(
                    "The supervisor does not respond.", hint=f"Kill the process whose ID is in {self._file}."
                ) from None
            except (OSError, ValueError):
                return  # it exited

    def _connect(self) -> socket.socket | None:
        """Connect to the supervisor; None if none is running."""
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.settimeout(REPLY_SECONDS)
            connection.connect(str(known_control_path(self.folder)))
        except OSError:
            connection.close()
            return None
        return connection

    def _start(self) -> socket.socket:
        """Start a supervisor with its two sockets. Both listen already, so it can be called at once."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.listen() as listener:
            self._clean_up()  # safe now that we hold the port: a supervisor that another clone starts would hold it
            path = control_path(self.folder)
            with bind_control(path) as control:
                process = self._spawn(listener, control)
            write_record(self.folder, process.pid, path)
        connection = self._connect()
        if connection is None:
            raise SeatrialError(
                "The supervisor did not start.", hint=f"Check its log: {self.folder / 'supervisor.log'}."
            )
        return connection

    def _spawn(self, listener: socket.socket, control: socket.socket) -> "subprocess.Popen[bytes]":
        handles = (listener.fileno(), control.fileno())
        with (self.folder / "supervisor.log").open("ab") as log:
            return subprocess.Popen(
                [
                    *(sys.executable, "-m", "seatrial.deploy.supervisor"),
                    *("--fd", str(handles[0]), "--control-fd", str(handles[1]), str(self.folder)),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=handles,
                cwd=self.folder,
                env=allowed_environment(self._variables),
                start_new_session=True,
            )

    def listen(self) -> socket.socket:
        """Listen on the address. Raises SeatrialError where that is not possible."""
        deadline = time.monotonic() + (PORT_SECONDS if self._file.exists() else 0)
        while True:
            try:
                return listen(*self._address, hint="Choose another port: [tool.seatrial.deploy.local] port = 8002.")
            except SeatrialError:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(0.05)

    def _clean_up(self) -> None:
        """Remove the files of a supervisor that has exited."""
        path = known_control_path(self.folder)
        with suppress(OSError):
            if path.is_socket():  # a damaged record could name any file
                path.unlink()
            if path.parent != self.folder:
                path.parent.rmdir()
        with suppress(OSError):
            self._file.unlink()
