"""Unpacking an sdist, also by a Python whose tarfile has no filters."""

import io
import tarfile
from pathlib import Path

import pytest

from seatrial.core.errors import SeatrialError
from seatrial.wheels.sdist import unpack_sdist


def sdist(path: Path, name: str, kind: bytes = tarfile.REGTYPE) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for each, type_ in (("a-1/README.md", tarfile.REGTYPE), (name, kind)):
            member = tarfile.TarInfo(each)
            member.type, member.size, member.linkname = type_, 0, "/etc/passwd" if type_ == tarfile.SYMTYPE else ""
            archive.addfile(member, io.BytesIO())
    return path


@pytest.mark.parametrize("filters", [True, False])
def test_only_files_inside_of_the_folder_are_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, filters: bool
) -> None:
    if not filters:
        monkeypatch.delattr(tarfile, "data_filter", raising=False)  # Python 3.11.2 has none
        trusted = staticmethod(getattr(tarfile, "fully_trusted_filter", lambda member, _: member))
        monkeypatch.setattr(tarfile.TarFile, "extraction_filter", trusted, raising=False)
    folder = tmp_path / "unpacked"
    unpack_sdist(sdist(tmp_path / "good.tar.gz", "a-1/x.py"), folder)
    assert sorted(path.name for path in (folder / "a-1").iterdir()) == ["README.md", "x.py"]
    for name, kind in (("../outside.py", tarfile.REGTYPE), ("a-1/link", tarfile.SYMTYPE)):
        with pytest.raises((SeatrialError, getattr(tarfile, "FilterError", SeatrialError))):
            unpack_sdist(sdist(tmp_path / "bad.tar.gz", name, kind), folder)
    assert not (tmp_path / "outside.py").exists()
    assert not (folder / "a-1/link").exists()
