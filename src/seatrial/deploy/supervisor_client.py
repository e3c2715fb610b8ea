"""The line to a supervisor: found by a note in its folder, started where there is none, called by lines of JSON."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.core.files import read_json, to_json, write_atomic
from seatrial.deploy.target import Progress

LONGEST_PATH = 100  # bytes; a Unix socket's path may have 107, elsewhere 103
ANSWER_SECONDS = 30.0
PORT_PATIENCE = 3.0  # seconds; the servers of a supervisor that was just killed are still ending
SUPERVISOR = "supervisor.json"


class Control:
    """What a command asks of the supervisor whose state lies in `folder`; it listens on `host` and `port`."""

    def __init__(self, folder: Path, host: str, port: int) -> None:
        self.folder = folder
        self._address = (host, port)

    def status(self) -> dict[str, Any] | None:
        """Ask what serves; None where no supervisor runs."""
        found = [message["status"] for message in self._calls(self._connect(), {"do": "status"}) if "status" in message]
        return dict(found[0]) if found else None

    def switch(
        self, order: dict[str, Any], instead: str | None, pin: Path, commit: Callable[[], None], progress: Progress
    ) -> str:
        """Have the release of `order` take the place of what serves, and give its address; `commit` writes `pin`.

        The supervisor, started if need be, refuses where something else has come to serve than `instead`.
        """
        connection = self._connect() or self._start()
        with closing(connection), connection.makefile("rwb") as stream:
            connection.settimeout(2 * order["patience"] + ANSWER_SECONDS)
            for message in self._say(stream, {"do": "switch", "order": order, "pin": str(pin), "instead": instead}):
                if "step" in message:
                    progress(message["step"])
                elif "ready" in message:
                    commit()
                    stream.write(json.dumps({"commit": True}).encode() + b"\n")
                    stream.flush()
                elif "failed" in message:
                    raise SeatrialError(message["failed"], hint="What ran before serves on.")
                elif "done" in message:
                    return str(message["done"])
        raise SeatrialError("The supervisor ended.", hint=f"Its log is {self.folder / 'supervisor.log'}.")

    def stop(self, call: dict[str, Any]) -> bool:
        """End the service and its supervisor; says whether there was one."""
        connection = self._connect()
        if connection is None:
            return False
        for message in self._calls(connection, call):
            if "failed" in message:
                raise SeatrialError(message["failed"])
        self._forget()
        return True

    def _calls(self, connection: socket.socket | None, call: dict[str, Any]) -> Iterator[dict[str, Any]]:
        if connection is None:
            return
        with closing(connection), connection.makefile("rwb") as stream:
            connection.settimeout(ANSWER_SECONDS)
            yield from self._say(stream, call)

    def _say(self, stream: Any, call: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Make a call, and give the answers one after the other."""
        try:
            stream.write(json.dumps(call).encode() + b"\n")
            stream.flush()
            for line in stream:
                yield json.loads(line)
        except TimeoutError:
            raise SeatrialError(
                "The supervisor does not answer.", hint=f"End the process that {self.folder / SUPERVISOR} names."
            ) from None
        except (OSError, ValueError):
            return  # it ended: whoever waits for an answer hears no more

    def _connect(self) -> socket.socket | None:
        """Reach the supervisor; None where there is none."""
        try:
            path = str(read_json(self.folder / SUPERVISOR)["control"])
        except (SeatrialError, KeyError, TypeError):
            return None
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.settimeout(ANSWER_SECONDS)
            connection.connect(path)
        except OSError:
            connection.close()
            return None
        return connection

    def _start(self) -> socket.socket:
        """Start a supervisor with the sockets that it needs; both listen already, so it can be called at once."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.listen() as listener, socket.socket(socket.AF_UNIX) as control:
            self._forget()  # only who has the port may: a supervisor that another clone is starting has it
            path = self.folder / "control"
            if len(os.fsencode(path)) > LONGEST_PATH:
                path = Path(tempfile.mkdtemp(prefix="seatrial-")) / "control"
            path.unlink(missing_ok=True)
            before = os.umask(0o177)
            try:
                control.bind(str(path))
            finally:
                os.umask(before)
            control.listen(16)
            handles = (listener.fileno(), control.fileno())
            with (self.folder / "supervisor.log").open("ab") as log:
                process = subprocess.Popen(
                    [
                        *(sys.executable, "-m", "seatrial.deploy.supervisor"),
                        *("--fd", str(handles[0]), "--control-fd", str(handles[1]), str(self.folder)),
                    ],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=handles,
                    cwd=self.folder,
                    start_new_session=True,
                )
            write_atomic(self.folder / SUPERVISOR, to_json({"pid": process.pid, "control": str(path)}))
        connection = self._connect()
        if connection is None:
            raise SeatrialError("The supervisor did not start.", hint=f"See {self.folder / 'supervisor.log'}.")
        return connection

    def listen(self) -> socket.socket:
        """Take the address."""
        family = socket.AF_INET6 if ":" in self._address[0] else socket.AF_INET
        end = time.monotonic() + (PORT_PATIENCE if (self.folder / SUPERVISOR).exists() else 0)
        while True:
            listener = socket.socket(family)
            try:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listener.bind((self._address[0], self._address[1]))
                listener.listen(2048)
            except OSError as error:
                listener.close()
                if time.monotonic() < end:
                    time.sleep(0.05)
                    continue
                raise SeatrialError(
                    f"Port {self._address[1]} on {self._address[0]} cannot be used: {error.strerror}.",
                    hint="Choose another one: [tool.seatrial.deploy.local] port = 8002.",
                ) from None
            return listener

    def _forget(self) -> None:
        """Remove what an ended supervisor left."""
        with suppress(SeatrialError, KeyError, TypeError, OSError):
            path = Path(read_json(self.folder / SUPERVISOR)["control"])
            path.unlink(missing_ok=True)
            if path.parent != self.folder:
                shutil.rmtree(path.parent, ignore_errors=True)
        with suppress(OSError):
            (self.folder / SUPERVISOR).unlink()
