"""The target `local`: a supervised process on this machine. What happens when something is killed: supervisor.py.

A port belongs to the machine, and a pipeline is a new clone each time. So what is known of the service on a fixed port
lies in the user's state folder, where all clones of the project find it. A clone may replace a service that it knows
of, by the pin or the history that it got from git; another one was deployed from elsewhere and is not touched.
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
from seatrial.core.project import ProjectSettings
from seatrial.core.state import state_home
from seatrial.deploy.supervisor_client import Control
from seatrial.deploy.target import Pinned, Progress
from seatrial.deploy.target_settings import TargetSettings, read_settings
from seatrial.deploy.target_state import TargetState
from seatrial.wheels.environments import make_locked_environment
from seatrial.wheels.lockfile import read_lockfile


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

    def __init__(self, project: ProjectSettings, settings: dict[str, Any]) -> None:
        self._settings = read_settings(LocalSettings, settings, project, self.name)
        self._place = TargetState(project, self.name)
        self._control = self._find_control(project)

    def check(self) -> None:
        """Refuse where a supervisor cannot run: on Windows, on a port that is taken, or with other settings."""
        if os.name == "nt":
            raise SeatrialError(
                "The target local needs Unix sockets and signals, which Windows has not.",
                hint="Use `seatrial serve` there, or deploy to docker.",
            )
        status = self._control.status()
        if status is None:
            self._control.listen().close()
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
        status = self._control.status()
        self._refuse_unknown(status)
        order = {
            **{key: getattr(pinned, key) for key in ("id", "name", "version", "sha256", "package")},
            "python": str(python),
            "wheel": str(self._keep(pinned)),
            "patience": self._settings.patience,
            "log_level": self._settings.log_level,
            "notes": str(state_home() / "served"),
        }
        instead = status["id"] if status else None
        address = self._control.switch(order, instead, self._place.requirements, commit, progress)
        self._throw_away_old(pinned)
        return address

    def settle(self, pinned: Pinned | None, progress: Progress) -> None:
        """Have what the pin says serve, if it does not."""
        status = self._control.status()
        if pinned is None:
            if status is not None and self._knows(status):
                self._control.stop({"do": "stop", "instead": status["id"]})
        elif status is None or status["sha256"] != pinned.sha256:
            progress("bringing the service to what the pin says")
            self.switch(pinned, lambda: None, progress)

    def serving(self) -> str | None:
        """Ask the supervisor."""
        status = self._control.status()
        return status["version"] if status else None

    def stop(self) -> bool:
        """End the service and its supervisor, whoever deployed it; says whether there was one."""
        return self._control.stop({"do": "stop"})

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
        kept = self._control.folder / "wheels" / pinned.sha256 / pinned.wheel.name
        if not kept.is_file():
            write_atomic(kept, pinned.wheel.read_bytes())
        return kept

    def _throw_away_old(self, pinned: Pinned) -> None:
        for folder in (self._control.folder / "wheels").iterdir():
            if folder.name != pinned.sha256:
                shutil.rmtree(folder, ignore_errors=True)

    def _find_control(self, project: ProjectSettings) -> Control:
        """Find the supervisor's state: where the settings say, or, while it serves on, where they had it."""
        private = project.root / ".seatrial" / self.name
        shared, key = state_home() / self.name, canonicalize_name(project.name)
        by_settings = shared / f"{key}-{self._settings.port}" if self._settings.port else private
        folders = (by_settings, private, *sorted(shared.glob(f"{key}-*")))
        controls = [Control(folder, self._settings.host, self._settings.port) for folder in folders]
        with suppress(SeatrialError):  # a damaged pin is complained about where it is needed
            current = self._place.current()
            for control in controls if current else ():
                status = control.status()
                if current and status and status["id"] == current.id:
                    return control
        return controls[0]

    def _environment(self, pinned: Pinned, progress: Progress) -> Path:
        pin = read_lockfile(pinned.requirements.read_text("utf-8"), str(pinned.requirements))
        return make_locked_environment(pin, pinned.wheels, progress=progress).python
