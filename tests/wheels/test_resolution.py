"""Resolution: which wheels come from the index by path, and which requirements are left to the installer."""

from pathlib import Path

import pytest
from tests.projects.tiny import make_wheel

from seatrial.core.errors import SeatrialError
from seatrial.release import FolderIndex
from seatrial.wheels.resolution import resolve_release
from seatrial.wheels.wheel import inspect


@pytest.fixture
def index(tmp_path: Path) -> FolderIndex:
    """An index with two versions of a library, and the toolkit, which needs the newer one for an extra."""
    folder, index = tmp_path / "made", FolderIndex(tmp_path / "index")
    for version in ("1.0", "1.5"):
        index.publish([make_wheel(folder, "own-library", version, release=None)])
    requires = ('own-library>=1.2; extra == "serve"',)
    index.publish([make_wheel(folder, "seatrial", "0.1.0", release=None, requires=requires)])
    return index


def test_requirements_on_the_index_are_installed_by_path_with_the_newest_match(
    tmp_path: Path, index: FolderIndex
) -> None:
    model = inspect(make_wheel(tmp_path, requires=("own-library<1.5", "numpy>=2")))
    resolution = resolve_release(model, index=index)
    assert resolution.model is model
    assert [each.pinned for each in resolution.wheels] == ["own-library==1.0", "tiny-model==0.1.0"]
    assert resolution.by_name == ()  # numpy is a requirement of the model's own wheel
    assert all(" @ file://" in requirement for requirement in resolution.requirements)


def test_an_extra_of_the_toolkit_adds_what_it_requires(tmp_path: Path, index: FolderIndex) -> None:
    model = inspect(make_wheel(tmp_path, requires=("seatrial>=0.1",)))
    plain, serving = resolve_release(model, index=index), resolve_release(model, index=index, extras=("serve",))
    assert [each.pinned for each in plain.wheels] == ["seatrial==0.1.0", "tiny-model==0.1.0"]
    assert [each.pinned for each in serving.wheels] == [
        "own-library==1.5",
        "seatrial[serve]==0.1.0",
        "tiny-model==0.1.0",
    ]
    assert plain.key != serving.key


def test_without_an_index_the_toolkit_is_looked_up_by_name(tmp_path: Path) -> None:
    model = inspect(make_wheel(tmp_path, requires=("seatrial>=0.1",)))
    resolution = resolve_release(model, extras=("serve",))
    assert resolution.by_name == ("seatrial>=0.1", "seatrial[serve]")


def test_a_version_that_the_index_lacks_is_an_error(tmp_path: Path, index: FolderIndex) -> None:
    model = inspect(make_wheel(tmp_path, requires=("own-library>=2",)))
    with pytest.raises(SeatrialError, match=r"has own-library 1\.0, 1\.5, but own-library>=2 is required"):
        resolve_release(model, index=index)
