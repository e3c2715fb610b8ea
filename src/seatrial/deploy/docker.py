"""The target `docker`: the release as a container on this machine, by Docker or Podman.

Another port proves the new release before the old one is stopped; the exchange itself leaves a gap of about a second,
since both want the same port. Put a proxy or Kubernetes in front where that matters.
"""

import socket
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from typing import Any, Literal

from pydantic import Field

from seatrial.core.errors import SeatrialError
from seatrial.core.project import ProjectSettings
from seatrial.deploy.health import version_at, wait_until_ready
from seatrial.deploy.images import (
    PIN,
    PORT,
    PYTHON,
    Engine,
    find_engine,
    image_name,
    own_or,
    pin_digest,
    render_dockerfile,
    render_dockerignore,
    tag_of,
)
from seatrial.deploy.release_health import prove
from seatrial.deploy.target import Pinned, Progress
from seatrial.deploy.target_settings import TargetSettings, read_settings
from seatrial.wheels.installer import last_lines


class DockerSettings(TargetSettings):
    """[tool.seatrial.deploy.docker]."""

    tool: Literal["docker", "podman"] | None = Field(None, description="docker or podman; default: whichever answers")
    image: str | None = Field(None, description="the image's name without a tag; default: the project's name")
    python: str = Field(PYTHON, description="the Python of the base image python:X-slim")
    port: int = Field(PORT, ge=1, le=65535, description="the port to serve on")
    address: str = Field("127.0.0.1", description="the address to publish the port on; 0.0.0.0 for all of them")
    push: str | None = Field(None, description="a registry to push each image to, as registry.example.com/team")
    run_args: list[str] = Field([], description='more options of `docker run`, as ["--memory", "512m"]')
    patience: float = Field(60.0, gt=0, description="seconds within which a new release must be ready")


class Docker:
    """Runs the release as a container named like the image."""

    name = "docker"

    def __init__(self, project: ProjectSettings, settings: dict[str, Any]) -> None:
        self.project = project
        self.settings = read_settings(DockerSettings, settings, project, self.name)
        self.image = self.settings.image or image_name(project.name)
        self.container = self.image.rpartition("/")[2]

    @cached_property
    def _engine(self) -> Engine:
        return find_engine(self.settings.tool)

    @property
    def url(self) -> str:
        """Where the release answers."""
        return self._at(self.settings.port)

    def files(self) -> dict[str, str]:
        """What belongs into deploy/docker/ beside the pin; a project's own version of a file goes first."""
        dockerfile = render_dockerfile(self.project, python=self.settings.python, port=self.settings.port)
        return {"Dockerfile": dockerfile, ".dockerignore": render_dockerignore()}

    def check(self) -> None:
        """Raise SeatrialError where no container engine answers."""
        _ = self._engine

    def prepare(self, pinned: Pinned, progress: Progress) -> None:
        """Build the image, and push it where that is wanted; nothing that serves is touched."""
        self._require_free_port()
        image = self._built(pinned, progress)
        if self.settings.push:
            self._engine.push(image, f"{self.settings.push.rstrip('/')}/{image}", progress)

    def switch(self, pinned: Pinned, commit: Callable[[], None], progress: Progress) -> str:
        """Prove the release on a spare port, commit, and exchange the containers."""
        self._require_free_port()
        image = self._built(pinned, progress)
        self._prove(image, pinned, progress)
        commit()
        self._exchange(image, pinned, progress)
        return self.url

    def stop(self) -> bool:
        """End the service; False where there was none."""
        there = self._engine.container(self.container)
        for name in (self._next, self._old, self.container):
            self._engine.remove(name)
        return there is not None and there.running

    def settle(self, pinned: Pinned | None, progress: Progress) -> None:
        """Clear away what an interrupted deployment left, and run what the pin says if that is not running."""
        self._engine.remove(self._next)
        if pinned is None:
            return
        there = self._engine.container(self.container)
        if there and there.running and there.labels.get(PIN) == pin_digest(pinned):
            self._engine.remove(self._old)
        else:
            self._exchange(self._built(pinned, progress), pinned, progress)

    def serving(self) -> str | None:
        """Give the version that the container answers with."""
        there = self._engine.container(self.container)
        return version_at(self.url) if there and there.running else None

    @property
    def _next(self) -> str:
        return f"{self.container}-next"

    @property
    def _old(self) -> str:
        return f"{self.container}-old"

    def _at(self, port: int) -> str:
        address = self.settings.address
        host = "127.0.0.1" if address in ("0.0.0.0", "") else address  # noqa: S104 - read, not listened on
        return f"http://{host}:{port}"

    def _built(self, pinned: Pinned, progress: Progress) -> str:
        image = f"{self.image}:{tag_of(pinned.version)}"
        described = own_or(self.files(), self.project.root / "deploy" / self.name)
        self._engine.build(image, pinned, described, progress)
        return image

    def _start(self, name: str, image: str, pinned: Pinned, port: int) -> None:
        """Start a container, and wait until it has predicted; it is removed where it does not come to that."""
        pin, patience = pin_digest(pinned), self.settings.patience
        self._engine.start(name, image, pin, port, self.settings.address, self.settings.run_args)
        try:
            wait_until_ready(self._at(port), patience, lambda: self._holds(name))
            prove(self._at(port), pinned.wheel, pinned.version)
        except BaseException as error:
            words = last_lines(self._engine.last_words(name)) if isinstance(error, SeatrialError) else ""
            self._engine.remove(name)
            if isinstance(error, SeatrialError):
                told = f" Its last words:\n{words}" if words else ""
                raise SeatrialError(f"{pinned.name} {pinned.version} is not served: {error.message}.{told}") from None
            raise

    def _runs(self, name: str) -> bool:
        there = self._engine.container(name)
        return there is not None and there.running

    def _holds(self, name: str) -> bool:
        """Whether a container runs and has never ended; between two of its ends one looks like a sound one."""
        there = self._engine.container(name)
        return there is not None and there.running and not there.restarts

    def _prove(self, image: str, pinned: Pinned, progress: Progress) -> None:
        progress(f"trying {pinned.name} {pinned.version} on a spare port")
        self._engine.remove(self._next)
        with socket.create_server((self.settings.address, 0)) as spare:
            port = int(spare.getsockname()[1])
        self._start(self._next, image, pinned, port)
        self._engine.remove(self._next)

    def _exchange(self, image: str, pinned: Pinned, progress: Progress) -> None:
        """Stop the old container and start the new one in its place; the old one comes back if that fails."""
        progress("exchanging the containers")
        if self._engine.container(self.container):
            self._engine.remove(self._old)
            self._engine.rename(self.container, self._old)
        had = self._engine.container(self._old)
        if had and had.running:
            self._engine.stop(self._old)
        try:
            self._require_free_port()
            self._start(self.container, image, pinned, self.settings.port)
        except SeatrialError as error:
            if not had:
                raise
            self._engine.rename(self._old, self.container)
            with suppress(SeatrialError):
                self._engine.again(self.container)
            raise SeatrialError(
                f"{error.message}\nThe old container serves again, while the pin says {pinned.version}.",
                hint="Mend it and deploy again, or take the pin back: seatrial rollback docker.",
            ) from None
        self._engine.remove(self._old)

    def _require_free_port(self) -> None:
        """Raise SeatrialError where something that is not ours listens on the port."""
        if self._runs(self.container):
            return
        port, address = self.settings.port, self.settings.address
        try:
            socket.create_server((address, port)).close()
        except OSError as error:
            raise SeatrialError(
                f"Port {port} on {address} cannot be used: {error.strerror}.",
                hint="End what listens there, or set `port` under [tool.seatrial.deploy.docker].",
            ) from None
