"""The target `docker`: the release as a container on this machine, run by Docker or Podman.

The new release is verified on a spare port before the old container stops. Swapping the containers interrupts the
service for about a second, since both containers need the same port. If that matters, use a proxy or Kubernetes.

A canary (container_canary.py) is in no file: its containers have labels, and borrow the socket of the one that serves.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from seatrial.core.access_keys import read_key_file, render_keys
from seatrial.core.errors import SeatrialError
from seatrial.core.ports import check_port, free_port, url_of
from seatrial.core.progress import Progress
from seatrial.core.project import ProjectSettings
from seatrial.deploy.container_canary import ContainerCanary, lent_name
from seatrial.deploy.health import read_golden_rows, verify_release, version_at, wait_until_ready
from seatrial.deploy.images import (
    LOCKFILE_LABEL,
    PORT,
    VERSION_LABEL,
    ContainerEngine,
    ImageSettings,
    docker_files,
    edited_or,
    find_engine,
    image_name,
    lockfile_digest,
    tag_of,
)
from seatrial.deploy.service_keys import KEYS_HELP, OPEN_HELP, keys_file, require_closed, verification_key
from seatrial.deploy.service_log import SPOOL, container_log
from seatrial.deploy.target import PinnedRelease, read_settings
from seatrial.deploy.target_state import TargetState
from seatrial.prediction_log.log_settings import LogSettings
from seatrial.wheels.installer import last_lines

VERIFY_SECONDS = 120.0  # that verification may take beside waiting for the server


class DockerSettings(ImageSettings):
    """[tool.seatrial.deploy.docker]."""

    tool: Literal["docker", "podman"] | None = Field(None, description="docker or podman; default: the one that runs")
    image: str | None = Field(None, description="the image's name without a tag; default: the project's name")
    port: int = Field(PORT, ge=1, le=65535, description="the port to serve on")
    address: str = Field("127.0.0.1", description="the address to publish the port on; 0.0.0.0 for all addresses")
    push: str | None = Field(
        None, description="a registry to push each image to, for example registry.example.com/team"
    )
    keys: str | None = Field(None, description=KEYS_HELP)
    open: bool = Field(False, description=OPEN_HELP)
    run_args: list[str] = Field([], description='more options for `docker run`, for example ["--memory", "512m"]')
    patience: float = Field(60.0, gt=0, description="seconds within which a new release must be ready")


class Docker:
    """Runs the release as a container with the name of the image."""

    name = "docker"

    def __init__(self, project: ProjectSettings, settings: dict[str, Any]) -> None:
        self.project = project
        self.settings = read_settings(DockerSettings, settings, project, self.name)
        self.image = self.settings.image or image_name(project.name)
        self.container = self.image.rpartition("/")[2]
        self._next, self._old = f"{self.container}-next", f"{self.container}-old"

    @cached_property
    def _engine(self) -> ContainerEngine:
        lock = self.project.root / ".seatrial" / "deploy" / self.name / "engine.lock"
        return replace(find_engine(self.settings.tool), lock=lock)

    @property
    def _canary(self) -> ContainerCanary:
        return ContainerCanary(self._engine, self.container, self.settings.port, self.settings.patience)

    @property
    def url(self) -> str:
        """The URL of the service."""
        return self._at(self.settings.port)

    def files(self) -> dict[str, str]:
        """The files of deploy/docker/ besides the lockfile; a project's own version of a file takes precedence."""
        log = self._log()
        return docker_files(self.project, self.settings, port=self.settings.port, log=log.text() if log.to else "")

    def check(self) -> None:
        """Raise SeatrialError if no container engine is running."""
        self._keys()
        _ = self._engine

    def prepare(self, pinned: PinnedRelease, progress: Progress) -> None:
        """Build the image, and push it if the settings say so. The running service is not affected."""
        self._require_free_port()
        image = self._build(pinned, progress)
        if self.settings.push:
            self._engine.push(image, f"{self.settings.push.rstrip('/')}/{image}", progress)

    def switch(self, pinned: PinnedRelease, commit: Callable[[], None], progress: Progress) -> str:
        """Verify the release on a spare port, commit, and swap the containers."""
        self._require_free_port()
        image = self._build(pinned, progress)
        self._verify(image, pinned, progress)
        commit()
        self._exchange(image, pinned, progress)
        return self.url

    def stop(self) -> bool:
        """Stop the service; returns whether it was running."""
        self._engine.wait_for_killed()
        running = self._engine.runs(self.container)
        self._canary.remove()
        for name in (self._next, self._old, self.container):
            self._engine.remove(name)
        return running

    def settle(self, pinned: PinnedRelease | None, progress: Progress) -> None:
        """Remove what an interrupted deployment left, and run what the lockfile names unless it is running.

        A command that was killed may have started it just now: it is waited for, but nothing fails if it never serves.
        """
        self._engine.wait_for_killed()
        self._engine.remove(self._next)
        if pinned is None:
            return
        self._canary.settle(TargetState(self.project, self.name).running_canaries())
        container = self._engine.container(self.container)
        if container and container.running and container.labels.get(LOCKFILE_LABEL) == lockfile_digest(pinned):
            with suppress(SeatrialError):
                wait_until_ready(self.url, self.settings.patience, lambda: self._never_exited(self.container))
            self._engine.remove(self._old)
        else:
            self._exchange(self._build(pinned, progress), pinned, progress)

    def serving(self) -> str | None:
        """Return the version that the container serves, although its canary may answer what it is asked."""
        container = self._engine.container(self.container)
        if container is None or not container.running:
            return None
        found, built = version_at(self.url), container.labels.get(VERSION_LABEL)
        if found in (None, built):
            return found
        canary = self._canary.status()
        return built if canary and canary.get("version") == found else found

    def canary(self, pinned: PinnedRelease, share: int, commit: Callable[[], None], progress: Progress) -> str:
        """Run a release beside the one that serves, for about `share` percent of connections; returns the URL.

        `commit` is called once it is verified, and before it is asked anything.
        """
        self._canary.require_lender()
        image = self._build(pinned, progress)
        self._verify(image, pinned, progress)
        self._canary.begin(image, pinned, share, [*self._options(), *self.settings.run_args], commit, progress)
        return self.url

    def running_canary(self) -> dict[str, Any] | None:
        """The canary that is running: its deployment's id, its version and hash, and the number of servers.

        One that ended by itself has no id, and says why in `ended`.
        """
        return self._canary.status()

    def take_back(self) -> bool:
        """End the canary without losing a request; returns whether there was one."""
        return self._canary.end()

    def _at(self, port: int) -> str:
        address = self.settings.address
        return url_of("127.0.0.1" if address in ("0.0.0.0", "") else address, port)  # noqa: S104 - read, not listened on

    def _build(self, pinned: PinnedRelease, progress: Progress) -> str:
        image = f"{self.image}:{tag_of(pinned.version)}"
        files = edited_or(self.files(), self.project.root / "deploy" / self.name, self.settings.base_image)
        self._engine.build(image, pinned, files, progress)
        return image

    def _start(self, name: str, image: str, pinned: PinnedRelease, port: int) -> None:
        """Start a container and verify its predictions; it is removed where that fails."""
        digest, patience = lockfile_digest(pinned), self.settings.patience
        variable, secret = self._access()
        lent = f"SEATRIAL_LEND_SOCKET={lent_name(port)}"
        options = ("--env", lent, *self._options(variable), *self.settings.run_args)
        self._engine.start(name, image, digest, port, self.settings.address, options)
        try:
            wait_until_ready(self._at(port), patience, lambda: self._never_exited(name))
            verify_release(self._at(port), read_golden_rows(pinned.wheel), pinned.version, secret)
        except BaseException as error:
            output = last_lines(self._engine.last_output(name)) if isinstance(error, SeatrialError) else ""
            self._engine.remove(name)
            if isinstance(error, SeatrialError):
                output = f" Its last output:\n{output}" if output else ""
                raise SeatrialError(
                    f"{pinned.name} {pinned.version} cannot be served: {error.message}.{output}"
                ) from None
            raise

    def _options(self, variable: str = "") -> list[str]:
        """The options of each container: who may call it, and the spool of the prediction log."""
        spool = ["--volume", f"{self.container}-spool:{SPOOL}"] if self._log().to else []  # outlives the container
        return ["--env", variable or self._access()[0], *spool]

    def _keys(self) -> Path | None:
        settings = self.settings
        file = keys_file(self.project, settings.keys, settings.open)
        require_closed(self.project, self.name, settings.address, file, settings.open)
        return file

    def _log(self) -> LogSettings:
        return container_log(self.project, self.name, self.settings.log)

    def _access(self) -> tuple[str, str]:
        """The variable that says who may call the container, and the secret of a key that verifies it.

        Inside, the server listens on all addresses. Without keys it is as open as the published address.
        """
        if (file := self._keys()) is None:
            return "SEATRIAL_OPEN=1", ""
        own, secret = verification_key(2 * self.settings.patience + VERIFY_SECONDS)
        return f"SEATRIAL_KEYS={render_keys([*read_key_file(file), own])}", secret

    def _never_exited(self, name: str) -> bool:
        """Whether a container runs and was never restarted; one that keeps crashing runs between two crashes, too."""
        container = self._engine.container(name)
        return container is not None and container.running and not container.restarts

    def _verify(self, image: str, pinned: PinnedRelease, progress: Progress) -> None:
        progress(f"verifying {pinned.name} {pinned.version} on a spare port")
        self._engine.remove(self._next)
        self._start(self._next, image, pinned, free_port(self.settings.address))
        self._engine.remove(self._next)

    def _exchange(self, image: str, pinned: PinnedRelease, progress: Progress) -> None:
        """Replace the old container with the new one; if that fails, start the old one again."""
        self._canary.end(progress)
        progress("swapping the containers")
        if self._engine.container(self.container):
            self._engine.remove(self._old)
            self._engine.rename(self.container, self._old)
        old = self._engine.container(self._old)
        if old and old.running:
            self._engine.stop(self._old)
        try:
            self._require_free_port()
            self._start(self.container, image, pinned, self.settings.port)
        except SeatrialError as error:
            if not old:
                raise
            self._engine.rename(self._old, self.container)
            with suppress(SeatrialError):
                self._engine.restart(self.container)
            raise SeatrialError(
                f"{error.message}\nThe old container is running again, but the lockfile names {pinned.version}.",
                hint="Fix the problem and deploy again, or return to the old release: `seatrial rollback docker`.",
            ) from None
        self._engine.remove(self._old)

    def _require_free_port(self) -> None:
        """Raise SeatrialError if another program listens on the port."""
        if self._engine.runs(self.container):
            return
        hint = "Stop the program that uses it, or set `port` under [tool.seatrial.deploy.docker]."
        check_port(self.settings.address, self.settings.port, hint=hint)
