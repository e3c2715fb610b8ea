"""The target `railway`: the pin and its wheels are uploaded by Railway's own command line, and built and run there.

Railway exchanges the releases itself: the old one serves until the new one's health check has passed.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import Field

from seatrial.core.errors import SeatrialError
from seatrial.core.project import ProjectSettings
from seatrial.deploy.health import version_at, wait_for_version
from seatrial.deploy.images import PORT, PYTHON, own_or, render_dockerfile, render_dockerignore, stage
from seatrial.deploy.release_health import require_proven
from seatrial.deploy.target import Pinned, Progress
from seatrial.deploy.target_settings import TargetSettings, read_settings
from seatrial.deploy.tools import Tool, ToolError, find_tool

TOKENS = ("RAILWAY_TOKEN", "RAILWAY_API_TOKEN")
INSTALL = "Install Railway's command line: npm install --global @railway/cli."
REFUSED = ("unauthorized", "not signed in", "invalid railway_token", "invalid railway_api_token", "please login")
HOW_TO_SIGN_IN = (
    "Make a project token in Railway's dashboard (project, Settings, Tokens) and set RAILWAY_TOKEN to it in the "
    "environment; or RAILWAY_API_TOKEN to an account's or workspace's."
)


class RailwaySettings(TargetSettings):
    """[tool.seatrial.deploy.railway]."""

    service: str | None = Field(None, description="the name of the service on Railway; default: the project's name")
    environment: str = Field("production", description="the environment on Railway")
    project: str | None = Field(None, description="the project's id on Railway; RAILWAY_API_TOKEN needs it")
    url: str | None = Field(
        None, pattern="^https?://", description="the service's address, to see that the new release answers"
    )
    python: str = Field(PYTHON, description="the Python of the base image python:X-slim")
    upload_timeout: float = Field(300.0, gt=0, description="seconds that the upload may take")
    patience: float = Field(900.0, gt=0, description="seconds until the new release must answer at `url`")
    healthcheck_timeout: int = Field(120, ge=1, description="seconds that Railway waits for /ready")
    restarts: int = Field(10, ge=0, description="how often Railway restarts a server that ended with an error")
    overlap: int = Field(10, ge=0, description="seconds that the old release serves beside the new one")
    draining: int = Field(10, ge=0, description="seconds between SIGTERM and SIGKILL for the old release")


def render_railway_json(settings: RailwaySettings) -> str:
    """Railway's config as code; numbers as numbers, since Railway's parser refuses them as strings."""
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
    """Deploys by `railway up`."""

    name = "railway"

    def __init__(self, project: ProjectSettings, settings: dict[str, Any]) -> None:
        self.project = project
        self.settings = read_settings(RailwaySettings, settings, project, self.name)
        self.service = self.settings.service or project.name
        self.url = (self.settings.url or "").rstrip("/")

    def files(self) -> dict[str, str]:
        """What belongs into deploy/railway/ beside the pin; a project's own version of a file goes first."""
        return {
            "Dockerfile": render_dockerfile(self.project, python=self.settings.python, port=PORT, mounts=False),
            ".dockerignore": render_dockerignore(),
            "railway.json": render_railway_json(self.settings),
        }

    def check(self) -> None:
        """Raise SeatrialError where the command line, the token, or what an account's token needs is missing.

        A token that Railway refuses shows at the upload, which comes before anything is changed.
        """
        self._tool()
        if self.settings.project is None and not os.environ.get("RAILWAY_TOKEN"):
            raise SeatrialError(
                "RAILWAY_API_TOKEN belongs to an account, so Railway must be told which project is meant.",
                hint="Set `project` to its id under [tool.seatrial.deploy.railway], or use RAILWAY_TOKEN.",
            )

    def switch(self, pinned: Pinned, commit: Callable[[], None], progress: Progress) -> str:
        """Upload, wait until the new release answers where `url` is set, and commit."""
        self._upload(pinned, progress)
        if self.url:
            progress(f"waiting until {self.url} answers as {pinned.version}")
            wait_for_version(self.url, pinned.version, self.settings.patience, logs="railway logs --build")
            require_proven(self.url, pinned)
        else:
            progress("uploaded; not checked that it answers: set `url` under [tool.seatrial.deploy.railway] for that")
        commit()
        return self.url or f"the service {self.service} on Railway"

    def settle(self, pinned: Pinned | None, progress: Progress) -> None:
        """Upload the pin again where the service is known to answer as another version."""
        there = self.serving()
        if pinned is None or there is None or there == pinned.version:
            return
        self.switch(pinned, lambda: None, progress)

    def serving(self) -> str | None:
        """Give the version that answers at `url`; without one nobody can tell."""
        return version_at(self.url) if self.url else None

    def _upload(self, pinned: Pinned, progress: Progress) -> None:
        tool, settings = self._tool(), self.settings
        options = ["--detach", "--service", self.service, "--environment", settings.environment]
        if settings.project:
            options += ["--project", settings.project]
        with TemporaryDirectory(prefix="seatrial-railway-") as folder:
            # away from any repository: its .gitignore would keep the wheels back, and its root would be uploaded
            stage(Path(folder), pinned, own_or(self.files(), self.project.root / "deploy" / self.name))
            progress(f"uploading {pinned.name} {pinned.version} to the service {self.service}")
            try:
                tool.run("up", *options, doing="upload", folder=Path(folder), timeout=settings.upload_timeout)
            except ToolError as error:
                if any(word in error.output.lower() for word in REFUSED):
                    which = next(name for name in TOKENS if os.environ.get(name))
                    raise SeatrialError(f"Railway refuses the token in {which}.", hint=HOW_TO_SIGN_IN) from None
                raise

    def _tool(self) -> Tool:
        given = tuple(value for name in TOKENS if (value := os.environ.get(name)))
        tool = find_tool(["railway"], hint=INSTALL, secrets=given)
        if not given:
            raise SeatrialError("There is no token for Railway: RAILWAY_TOKEN is not set.", hint=HOW_TO_SIGN_IN)
        return tool
