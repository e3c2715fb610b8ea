"""The workbench for all tests here, and images that several of them look at."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.deploy.containers import workbench
from tests.deploy.containers.workbench import Workbench
from tests.deploy.pinning import make_pinned

from seatrial.core.project import Project
from seatrial.deploy.target import Pinned
from seatrial.release import FolderIndex


@pytest.fixture(scope="session")
def bench() -> Iterator[Workbench]:
    if reason := workbench.missing():
        pytest.skip(reason)
    bench = workbench.set_up()
    before = {name: os.environ.get(name) for name in bench.environment}
    bench.clear()
    os.environ.update(bench.environment)
    yield bench
    bench.clear()
    for name, value in before.items():
        os.environ.pop(name)
        if value is not None:
            os.environ[name] = value


@pytest.fixture(scope="session")
def pins(
    bench: Workbench, two_releases: tuple[Project, FolderIndex], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Pinned]:
    """The pins of both releases, by version."""
    project, index = two_releases
    folder = tmp_path_factory.mktemp("pins")
    return {version: make_pinned(project, index, version, folder / version) for version in ("0.1.0", "0.2.0")}


def free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def folder_of(pinned: Pinned, dockerfile: str, folder: Path) -> Path:
    """deploy/docker/ as a project has it in git: no wheels."""
    from seatrial.deploy.images import render_dockerignore

    folder.mkdir(parents=True)
    (folder / "Dockerfile").write_text(dockerfile)
    (folder / ".dockerignore").write_text(render_dockerignore())
    (folder / "requirements.txt").write_bytes(pinned.requirements.read_bytes())
    (folder / ".env").write_text("SECRET=left-here-by-somebody\n")
    return folder
