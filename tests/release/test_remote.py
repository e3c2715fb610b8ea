"""The index over HTTP: as the folder, whatever the server and the network do."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.projects.tiny import make_sdist, make_wheel
from tests.release.indexes import TOKEN, Private, answering, private_index, read_body

from seatrial.core.errors import SeatrialError
from seatrial.core.places import IndexPlace, url_place
from seatrial.release import FolderIndex, HttpIndex, open_index


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Private]:
    with private_index(tmp_path_factory.mktemp("private") / "index") as running:
        yield running


@pytest.fixture
def remote(private: Private, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HttpIndex:
    monkeypatch.setenv("TEAM_TOKEN", TOKEN)
    return HttpIndex(private.place(), cache=tmp_path / "cache")


def test_a_release_goes_up_and_comes_back(remote: HttpIndex, private: Private, tmp_path: Path) -> None:
    wheel, sdist = make_wheel(tmp_path, "up-model"), make_sdist(tmp_path, "up-model")
    assert remote.releases("up-model") == []
    said: list[str] = []
    published = remote.publish([wheel, sdist], said.append)
    assert (published.name, published.version, published.already) == ("up-model", "0.1.0", False)
    assert [line for line in said if line.startswith("uploading")] == [
        f"uploading {sdist.name}",
        f"uploading {wheel.name}",
    ]
    (release,) = remote.releases("Up_Model")
    (same,) = FolderIndex(private.folder).releases("up-model")
    assert release == same
    assert release.pin == f"up-model==0.1.0 --hash=sha256:{release.sha256}"
    assert remote.fetch(release).read_bytes() == wheel.read_bytes()
    assert remote.fetch(release, sdist=True).read_bytes() == sdist.read_bytes()
    assert remote.publish([wheel, sdist]).already
    assert "up-model" in remote.names()
