"""The files of a release, inspected before they are published."""

import io
import tarfile
from pathlib import Path

import pytest
from tests.projects.tiny import make_sdist, make_wheel

from seatrial.core.errors import SeatrialError
from seatrial.core.files import sha256
from seatrial.release.distribution import read_distribution, read_distributions
from seatrial.wheels.wheel import inspect


def test_a_wheel_is_the_same_by_its_path_and_by_its_inspection(tmp_path: Path) -> None:
    path = make_wheel(tmp_path)
    assert read_distribution(path) == read_distribution(inspect(path))
    assert read_distribution(path).sha256 == sha256(path)
    assert read_distribution(path).is_wheel


def test_an_sdist_has_the_metadata_of_its_pkg_info(tmp_path: Path) -> None:
    sdist = read_distribution(make_sdist(tmp_path))
    assert (sdist.name, str(sdist.version), sdist.is_wheel) == ("tiny-model", "0.1.0", False)
    assert b"Name: tiny-model" in sdist.metadata


def test_the_wheel_comes_first_and_its_python_versions_are_those_of_the_sdist(tmp_path: Path) -> None:
    files = [make_sdist(tmp_path), make_wheel(tmp_path, requires_python=">=3.11")]
    wheel, sdist = read_distributions(files)
    assert (wheel.is_wheel, sdist.is_wheel) == (True, False)
    assert wheel.requires_python == sdist.requires_python == ">=3.11"


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("other/PKG-INFO", tarfile.REGTYPE, "is outside of tiny_model-0.1.0/"),
        ("tiny_model-0.1.0/../x", tarfile.REGTYPE, "is outside of"),
        ("tiny_model-0.1.0/pipe", tarfile.FIFOTYPE, "is a device"),
        ("tiny_model-0.1.0/README", tarfile.REGTYPE, "has no tiny_model-0.1.0/PKG-INFO"),
    ],
)
def test_an_unsafe_or_incomplete_sdist_is_refused(tmp_path: Path, name: str, kind: bytes, message: str) -> None:
    path = tmp_path / "tiny_model-0.1.0.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.type = kind
        archive.addfile(member, io.BytesIO())
    with pytest.raises(SeatrialError, match=message):
        read_distribution(path)
