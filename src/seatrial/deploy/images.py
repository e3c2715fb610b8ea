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

from seatrial.core.errors import SeatrialError
from seatrial.core.project import ProjectSettings
from seatrial.deploy.manifests import render
from seatrial.deploy.target import Pinned, Progress
from seatrial.deploy.tools import Tool, ToolError, find_tool

PYTHON = "3.11"
PORT = 8001
BUILDING = 1800.0  # seconds; a first build fetches the base image and everything else
PIN = "seatrial.pin"  # a container's label: the digest of the pin that it runs
ORIGIN = "seatrial.origin"  # an image's label: the digest of all that it was built from
VERSION = "org.opencontainers.image.version"
ENGINES = ("docker", "podman")
INSTALL = "Install Docker or Podman; on Debian: apt-get install podman."


def render_dockerfile(project: ProjectSettings, *, python: str = PYTHON, port: int = PORT, mounts: bool = True) -> str:
    """The Dockerfile of a project's service; without `mounts` for builders that know no RUN --mount."""
    return render(
        "Dockerfile.jinja", name=project.name, package=project.package, python=python, port=port, mounts=mounts
    )


def render_dockerignore() -> str:
    """What keeps everything but the pin and its wheels out of the build context."""
    return render("dockerignore.jinja")


def own_or(described: dict[str, str], own: Path) -> dict[str, str]:
    """The descriptions, each as the project has it in `own`, as deploy/docker/Dockerfile, or as it was rendered."""
    return {
        name: (own / name).read_text("utf-8") if (own / name).is_file() else text for name, text in described.items()
    }


def stage(folder: Path, pinned: Pinned, described: dict[str, str]) -> None:
    """Fill `folder` with what an image is built from: descriptions, the pin, and the wheels of the private index."""
    for name, text in described.items():
        (folder / name).write_text(text, encoding="utf-8")
    shutil.copy(pinned.requirements, folder / "requirements.txt")
    (folder / "wheels").mkdir()
    for wheel in sorted(pinned.wheels.glob("*.whl")):
        shutil.copy(wheel, folder / "wheels")


def image_name(project: str) -> str:
    """A project's name as the name of an image, which knows no capitals."""
    return re.sub(r"[^a-z0-9]+", "-", project.lower()).strip("-")


def tag_of(version: str) -> str:
    """A version as the tag of an image, which cannot hold a `+`."""
    return re.sub(r"[^A-Za-z0-9_.-]", "-", version)


def pin_digest(pinned: Pinned) -> str:
    """What a pin is told by: the hash of requirements.txt without its comments, which tell of one deployment."""
    lines = pinned.requirements.read_text("utf-8").splitlines()
    body = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    return hashlib.sha256("".join(f"{line}\n" for line in body).encode()).hexdigest()


@dataclass(frozen=True)
class Container:
    """A container as the engine sees it."""

    running: bool
    labels: dict[str, str]
    restarts: int = 0  # how often the engine started it again after it had ended by itself


@dataclass(frozen=True)
class Engine:
    """Docker or Podman, by the part of their command lines that is the same."""

    tool: Tool

    def build(self, image: str, pinned: Pinned, described: dict[str, str], progress: Progress) -> None:
        """Build `image`, unless there is one of this very pin and Dockerfile.

        The wheels of the private index go into the build context, so that no token is needed and none can get in.
        """
        origin = hashlib.sha256(json.dumps([pin_digest(pinned), described]).encode()).hexdigest()
        if self.label(image, ORIGIN) == origin:
            progress(f"the image {image} is there already")
            return
        progress(f"building the image {image}")
        with TemporaryDirectory(prefix="seatrial-image-") as folder:
            stage(Path(folder), pinned, described)
            labels = {VERSION: pinned.version, "seatrial.wheel.sha256": pinned.sha256, ORIGIN: origin}
            options = [part for key, value in labels.items() for part in ("--label", f"{key}={value}")]
            if self.tool.name == "podman":
                options += ["--format", "docker"]  # the other one has no health check
            self.tool.run(
                *("build", "--tag", image, *options, folder), doing=f"build the image {image}", timeout=BUILDING
            )

    def push(self, image: str, there: str, progress: Progress) -> None:
        """Push `image` to a registry, as `there`."""
        progress(f"pushing {there}")
        if image != there:
            self.tool.run("tag", image, there, doing=f"tag {image}")
        hint = f"Is the registry up, and are you in? {self.tool.name} login {there.partition('/')[0]}"
        self.tool.run("push", there, doing=f"push {there}", timeout=BUILDING, hint=hint)

    def label(self, image: str, key: str) -> str | None:
        """A label of an image; None where there is no such image or label."""
        found = self._inspect("image", image)
        return None if found is None else (found["Config"].get("Labels") or {}).get(key)

    def container(self, name: str) -> Container | None:
        """Look at a container; None where there is none of that name."""
        found = self._inspect("container", name)
        if found is None:
            return None
        labels = found["Config"].get("Labels") or {}
        return Container(bool(found["State"]["Running"]), labels, int(found.get("RestartCount") or 0))

    def start(self, name: str, image: str, pin: str, port: int, address: str, more: Sequence[str] = ()) -> None:
        """Start a container that listens on `port`, inside and outside, with no more rights than it needs."""
        options = ["--detach", "--name", name, "--label", f"{PIN}={pin}", "--restart", "unless-stopped"]
        options += ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
        options += ["--publish", f"{address}:{port}:{port}", "--env", f"PORT={port}", *more]
        try:
            self.tool.run("run", *options, image, doing=f"start {name}")
        except ToolError:
            self.remove(name)  # Docker leaves one that could not be started
            raise

    def again(self, name: str) -> None:
        """Start a container that was stopped."""
        self.tool.run("start", name, doing=f"start {name} again")

    def rename(self, old: str, new: str) -> None:
        """Give a container another name."""
        self.tool.run("rename", old, new, doing=f"rename {old}")

    def stop(self, name: str) -> None:
        """Ask a container to end, and wait for that; after ten seconds it is ended."""
        self.tool.run("stop", "-t", "10", name, doing=f"stop {name}")

    def remove(self, name: str) -> None:
        """Remove a container, running or not; one that is not there is no matter."""
        with suppress(ToolError):
            self.tool.run("rm", "--force", name, doing=f"remove {name}")

    def last_words(self, name: str) -> str:
        """The end of a container's log, for an error; empty where it said nothing."""
        try:
            return self.tool.run("logs", "--tail", "12", name, doing="read the log", errors_too=True).strip()
        except ToolError:
            return ""

    def _inspect(self, kind: str, name: str) -> dict[str, Any] | None:
        try:
            found = json.loads(self.tool.run(kind, "inspect", name, doing=f"look at {name}"))
        except ToolError as error:
            if re.search(r"no such|not found|not known|not exist", error.output, re.IGNORECASE):
                return None
            raise
        return found[0] if found else None


def find_engine(wanted: str | None = None) -> Engine:
    """Find an engine that answers: `wanted`, or else Docker, or else Podman. SeatrialError says what is missing."""
    refused: list[SeatrialError] = []
    for name in [wanted] if wanted else ENGINES:
        try:
            tool = find_tool([name], hint=INSTALL)
            version = "{{.Server.Version}}" if name == "docker" else "{{.Version}}"
            tool.run("version", "--format", version, doing="reach its engine", hint='Start it, or set tool = "podman".')
        except SeatrialError as error:
            refused.append(error)
        else:
            return Engine(tool)
    there = [error for error in refused if isinstance(error, ToolError)]
    if wanted or there:
        raise (there or refused)[0]
    raise SeatrialError("There is no container engine: neither docker nor podman is installed.", hint=INSTALL)
