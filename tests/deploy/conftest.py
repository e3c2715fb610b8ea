"""Shared fixtures: a built release, copies of it with other versions, and an index that also has the toolkit."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.deploy.project_repo import ProjectRepo, reversion

from seatrial.release import open_index, publish_toolkit


@pytest.fixture(scope="session")
def built(titanic_project: Path) -> Path:
    """The wheel of the reference project."""
    command = [sys.executable, "-m", "seatrial", "build", "--project", str(titanic_project)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = (titanic_project / "dist").glob("*.whl")
    return wheel


@pytest.fixture(scope="session")
def index(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index with the toolkit and three versions of the model."""
    folder = tmp_path_factory.mktemp("index")
    releases = open_index(folder / "index")
    publish_toolkit(releases)
    for version in ("0.1.0", "0.2.0", "0.3.0"):
        releases.publish([reversion(built, version, folder)])
    return folder / "index"


def new_repo(titanic_project: Path, root: Path, index: Path) -> ProjectRepo:
    repo = ProjectRepo.make(titanic_project, root, index)
    repo.pass_trial("0.1.0", None)
    for new, old in (("0.2.0", "0.1.0"), ("0.3.0", "0.2.0"), ("0.3.0", "0.1.0")):
        repo.pass_trial(new, old)
    return repo


@pytest.fixture
def repo(titanic_project: Path, index: Path, tmp_path: Path) -> Iterator[ProjectRepo]:
    """A project for one test."""
    repo = new_repo(titanic_project, tmp_path / "titanic", index)
    yield repo
    repo.close()


@pytest.fixture(scope="module")
def shared_repo(titanic_project: Path, index: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProjectRepo]:
    """A project for all tests of a file, with deployments of 0.1.0 and then 0.2.0."""
    repo = new_repo(titanic_project, tmp_path_factory.mktemp("shared") / "titanic", index)
    repo.ok("deploy", "local", "0.1.0", "--reason", "the first one")
    repo.ok("deploy", "local", "0.2.0", "--reason", "new fares")
    yield repo
    repo.close()
