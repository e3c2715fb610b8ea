"""Containers without a Docker engine: buildah, podman and runc as root, with a separate storage.

On a Debian machine: apt-get install -y buildah podman runc debootstrap. The base image `python:3.11-slim` is made by
debootstrap, once, and kept in the storage: Debian's Python in place of the official image's, and this machine's
certificates, so that pip reaches PyPI from within as it does outside. For tests only.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

BASE = "docker.io/library/python:3.11-slim"
TOOLS = ("buildah", "podman", "runc", "debootstrap")
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
UNUSED = ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/locale", "usr/share/man", "usr/share/info")

CONTAINERS_CONF = """\
[containers]
netns = "host"
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""
STORAGE_CONF = """\
[storage]
driver = "overlay"
graphroot = "{home}/storage"
runroot = "{home}/run"
"""


def missing() -> str | None:
    """Why containers cannot be built and run here; None if they can."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return "containers can only be built and run as root"
    absent = [tool for tool in TOOLS if shutil.which(tool) is None]
    if absent:
        return f"not installed: {', '.join(absent)} (apt-get install -y {' '.join(TOOLS)})"
    return None


@dataclass(frozen=True)
class ContainerTools:
    """buildah and podman, configured."""

    home: Path

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables with which podman and buildah work here, apart from the user's own images."""
        return {
            "CONTAINERS_CONF": str(self.home / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(self.home / "storage.conf"),
            "BUILDAH_ISOLATION": "chroot",
            "BUILDAH_LAYERS": "false",  # no layers are reused here, and storing them takes time
        }

    def run(self, *command: str, check: bool = True, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a command in that environment."""
        environment = {**os.environ, **self.environment, **more}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=600)
        assert not check or done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done

    def clear(self) -> None:
        """Remove all containers, and all images except the base."""
        self.run("podman", "rm", "--all", "--force", check=False)
        base = self.run("podman", "image", "inspect", "--format", "{{.Id}}", BASE, check=False).stdout.strip()
        for image in self.run("podman", "images", "--all", "--quiet", "--no-trunc").stdout.split():
            if image.removeprefix("sha256:") != base:
                self.run("podman", "rmi", "--force", image, check=False)


def home() -> Path:
    """The folder that keeps settings and images between runs."""
    return Path(os.environ.get("SEATRIAL_CONTAINERS", "/var/tmp/seatrial-containers"))


def set_up() -> ContainerTools:
    """Write the settings, and make the base image if there is none yet, which takes a minute."""
    tools = ContainerTools(home())
    tools.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    (tools.home / "containers.conf").write_text(CONTAINERS_CONF)
    (tools.home / "storage.conf").write_text(STORAGE_CONF.format(home=tools.home))
    if tools.run("podman", "image", "exists", BASE, check=False).returncode:
        _make_base(tools)
    return tools


def _make_base(tools: ContainerTools) -> None:
    with TemporaryDirectory(dir=tools.home, prefix="base-") as folder:
        root = Path(folder) / "root"
        tools.run(
            *("debootstrap", "--variant=minbase", "--include=python3.11-venv,python3-distutils,ca-certificates"),
            *("bookworm", str(root)),
        )
        for name in UNUSED:
            shutil.rmtree(root / name, ignore_errors=True)
        for name in ("python", "python3"):
            (root / "usr/local/bin" / name).symlink_to("/usr/bin/python3.11")
        if CERTIFICATES.is_file():
            shutil.copy(CERTIFICATES, root / str(CERTIFICATES).lstrip("/"))
        archive = Path(folder) / "base.tar"
        tools.run("tar", "-C", str(root), "-cf", str(archive), ".")
        changes = [part for key, value in _pip().items() for part in ("--change", f"ENV {key}={value}")]
        tools.run("podman", "import", *changes, "--change", 'CMD ["python3"]', str(archive), BASE)


def _pip() -> Mapping[str, str]:
    """How pip reaches PyPI on this machine."""
    settings = {"PIP_CERT": str(CERTIFICATES)} if CERTIFICATES.is_file() else {}
    configured = subprocess.run(
        ["pip", "config", "get", "global.index-url"], capture_output=True, text=True, check=False
    )
    address = os.environ.get("PIP_INDEX_URL") or configured.stdout.strip()
    return {**settings, "PIP_INDEX_URL": address} if address else settings
