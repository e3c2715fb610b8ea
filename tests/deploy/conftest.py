"""What the tests of deployments share: a built release, variants of it, and an index that holds the toolkit."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.deploy.yard import Yard, reversion

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
    """An index with the toolkit, and the model in four versions."""
    folder = tmp_path_factory.mktemp("index")
    opened = open_index(folder / "index")
    publish_toolkit(opened)
    for version in ("0.1.0", "0.2.0", "0.3.0"):
        opened.publish([reversion(built, version, folder)])
    return folder / "index"


def new_yard(titanic_project: Path, root: Path, index: Path) -> Yard:
    yard = Yard.make(titanic_project, root, index)
    yard.pass_trial("0.1.0", None)
    for new, old in (("0.2.0", "0.1.0"), ("0.3.0", "0.2.0"), ("0.3.0", "0.1.0")):
        yard.pass_trial(new, old)
    return yard


@pytest.fixture
def yard(titanic_project: Path, index: Path, tmp_path: Path) -> Iterator[Yard]:
    """A project of one's own."""
    found = new_yard(titanic_project, tmp_path / "titanic", index)
    yield found
    found.close()


@pytest.fixture(scope="module")
def shared(titanic_project: Path, index: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    """A project for all tests of a file, in which 0.1.0 and then 0.2.0 were deployed."""
    found = new_yard(titanic_project, tmp_path_factory.mktemp("shared") / "titanic", index)
    found.ok("deploy", "local", "0.1.0", "--reason", "the first one")
    found.ok("deploy", "local", "0.2.0", "--reason", "new fares")
    yield found
    found.close()
