"""What the tests of deployment share: releases on an index, and projects that are theirs to change."""

import shutil
from pathlib import Path

import pytest
from tests.projects.tiny import make_project

from seatrial.core.project import Project, find_project
from seatrial.release import FolderIndex, build_release, publish_toolkit


@pytest.fixture(scope="session")
def two_releases(titanic_project: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, FolderIndex]:
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


@pytest.fixture
def tiny(tmp_path: Path) -> Project:
    return find_project(make_project(tmp_path / "tiny"))
