"""A pinned release as a container image, and the engine that builds and runs it: Docker or Podman."""

import hashlib
import json
import re
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import Field

from seatrial.core.errors import SeatrialError
from seatrial.core.progress import Progress
from seatrial.core.project import ProjectSettings
from seatrial.deploy.base_images import SETTING, with_base
from seatrial.deploy.service_log import LOG_HELP, SPOOL
from seatrial.deploy.target import PinnedRelease, TargetSettings
from seatrial.deploy.tools import Tool, ToolError, find_tool, wait_until_free
from seatrial.pages.jinja import jinja_environment

TEMPLATES = Path(__file__).parent / "templates"
PYTHON = "3.11"
PYTHON_TAG = "^[0-9A-Za-z][0-9A-Za-z._-]*$"
PORT = 8001
BUILD_SECONDS = 1800.0  # a first build downloads the base image and everything else
LOCKFILE_LABEL = "seatrial.pin"  # of a container: the digest of the lockfile that it runs
ORIGIN_LABEL = "seatrial.origin"  # of an image: the digest of everything that it was built from
VERSION_LABEL = "org.opencontainers.image.version"
ENGINES = ("docker", "podman")
INSTALL = "Install Docker or Podman. On Debian: apt-get install podman."


class ImageSettings(TargetSettings):
    """The settings of the base image, for each target that builds an image."""

    python: str = Field(PYTHON, pattern=PYTHON_TAG, description="the Python version of the base image python:X-slim")
    base_image: str | None = Field(
        None,
        pattern=SETTING,
        description="the base image, by its digest: `seatrial deploy TARGET --pin-base` writes it; default: "
        "python:X-slim, whatever that is at each build",
    )
    log: str | None = Field(None, description=LOG_HELP)

    @property
    def base(self) -> str:
        """The base image."""
        return self.base_image or f"docker.io/library/python:{self.python}-slim"


def render_template(template: str, **values: Any) -> str:
    """Render a file of `templates/`: a Dockerfile, Kubernetes manifests."""
    return jinja_environment(TEMPLATES).get_template(template).render(**values)


def docker_files(
    project: ProjectSettings,
    settings: "ImageSettings",
    *,
    port: int,
    mounts: bool = True,
    drain: int = 0,
    is_open: bool = False,
    log: str = "",
) -> dict[str, str]:
    """The Dockerfile of a project's service, and what it needs; a project's own version of a file takes precedence.

    `mounts` is for builders that support RUN --mount; `drain` is how many seconds after SIGTERM connections stay open.
    With `is_open` anyone may call the server; else its container must get access keys. `log` has the settings of the
    prediction log, as JSON.
    """
    values = {"name": project.name, "package": project.package, "base": settings.base, "port": port}
    values |= {"mounts": mounts, "drain": drain, "is_open": is_open, "log": log, "spool": SPOOL}
    return {
        "Dockerfile": render_template("Dockerfile.jinja", **values),
        ".dockerignore": render_template("dockerignore.jinja"),
        "install_pinned.py": (TEMPLATES / "install_pinned.py").read_text("utf-8"),
    }


def edited_or(rendered: dict[str, str], folder: Path, base_image: str | None = None) -> dict[str, str]:
    """The rendered files, each replaced by the project's own version in `folder` if there is one.

    The setting `base_image` holds for that version, too.
    """
    own = {name: (folder / name).read_text("utf-8") for name in rendered if (folder / name).is_file()}
    if base_image and "Dockerfile" in own:
        own["Dockerfile"] = with_base(own["Dockerfile"], base_image)
    return {**rendered, **own}


def stage(folder: Path, pinned: PinnedRelease, files: dict[str, str]) -> None:
    """Fill `folder` with a build context: `files`, the lockfile, and the wheels of the private index."""
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    shutil.copy(pinned.requirements, folder / "requirements.txt")
    (folder / "wheels").mkdir()
    for wheel in sorted(pinned.wheels.glob("*.whl")):
        shutil.copy(wheel, folder / "wheels")


def image_name(project: str) -> str:
    """A project's name as an image name, which has no capitals."""
    return re.sub(r"[^a-z0-9]+", "-", project.lower()).strip("-")


def tag_of(version: str) -> str:
    """A version as an image tag, which cannot contain a `+`."""
    return re.sub(r"[^A-Za-z0-9_.-]", "-", version)


def lockfile_digest(pinned: PinnedRelease) -> str:
    """The hash of a lockfile without its comments, which differ from one deployment to the next."""
    lines = pinned.requirements.read_text("utf-8").splitlines()
    requirements = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    return hashlib.sha256("".join(f"{line}\n" for line in requirements).encode()).hexdigest()


@dataclass(frozen=True)
class Container:
    """A container as the engine reports it."""

    running: bool
    labels: dict[str, str]
    restarts: int = 0  # how often the engine restarted it after it had exited
    exit_code: int = 0  # of its last end
    image: str = ""  # the image's ID
    environment: tuple[str, ...] = ()  # NAME=value
    security: str = ""  # its SELinux label, if there is one


@dataclass(frozen=True)
class ContainerEngine:
    """Docker or Podman, through the part of their command lines that is the same.

    What changes containers holds `lock`, so that the next command can wait for what a killed one has started.
    """

    tool: Tool
    lock: Path | None = None

    def wait_for_killed(self) -> None:
        """Wait until what a killed command has started no longer changes containers."""
        if self.lock:
            wait_until_free(self.lock)

    def _change(self, *arguments: str, doing: str) -> None:
        self.tool.run(*arguments, doing=doing, lock=self.lock)

    def build(self, image: str, pinned: PinnedRelease, files: dict[str, str], progress: Progress) -> None:
        """Build `image` unless it already exists for this lockfile and Dockerfile.

        The wheels of the private index go into the build context, so the build needs no token and cannot leak one.
        """
        origin = hashlib.sha256(json.dumps([lockfile_digest(pinned), files]).encode()).hexdigest()
        if self.label(image, ORIGIN_LABEL) == origin:
            progress(f"the image {image} already exists")
            return
        progress(f"building the image {image}")
        with TemporaryDirectory(prefix="seatrial-image-") as folder:
            stage(Path(folder), pinned, files)
            labels = {VERSION_LABEL: pinned.version, "seatrial.wheel.sha256": pinned.sha256, ORIGIN_LABEL: origin}
            options = [part for key, value in labels.items() for part in ("--label", f"{key}={value}")]
            if self.tool.name == "podman":
                options += ["--format", "docker"]  # its default format has no health check
            self.tool.run(
                *("build", "--tag", image, *options, folder), doing=f"build the image {image}", timeout=BUILD_SECONDS
            )

    def push(self, image: str, destination: str, progress: Progress) -> str:
        """Push `image` to a registry, as `destination`; returns the digest that it has there, "" if that is unknown."""
        progress(f"pushing {destination}")
        if image != destination:
            self.tool.run("tag", image, destination, doing=f"tag {image}")
        registry = destination.partition("/")[0]
        hint = f"Check that the registry is up, and log in: {self.tool.name} login {registry}"
        doing = f"push {destination}"
        if self.tool.name == "podman":
            with TemporaryDirectory(prefix="seatrial-push-") as folder:
                file = Path(folder) / "digest"
                options = ("push", "--digestfile", str(file), destination)
                self.tool.run(*options, doing=doing, timeout=BUILD_SECONDS, hint=hint)
                return file.read_text().strip() if file.is_file() else ""
        self.tool.run("push", destination, doing=doing, timeout=BUILD_SECONDS, hint=hint)
        details = self._inspect("image", destination) or {}
        name = destination.rpartition(":")[0]
        digests = [each.partition("@") for each in details.get("RepoDigests") or []]
        return next((digest for found, _, digest in digests if found == name), "")

    def label(self, image: str, key: str) -> str | None:
        """A label of an image; None if there is no such image or label."""
        details = self._inspect("image", image)
        return None if details is None else (details["Config"].get("Labels") or {}).get(key)

    def container(self, name: str) -> Container | None:
        """The state of a container; None if there is none of that name."""
        details = self._inspect("container", name)
        if details is None:
            return None
        config, state = details["Config"], details["State"]
        return Container(
            bool(state["Running"]),
            config.get("Labels") or {},
            int(details.get("RestartCount") or 0),
            int(state.get("ExitCode") or 0),
            str(details.get("Image") or ""),
            tuple(config.get("Env") or ()),
            str(details.get("ProcessLabel") or ""),
        )

    def runs(self, name: str) -> bool:
        """Whether a container of that name is running."""
        container = self.container(name)
        return container is not None and container.running

    def start(self, name: str, image: str, digest: str, port: int, address: str, more: Sequence[str] = ()) -> None:
        """Start a container that listens on `port`, inside and outside, and is restarted when it exits."""
        options = ("--restart", "unless-stopped", "--publish", f"{address}:{port}:{port}", *more)
        self.start_bare(name, image, digest, port, options)

    def start_bare(self, name: str, image: str, digest: str, port: int, more: Sequence[str]) -> None:
        """Start a container with the fewest possible privileges."""
        options = ["--detach", "--name", name, "--label", f"{LOCKFILE_LABEL}={digest}", "--env", f"PORT={port}"]
        options += ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", *more]
        try:
            self._change("run", *options, image, doing=f"start {name}")
        except ToolError:
            self.remove(name)  # Docker keeps a container that failed to start
            raise

    def restart(self, name: str) -> None:
        """Start a container that was stopped."""
        self._change("start", name, doing=f"start {name} again")

    def rename(self, old: str, new: str) -> None:
        """Rename a container."""
        self._change("rename", old, new, doing=f"rename {old}")

    def stop(self, *names: str, seconds: int = 10) -> None:
        """Stop containers at the same time and wait for that; after so many seconds the engine kills them."""
        self._change("stop", "-t", str(seconds), *names, doing=f"stop {', '.join(names)}")

    def signal(self, number: str, *names: str) -> None:
        """Send a signal to running containers."""
        self._change("kill", "--signal", number, *names, doing=f"send {number} to {', '.join(names)}")

    def labelled(self, label: str) -> list[str]:
        """The names of the containers with a label, KEY=VALUE, running or not."""
        listed = self.tool.run("ps", "--all", "--filter", f"label={label}", "--format", "{{.Names}}", doing="list them")
        return sorted(listed.split())

    def succeeds(self, name: str, *command: str) -> bool:
        """Whether a command succeeds in a running container, which cannot be removed meanwhile."""
        try:
            self._change("exec", name, *command, doing=f"run a command in {name}")
        except ToolError:
            return False
        return True

    def remove(self, name: str) -> None:
        """Remove a container, running or not, if it exists."""
        with suppress(ToolError):
            self._change("rm", "--force", name, doing=f"remove {name}")

    def last_output(self, name: str) -> str:
        """The end of a container's log, for an error message; may be empty."""
        try:
            return self.tool.run("logs", "--tail", "12", name, doing="read the log", with_stderr=True).strip()
        except ToolError:
            return ""

    def _inspect(self, kind: str, name: str) -> dict[str, Any] | None:
        try:
            details = json.loads(self.tool.run(kind, "inspect", name, doing=f"inspect {name}"))
        except ToolError as error:
            if re.search(r"no such|not found|not known|not exist", error.output, re.IGNORECASE):
                return None
            raise
        return details[0] if details else None


def find_engine(name: str | None = None) -> ContainerEngine:
    """Find a running engine: `name`, or else Docker, or else Podman. SeatrialError says what is missing."""
    errors: list[SeatrialError] = []
    for candidate in [name] if name else ENGINES:
        try:
            tool = find_tool(candidate, hint=INSTALL)
            version = "{{.Server.Version}}" if candidate == "docker" else "{{.Version}}"
            tool.run("version", "--format", version, doing="reach its engine", hint='Start it, or set tool = "podman".')
        except SeatrialError as error:
            errors.append(error)
        else:
            return ContainerEngine(tool)
    installed = [error for error in errors if isinstance(error, ToolError)]
    if name or installed:
        raise (installed or errors)[0]
    raise SeatrialError("No container engine found: neither docker nor podman is installed.", hint=INSTALL)
