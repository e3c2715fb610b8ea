"""The container tools for all tests here, and releases to build images from."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock
from tests.deploy.containers import container_tools
from tests.deploy.containers.container_tools import ContainerTools
from tests.deploy.pinned_releases import pin_release

from seatrial.core.project import ProjectSettings, find_project
from seatrial.deploy.docker import Docker
from seatrial.deploy.target import PinnedRelease
from seatrial.release import FolderIndex, build_release, publish_toolkit


@pytest.fixture(scope="module")
def tools() -> Iterator[ContainerTools]:
    """The tools, with only the base image; for one module at a time, since test workers share the storage."""
    if reason := container_tools.missing():
        pytest.skip(reason)
    with FileLock(container_tools.home().with_suffix(".lock")):
        tools = container_tools.set_up()
        tools.clear()
        with pytest.MonkeyPatch.context() as patched:
            for name, value in tools.environment.items():
                patched.setenv(name, value)
            yield tools
        tools.clear()


@pytest.fixture(scope="session")
def two_releases(
    titanic_project: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[ProjectSettings, FolderIndex]:
    """An index with the Titanic model as 0.1.0 and 0.2.0 and the toolkit, and the project of 0.2.0."""
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
def pinned(
    two_releases: tuple[ProjectSettings, FolderIndex], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, PinnedRelease]:
    """Both releases, pinned, by version."""
    project, index = two_releases
    folder = tmp_path_factory.mktemp("pins")
    return {version: pin_release(project, index, version, folder / version) for version in ("0.1.0", "0.2.0")}


def docker_folder(pinned: PinnedRelease, project: ProjectSettings, folder: Path) -> Path:
    """A project's deploy/docker/ as it is in git, without wheels."""
    files = Docker(project, {}).files()
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    (folder / "requirements.txt").write_bytes(pinned.requirements.read_bytes())
    (folder / ".env").write_text("SECRET=left-here-by-somebody\n")
    return folder
