"""The target `local`: a supervised process on this machine. supervisor.py describes what happens when one is killed.

A port belongs to the machine, while a CI pipeline makes a new clone each time. So the state of the service on a fixed
port is in the user's state folder, where all clones of the project find it. A clone may replace a service only if it
knows its deployment, from the lockfile or the history in git; any other was deployed from elsewhere and is left alone.
"""

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from packaging.utils import canonicalize_name
from pydantic import Field

from seatrial.core.errors import SeatrialError
from seatrial.core.files import write_atomic
from seatrial.core.progress import Progress
from seatrial.core.project import ProjectSettings
from seatrial.core.state import state_home
from seatrial.deploy.service_keys import OPEN_HELP, keys_file, require_closed
from seatrial.deploy.service_log import LOG_HELP, target_log
from seatrial.deploy.supervisor_client import SupervisorClient
from seatrial.deploy.target import PinnedRelease, TargetSettings, read_settings
from seatrial.deploy.target_state import TargetState
from seatrial.prediction_log.log_settings import KEY_VARIABLE, LogSettings
from seatrial.wheels.environments import make_locked_environment
from seatrial.wheels.lockfile import read_lockfile


class LocalSettings(TargetSettings):
    """[tool.seatrial.deploy.local]."""

    host: str = Field("127.0.0.1", description="the address to serve on")
    port: int = Field(8001, ge=0, le=65535, description="the port to serve on; 0 chooses a free one")
    patience: float = Field(60.0, gt=0, description="seconds within which a new release must be ready")
    environment: list[str] = Field(
        [],
        description="the names of environment variables that the service gets besides the usual ones: no token "
        "reaches it unless it is listed here",
    )
    allowed_hosts: list[str] = Field(
        [],
        description='host names that requests may have, for example behind a proxy: ["model.example.com"]; default: '
        "loopback names if `host` is a loopback address, else all",
    )
    keys: str | None = Field(
        None,
        description="the file of access keys, which servers read again when it changes; default: "
        ".seatrial/keys.json, if it exists",
    )
    open: bool = Field(False, description=OPEN_HELP)
    cors_origins: list[str] = Field(
        [], description='origins of web pages that may call the service, as ["https://app.example.com"]; "*" for all'
    )
    root_path: str = Field("", description="the path below which a proxy serves the service, as /models/titanic")
    trusted_proxies: list[str] = Field(
        [], description='addresses and networks of proxies whose X-Forwarded headers count, as ["10.0.0.1"]'
    )
    log: str | None = Field(None, description=LOG_HELP)
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "warning", description="the log level of the servers, whose logs are in the user's state folder"
    )
    log_megabytes: int = Field(10, ge=1, description="the size at which a server begins a new log file")
    log_files: int = Field(3, ge=1, description="how many log files of a server are kept")


class Local:
    """A process on this machine that is restarted when it crashes, and replaced without losing a request."""

    name = "local"

    def __init__(self, project: ProjectSettings, settings: dict[str, Any]) -> None:
        if port := os.environ.get("PORT"):  # as for `seatrial serve`
            settings = {**settings, "port": int(port) if port.isdecimal() else port}
        self._settings = read_settings(LocalSettings, settings, project, self.name)
        self._project = project
        self._state = TargetState(project, self.name)
        self._supervisor = self._find_supervisor(project)

    @property
    def port(self) -> int:
        """The port to serve on; 0 chooses a free one."""
        return self._settings.port

    def check(self) -> None:
        """Raise SeatrialError where no supervisor can run: on Windows, on a used port, or with other settings."""
        if os.name == "nt":
            raise SeatrialError(
                "The target local needs Unix sockets and signals, which Windows does not have.",
                hint="Use `seatrial serve`, or deploy to docker.",
            )
        self._keys()
        self._log()
        status = self._supervisor.status()
        if status is None:
            self._supervisor.listen().close()
            return
        host, port = self._settings.host, self._settings.port
        if port and (status["host"], status["port"]) != (host, port):
            raise SeatrialError(
                f"The service runs on {status['host']}:{status['port']}, but the settings say {host}:{port}.",
                hint=f"Stop it first: `seatrial deploy {self.name} --stop`.",
            )
        self._refuse_unknown(status)

    def prepare(self, pinned: PinnedRelease, progress: Progress) -> None:
        """Make the environment, so that a failure there changes nothing."""
        self._environment(pinned, progress)

    def switch(self, pinned: PinnedRelease, commit: Callable[[], None], progress: Progress) -> str:
        """Start the new release next to the old one, and switch over once it is verified."""
        status = self._supervisor.status()
        self._refuse_unknown(status)
        spec = self._spec(pinned, progress)
        expected = status["id"] if status else None
        url = self._supervisor.switch(spec, expected, self._state.requirements, commit, progress)
        self._remove_old_wheels(pinned)
        return url

    def canary(self, pinned: PinnedRelease, share: int, commit: Callable[[], None], progress: Progress) -> str:
        """Run a release beside the one that serves, for about `share` percent of connections; returns the URL.

        `commit` is called once it is verified, and before it is asked anything.
        """
        status = self._supervisor.status()
        self._refuse_unknown(status)
        if status is None or status["version"] is None:
            raise SeatrialError("Nothing serves on local that a canary could run beside.", hint="Deploy it instead.")
        # It must not be taken for the release that serves here: trials compare with that one.
        spec = {**self._spec(pinned, progress), "registry": str(self._supervisor.folder / "canary")}
        return self._supervisor.canary(spec, share, status["id"], commit, progress)

    def running_canary(self) -> dict[str, Any] | None:
        """The canary that is running: its deployment's id, its version and hash, and the number of servers.

        One that ended by itself has no id, and says why in `ended`.
        """
        status = self._supervisor.status()
        return status.get("canary") if status else None

    def take_back(self) -> bool:
        """End the canary without losing a request; returns whether there was one."""
        return self._supervisor.status() is not None and self._supervisor.take_back()

    def _spec(self, pinned: PinnedRelease, progress: Progress) -> dict[str, Any]:
        """How a server runs a release."""
        python = self._environment(pinned, progress)
        return {
            **{key: getattr(pinned, key) for key in ("id", "name", "version", "sha256", "package")},
            "python": str(python),
            "wheel": str(self._keep_wheel(pinned)),
            "patience": self._settings.patience,
            "log_level": self._settings.log_level,
            "environment": [*self._settings.environment, *self._hash_key()],
            "log_megabytes": self._settings.log_megabytes,
            "log_files": self._settings.log_files,
            "keys": str(self._keys() or ""),
            "prediction_log": log.text() if (log := self._log()).to else "",
            "options": self._options(),
            "registry": str(state_home() / "served"),
        }

    def settle(self, pinned: PinnedRelease | None, progress: Progress) -> None:
        """Run what the lockfile names, unless it is running."""
        status = self._supervisor.status()
        if pinned is None:
            if status is not None and self._knows(status):
                self._supervisor.stop({"do": "stop", "expected": status["id"]})
        elif status is None or status["sha256"] != pinned.sha256:
            progress("bringing the service in line with the lockfile")
            self.switch(pinned, lambda: None, progress)

    def serving(self) -> str | None:
        """Return the version that the supervisor reports."""
        status = self._supervisor.status()
        return status["version"] if status else None

    def stop(self) -> bool:
        """Stop the service and its supervisor, whichever clone deployed it; returns whether there was one."""
        return self._supervisor.stop({"do": "stop"})

    def _keys(self) -> Path | None:
        settings = self._settings
        file = keys_file(self._project, settings.keys, settings.open)
        require_closed(self._project, self.name, settings.host, file, settings.open)
        return file

    def _log(self) -> LogSettings:
        """The prediction log: in a folder of the project, unless the settings say otherwise."""
        return target_log(self._project, self.name, self._settings.log, by_default=True)

    def _hash_key(self) -> list[str]:
        return [KEY_VARIABLE] * bool(self._project.log.get("hashed"))

    def _options(self) -> list[str]:
        """The options of the server that the settings have a value for."""
        settings = self._settings
        given = {
            "--allowed-hosts": ",".join(settings.allowed_hosts),
            "--cors-origins": ",".join(settings.cors_origins),
            "--root-path": settings.root_path,
            "--trusted-proxies": ",".join(settings.trusted_proxies),
        }
        return [*["--open"] * settings.open, *(part for item in given.items() if item[1] for part in item)]

    def _knows(self, status: dict[str, Any]) -> bool:
        """Whether the running deployment is in this clone's lockfile or history."""
        current = self._state.current()
        known = {entry.id for entry in self._state.history()} | {current.id if current else None}
        return status["id"] is None or status["id"] in known  # without an ID, no release ever came up there

    def _refuse_unknown(self, status: dict[str, Any] | None) -> None:
        if status is not None and not self._knows(status):
            raise SeatrialError(
                f"Port {status['port']} serves deployment {status['id']}, which is not in this clone's history.",
                hint=f"Run `git pull`, or stop that service: `seatrial deploy {self.name} --stop`.",
            )

    def _keep_wheel(self, pinned: PinnedRelease) -> Path:
        """Copy the wheel next to the supervisor, which verifies restarted servers with it when this clone is gone."""
        copy = self._supervisor.folder / "wheels" / pinned.sha256 / pinned.wheel.name
        if not copy.is_file():
            write_atomic(copy, pinned.wheel.read_bytes())
        return copy

    def _remove_old_wheels(self, pinned: PinnedRelease) -> None:
        for folder in (self._supervisor.folder / "wheels").iterdir():
            if folder.name != pinned.sha256:
                shutil.rmtree(folder, ignore_errors=True)

    def _find_supervisor(self, project: ProjectSettings) -> SupervisorClient:
        """Find the supervisor's folder: the one that the settings imply, or the one of the running deployment."""
        private = project.root / ".seatrial" / self.name
        shared, key = state_home() / self.name, canonicalize_name(project.name)
        by_settings = shared / f"{key}-{self._settings.port}" if self._settings.port else private
        folders = (by_settings, private, *sorted(shared.glob(f"{key}-*")))
        settings = self._settings
        environment = [*settings.environment, *self._hash_key()]
        clients = [SupervisorClient(folder, settings.host, settings.port, environment) for folder in folders]
        with suppress(SeatrialError):  # a damaged lockfile is reported where it is used
            current = self._state.current()
            for client in clients if current else ():
                status = client.status()
                if current and status and status["id"] == current.id:
                    return client
        return clients[0]

    def _environment(self, pinned: PinnedRelease, progress: Progress) -> Path:
        lockfile = read_lockfile(pinned.requirements.read_text("utf-8"), str(pinned.requirements))
        return make_locked_environment(lockfile, pinned.wheels, progress=progress).python
