"""Shared by the engines' tests: the Titanic release, and its bundle."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.steps.test_bundle import LOCK, make_index

from seatrial.core.project import find_project, importable
from seatrial.model import Release
from seatrial.release import FolderIndex
from seatrial.steps.bundle import _compatible, _write
from seatrial.wheels.resolution import resolve_release


@pytest.fixture(scope="module")
def titanic(titanic_project: Path) -> Iterator[Release]:
    """The trained release; engines import its package again by its name, whatever other tests imported under it."""
    project = find_project(titanic_project)
    with importable(project):
        yield Release(project.package).load()


@pytest.fixture(scope="session")
def site_zip(titanic_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive that `seatrial bundle` makes for the workers of a cluster."""
    folder = tmp_path_factory.mktemp("bundle")
    index = FolderIndex(make_index(titanic_project, folder))
    resolution = resolve_release(index.fetch_wheel(index.find("titanic-model")), extras=("bulk",), index=index)
    return _write(resolution, LOCK, _compatible(resolution), folder / "bundle").archive
