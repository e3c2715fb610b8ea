"""The target `railway`: Railway's own command line uploads the lockfile and its wheels; Railway builds and runs them.

Railway switches between the releases itself: the old one serves until the new one has passed its health check.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import Field

from seatrial.core.errors import SeatrialError
from seatrial.core.progress import Progress
from seatrial.core.project import ProjectSettings
from seatrial.deploy.health import require_verified, version_at, wait_for_version
from seatrial.deploy.images import PORT, ImageSettings, docker_files, edited_or, stage
from seatrial.deploy.service_keys import OPEN_HELP
from seatrial.deploy.service_log import container_log
from seatrial.deploy.target import PinnedRelease, read_settings
from seatrial.deploy.tools import Tool, ToolError, find_tool

STOP_SECONDS = 5  # for what is in progress after the drain
TOKENS = ("RAILWAY_TOKEN", "RAILWAY_API_TOKEN")
INSTALL = "Install Railway's command line: npm install --global @railway/cli."
INVALID = ("unauthorized", "not signed in", "invalid railway_token", "invalid railway_api_token", "please login")
HOW_TO_SIGN_IN = (
    "Create a project token in Railway's dashboard (project, Settings, Tokens) and set RAILWAY_TOKEN to it in the "
    "environment, or set RAILWAY_API_TOKEN to the token of an account or workspace."
)


class RailwaySettings(ImageSettings):
    """[tool.seatrial.deploy.railway]."""

    service: str | None = Field(None, description="the name of the service on Railway; default: the project's name")
    environment: str = Field("production", description="the environment on Railway")
    open: bool = Field(False, description=f"{OPEN_HELP}; else the service's variable SEATRIAL_KEYS has the keys")
    project: str | None = Field(None, description="the project's ID on Railway; required with RAILWAY_API_TOKEN")
    url: str | None = Field(
        None, pattern="^https?://", description="the service's URL, to verify the new release after the upload"
    )
    upload_timeout: float = Field(300.0, gt=0, description="seconds that the upload may take")
    patience: float = Field(900.0, gt=0, description="seconds within which the new release must respond at `url`")
    healthcheck_timeout: int = Field(120, ge=1, description="seconds that Railway waits for /ready")
    restarts: int = Field(10, ge=0, description="how often Railway restarts a server that exited with an error")
    overlap: int = Field(10, ge=0, description="seconds that the old release keeps serving alongside the new one")
    draining: int = Field(
        30,
        ge=0,
        description="seconds between SIGTERM and SIGKILL of the old release, for a last request on each connection",
    )


def render_railway_json(settings: RailwaySettings) -> str:
    """Railway's config file. Numbers must be numbers: Railway's parser rejects strings."""
    document = {
        "$schema": "https://railway.com/railway.schema.json",
        "build": {"builder": "DOCKERFILE", "dockerfilePath": "Dockerfile"},
        "deploy": {
            "healthcheckPath": "/ready",
            "healthcheckTimeout": settings.healthcheck_timeout,
            "restartPolicyType": "ON_FAILURE",
            "restartPolicyMaxRetries": settings.restarts,
            "overlapSeconds": settings.overlap,
            "drainingSeconds": settings.draining,
        },
    }
    return json.dumps(document, indent=2) + "\n"


class Railway:
    """Deploys with `railway up`."""

    name = "railway"

    def __init__(self, project: ProjectSettings, settings: dict[str, Any]) -> None:
        self.project = project
        self.settings = read_settings(RailwaySettings, settings, project, self.name)
        self.service = self.settings.service or project.name
        self.url = (self.settings.url or "").rstrip("/")

    def files(self) -> dict[str, str]:
        """The files of deploy/railway/ besides the lockfile; a project's own version of a file takes precedence."""
        drain = max(self.settings.draining - STOP_SECONDS, 0)
        log = container_log(self.project, self.name, self.settings.log)
        docker = docker_files(
            self.project,
            self.settings,
            port=PORT,
            mounts=False,
            drain=drain,
            is_open=self.settings.open,
            log=log.text() if log.to else "",
        )
        return {**docker, "railway.json": render_railway_json(self.settings)}

    def check(self) -> None:
        """Raise SeatrialError if the command line, the token, or the project of an account token is missing.

        A token that Railway rejects is noticed at the upload, which comes before anything is changed.
        """
        self._tool()
        if self.settings.project is None and not os.environ.get("RAILWAY_TOKEN"):
            raise SeatrialError(
                "RAILWAY_API_TOKEN belongs to an account, so the project must be named.",
                hint="Set `project` to its ID under [tool.seatrial.deploy.railway], or use RAILWAY_TOKEN.",
            )

    def switch(self, pinned: PinnedRelease, commit: Callable[[], None], progress: Progress) -> str:
        """Upload, wait until the new release responds if `url` is set, and commit."""
        self._upload(pinned, progress)
        if self.url:
            progress(f"waiting until {self.url} serves {pinned.version}")
            wait_for_version(self.url, pinned.version, self.settings.patience, logs="railway logs --build")
            require_verified(self.url, pinned)
        else:
            progress("uploaded, but not verified; to verify, set `url` under [tool.seatrial.deploy.railway]")
        commit()
        return self.url or f"the service {self.service} on Railway"

    def settle(self, pinned: PinnedRelease | None, progress: Progress) -> None:
        """Upload the lockfile again if the service is known to run another version."""
        running = self.serving()
        if pinned is not None and running not in (None, pinned.version):
            self.switch(pinned, lambda: None, progress)

    def serving(self) -> str | None:
        """Return the version that `url` serves; without a URL it cannot be determined."""
        return version_at(self.url) if self.url else None

    def _upload(self, pinned: PinnedRelease, progress: Progress) -> None:
        tool, settings = self._tool(), self.settings
        options = ["--detach", "--service", self.service, "--environment", settings.environment]
        if settings.project:
            options += ["--project", settings.project]
        with TemporaryDirectory(prefix="seatrial-railway-") as folder:
            # outside any repository: `railway up` would upload its root, without the wheels that .gitignore excludes
            stage(
                Path(folder),
                pinned,
                edited_or(self.files(), self.project.root / "deploy" / self.name, self.settings.base_image),
            )
            progress(f"uploading {pinned.name} {pinned.version} to the service {self.service}")
            try:
                tool.run("up", *options, doing="upload", folder=Path(folder), timeout=settings.upload_timeout)
            except ToolError as error:
                if any(phrase in error.output.lower() for phrase in INVALID):
                    variable = next(name for name in TOKENS if os.environ.get(name))
                    raise SeatrialError(
                        f"Railway rejected the token in {variable}: it is invalid or expired.", hint=HOW_TO_SIGN_IN
                    ) from None
                raise

    def _tool(self) -> Tool:
        tokens = tuple(value for name in TOKENS if (value := os.environ.get(name)))
        tool = find_tool("railway", hint=INSTALL, secrets=tokens)
        if not tokens:
            raise SeatrialError("No token for Railway: RAILWAY_TOKEN is not set.", hint=HOW_TO_SIGN_IN)
        return tool
