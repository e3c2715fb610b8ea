"""The target `local`: a supervised process on this machine. What happens when something is killed: supervisor.py.

A port belongs to the machine, and a pipeline is a new clone each time. So what is known of the service on a fixed port
lies in the user's state folder, where all clones of the project find it. A clone may replace a service that it knows
of, by the pin or the history that it got from git; another one was deployed from elsewhere and is not touched.
"""

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
from typing import Any, Literal

from packaging.utils import canonicalize_name
from pydantic import Field

from seatrial.core.environments import make_pinned
from seatrial.core.errors import SeatrialError
from seatrial.core.files import read_json, to_json, write_whole
from seatrial.core.pins import read_pin
from seatrial.core.project import Project
from seatrial.core.state import state_home
from seatrial.deploy.place import Place
from seatrial.deploy.settings import TargetSettings, read_settings
from seatrial.deploy.target import Pinned, Progress

LONGEST_PATH = 100  # bytes; a Unix socket's path may have 107, elsewhere 103
ANSWER_SECONDS = 30.0
PORT_PATIENCE = 3.0  # seconds; the servers of a supervisor that was just killed are still ending
SUPERVISOR = "supervisor.json"


class LocalSettings(TargetSettings):
    """[tool.seatrial.deploy.local]."""

    host: str = Field("127.0.0.1", description="the address to serve on")
    port: int = Field(8001, ge=0, le=65535, description="the port to serve on; 0 takes a free one")
    patience: float = Field(60.0, gt=0, description="seconds within which a new release must be ready")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "warning", description="of the servers, whose logs are in the user's state folder"
    )


class Local:
    """A process on this machine that is started again when it crashes, and switched without losing a request."""

    name = "local"

    def __init__(self, project: Project, settings: dict[str, Any]) -> None:
        self._settings = read_settings(LocalSettings, settings, project, self.name)
        self._place = Place(project, self.name)
        self._folder = self._find_folder(project)

    def check(self) -> None:
        """Refuse where a supervisor cannot run: on Windows, on a port that is taken, or with other settings."""
        if os.name == "nt":
            raise SeatrialError(
                "The target local needs Unix sockets and signals, which Windows has not.",
                hint="Use `seatrial serve` there, or deploy to docker.",
            )
        status = self._status()
        if status is None:
            self._listen().close()
            return
        host, port = self._settings.host, self._settings.port
        if port and (status["host"], status["port"]) != (host, port):
            raise SeatrialError(
                f"It serves on {status['host']}:{status['port']}, and the settings say {host}:{port}.",
                hint=f"Stop it first: `seatrial deploy {self.name} --stop`.",
            )
        self._refuse_unknown(status)

    def prepare(self, pinned: Pinned, progress: Progress) -> None:
        """Make the environment, so that whatever that needs fails before anything is touched."""
        self._environment(pinned, progress)

    def switch(self, pinned: Pinned, commit: Callable[[], None], progress: Progress) -> str:
        """Start the new release beside the old one, and switch over when it has proven itself."""
        python = self._environment(pinned, progress)
        status = self._status()
        self._refuse_unknown(status)
        order = {
            **{key: getattr(pinned, key) for key in ("id", "name", "version", "sha256", "package")},
            "python": str(python),
            "wheel": str(self._keep(pinned)),
            "patience": self._settings.patience,
            "log_level": self._settings.log_level,
            "notes": str(state_home() / "served"),
        }
        call: dict[str, Any] = {"do": "switch", "order": order, "pin": str(self._place.requirements)}
        call["instead"] = status["id"] if status else None
        connection = self._connect() or self._start()
        with closing(connection), connection.makefile("rwb") as stream:
            connection.settimeout(2 * self._settings.patience + ANSWER_SECONDS)
            for message in self._say(stream, call):
                if "step" in message:
                    progress(message["step"])
                elif "ready" in message:
                    commit()
                    stream.write(json.dumps({"commit": True}).encode() + b"\n")
                    stream.flush()
                elif "failed" in message:
                    raise SeatrialError(message["failed"], hint="What ran before serves on.")
                elif "done" in message:
                    self._throw_away_old(pinned)
                    return str(message["done"])
        raise SeatrialError("The supervisor ended.", hint=f"Its log is {self._folder / 'supervisor.log'}.")

    def settle(self, pinned: Pinned | None, progress: Progress) -> None:
        """Have what the pin says serve, if it does not."""
        status = self._status()
        if pinned is None:
            if status is not None and self._knows(status):
                self._stop({"do": "stop", "instead": status["id"]})
        elif status is None or status["sha256"] != pinned.sha256:
            progress("bringing the service to what the pin says")
            self.switch(pinned, lambda: None, progress)

    def serving(self) -> str | None:
        """Ask the supervisor."""
        status = self._status()
        return status["version"] if status else None

    def stop(self) -> bool:
        """End the service and its supervisor, whoever deployed it; says whether there was one."""
        return self._stop({"do": "stop"})

    def _stop(self, call: dict[str, Any]) -> bool:
        connection = self._connect()
        if connection is None:
            return False
        with closing(connection), connection.makefile("rwb") as stream:
            connection.settimeout(ANSWER_SECONDS)
            for message in self._say(stream, call):
                if "failed" in message:
                    raise SeatrialError(message["failed"])
        self._forget()
        return True

    def _knows(self, status: dict[str, Any]) -> bool:
        """Whether what serves was deployed by this clone, or is in what it got from git."""
        if status["id"] is None:
            return True  # no release ever came up there
        current = self._place.current()
        if current is not None and current.id == status["id"]:
            return True
        return any(entry.id == status["id"] for entry in self._place.history())

    def _refuse_unknown(self, status: dict[str, Any] | None) -> None:
        if status is not None and not self._knows(status):
            raise SeatrialError(
                f"Deployment {status['id']} serves on port {status['port']}, and this clone knows nothing of it.",
                hint=f"`git pull` first, or stop that service: `seatrial deploy {self.name} --stop`.",
            )

    def _keep(self, pinned: Pinned) -> Path:
        """Put the wheel beside the supervisor, which proves a restarted server by it when this clone is gone."""
        kept = self._folder / "wheels" / pinned.sha256 / pinned.wheel.name
        if not kept.is_file():
            write_whole(kept, pinned.wheel.read_bytes())
        return kept

    def _throw_away_old(self, pinned: Pinned) -> None:
        for folder in (self._folder / "wheels").iterdir():
            if folder.name != pinned.sha256:
                shutil.rmtree(folder, ignore_errors=True)

    def _find_folder(self, project: Project) -> Path:
        """Where the supervisor's state lies: by the settings, or, while it serves on, by what they were."""
        private = project.root / ".seatrial" / self.name
        shared, key = state_home() / self.name, canonicalize_name(project.name)
        by_settings = shared / f"{key}-{self._settings.port}" if self._settings.port else private
        with suppress(SeatrialError):  # a damaged pin is complained about where it is needed
            current = self._place.current()
            for self._folder in (by_settings, private, *sorted(shared.glob(f"{key}-*"))):
                status = self._status() if current else None
                if current and status and status["id"] == current.id:
                    return self._folder
        return by_settings

    def _environment(self, pinned: Pinned, progress: Progress) -> Path:
        pin = read_pin(pinned.requirements.read_text("utf-8"), str(pinned.requirements))
        return make_pinned(pin, pinned.wheels, progress=progress).python

    def _status(self) -> dict[str, Any] | None:
        connection = self._connect()
        if connection is None:
            return None
        with closing(connection), connection.makefile("rwb") as stream:
            connection.settimeout(ANSWER_SECONDS)
            for message in self._say(stream, {"do": "status"}):
                if "status" in message:
                    return dict(message["status"])
        return None

    def _say(self, stream: Any, call: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Make a call, and give the answers one after the other."""
        try:
            stream.write(json.dumps(call).encode() + b"\n")
            stream.flush()
            for line in stream:
                yield json.loads(line)
        except TimeoutError:
            raise SeatrialError(
                "The supervisor does not answer.", hint=f"End the process that {self._folder / SUPERVISOR} names."
            ) from None
        except (OSError, ValueError):
            return  # it ended: whoever waits for an answer hears no more

    def _connect(self) -> socket.socket | None:
        """Reach the supervisor; None where there is none."""
        try:
            path = str(read_json(self._folder / SUPERVISOR)["control"])
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
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._listen() as listener, socket.socket(socket.AF_UNIX) as control:
            self._forget()  # only who has the port may: a supervisor that another clone is starting has it
            path = self._folder / "control"
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
            with (self._folder / "supervisor.log").open("ab") as log:
                process = subprocess.Popen(
                    [
                        *(sys.executable, "-m", "seatrial.deploy.supervisor"),
                        *("--fd", str(handles[0]), "--control-fd", str(handles[1]), str(self._folder)),
                    ],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=handles,
                    cwd=self._folder,
                    start_new_session=True,
                )
            write_whole(self._folder / SUPERVISOR, to_json({"pid": process.pid, "control": str(path)}))
        connection = self._connect()
        if connection is None:
            raise SeatrialError("The supervisor did not start.", hint=f"See {self._folder / 'supervisor.log'}.")
        return connection

    def _listen(self) -> socket.socket:
        """Take the address."""
        family = socket.AF_INET6 if ":" in self._settings.host else socket.AF_INET
        end = time.monotonic() + (PORT_PATIENCE if (self._folder / SUPERVISOR).exists() else 0)
        while True:
            listener = socket.socket(family)
            try:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listener.bind((self._settings.host, self._settings.port))
                listener.listen(2048)
            except OSError as error:
                listener.close()
                if time.monotonic() < end:
                    time.sleep(0.05)
                    continue
                raise SeatrialError(
                    f"Port {self._settings.port} on {self._settings.host} cannot be used: {error.strerror}.",
                    hint=f"Choose another one: [tool.seatrial.deploy.{self.name}] port = 8002.",
                ) from None
            return listener

    def _forget(self) -> None:
        """Remove what an ended supervisor left."""
        with suppress(SeatrialError, KeyError, TypeError, OSError):
            path = Path(read_json(self._folder / SUPERVISOR)["control"])
            path.unlink(missing_ok=True)
            if path.parent != self._folder:
                shutil.rmtree(path.parent, ignore_errors=True)
        with suppress(OSError):
            (self._folder / SUPERVISOR).unlink()
