"""Shared by the tests: a copy of the Titanic project, trained once per session."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock
from tests.postgres_cluster import Cluster, running_cluster
from tests.s3_server import Store, running_store

# Before scikit-learn loads: with two threads in each of two workers, boosted trees take seven times as long.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Some images set this, and then each of hundreds of processes compiles what it imports, which takes seconds.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
ROOT = Path(__file__).parent.parent
TITANIC = ROOT / "titanic"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with the slow files, so that no worker is left with one at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session", autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the records of servers apart from the user's own; the session shares one cache of environments."""
    before = os.environ.get("SEATRIAL_HOME")
    os.environ["SEATRIAL_HOME"] = str(tmp_path_factory.mktemp("home"))
    yield
    if before is None:
        del os.environ["SEATRIAL_HOME"]
    else:
        os.environ["SEATRIAL_HOME"] = before


@pytest.fixture(scope="session")
def store() -> Iterator[Store]:
    """A real S3 server for the session: tests use keys of their own."""
    with running_store() as running:
        yield running


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A real PostgreSQL for the session: tests use tables of their own."""
    with running_cluster() as running:
        yield running


def copy_titanic(destination: Path) -> Path:
    """Copy the files of the reference project that git has."""
    skip = shutil.ignore_patterns("artifacts", "runs", "dist", ".seatrial", "__pycache__", ".*")
    return Path(shutil.copytree(TITANIC, destination, ignore=skip))


@pytest.fixture(scope="session")
def titanic_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained copy of the reference project; tests read it and do not change it."""
    trained = _trained_once(tmp_path_factory)
    return Path(shutil.copytree(trained, tmp_path_factory.mktemp("titanic") / "titanic"))


def _trained_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reference project, trained by whichever of pytest-xdist's workers comes first."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if os.environ.get("PYTEST_XDIST_WORKER") else own) / "trained" / "titanic"
    folder.parent.mkdir(exist_ok=True)
    with FileLock(folder.parent / "lock"):
        if not folder.exists():
            part = copy_titanic(folder.with_name("titanic.part"))
            command = [sys.executable, "-m", "seatrial", "train", "--project", str(part), "--json"]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            part.rename(folder)
    return folder


@pytest.fixture(scope="session")
def titanic(titanic_project: Path) -> Iterator[object]:
    """The trained release, as `import titanic_model` in that project gives it."""
    from seatrial.core.project import find_project, importable
    from seatrial.model import Release

    project = find_project(titanic_project)
    with importable(project):
        yield Release(project.package).load()
