"""The workbench for all tests here, and images that several of them look at."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock
from tests.deploy.containers import workbench
from tests.deploy.containers.workbench import Workbench
from tests.deploy.pinning import make_pinned

from seatrial.core.project import ProjectSettings, find_project
from seatrial.deploy.images import render_dockerignore
from seatrial.deploy.target import Pinned
from seatrial.release import FolderIndex, build_release, publish_toolkit


@pytest.fixture(scope="module")
def bench() -> Iterator[Workbench]:
    """The tools, with no images but the base; for one module at a time, since workers share the storage."""
    if reason := workbench.missing():
        pytest.skip(reason)
    with FileLock(workbench.home().with_suffix(".lock")):
        bench = workbench.set_up()
        bench.clear()
        with pytest.MonkeyPatch.context() as patched:
            for name, value in bench.environment.items():
                patched.setenv(name, value)
            yield bench
        bench.clear()


@pytest.fixture(scope="session")
def two_releases(
    titanic_project: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[ProjectSettings, FolderIndex]:
    """The Titanic model as 0.1.0 and 0.2.0 with the toolkit on an index, and the project of the latter."""
    folder = tmp_path_factory.mktemp("released")
    index = FolderIndex(folder / "index")
    publish_toolkit(index)
    root = Path(shutil.copytree(titanic_project, folder / "titanic"))
    init = root / "src" / "titanic_model" / "__init__.py"
    for version in ("0.1.0", "0.2.0"):
        init.write_text(init.read_text().replace('__version__ = "0.1.0"', f'__version__ = "{version}"'))
        index.publish([build_release(find_project(root)).wheel])
    return find_project(root), index


@pytest.fixture(scope="session")
def pins(
    two_releases: tuple[ProjectSettings, FolderIndex], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Pinned]:
    """The pins of both releases, by version."""
    project, index = two_releases
    folder = tmp_path_factory.mktemp("pins")
    return {version: make_pinned(project, index, version, folder / version) for version in ("0.1.0", "0.2.0")}


def folder_of(pinned: Pinned, dockerfile: str, folder: Path) -> Path:
    """deploy/docker/ as a project has it in git: no wheels."""
    folder.mkdir(parents=True)
    (folder / "Dockerfile").write_text(dockerfile)
    (folder / ".dockerignore").write_text(render_dockerignore())
    (folder / "requirements.txt").write_bytes(pinned.requirements.read_bytes())
    (folder / ".env").write_text("SECRET=left-here-by-somebody\n")
    return folder
