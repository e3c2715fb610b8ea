"""The folder index: a published release can be links and fetched, is readable by other tools, and never overwritten."""

import hashlib
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
from tests.projects.tiny import make_sdist, make_wheel

from seatrial.core.errors import SeatrialError
from seatrial.core.index_settings import index_at_url
from seatrial.release import FolderIndex, open_index

MOMENT = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)


@pytest.fixture
def index(tmp_path: Path) -> FolderIndex:
    return FolderIndex(tmp_path / "index", now=lambda: MOMENT)


def page(index: FolderIndex, name: str = "tiny-model") -> list[dict[str, str]]:
    class Links(HTMLParser):
        links: list[dict[str, str]]

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            if tag == "a":
                self.links.append({key: value or "" for key, value in attrs})

    parser = Links()
    parser.links = []
    parser.feed((index.path / "simple" / name / "index.html").read_text())
    return parser.links


def test_a_published_release_is_listed_with_its_metadata(index: FolderIndex, tmp_path: Path) -> None:
    wheel, sdist = make_wheel(tmp_path), make_sdist(tmp_path)
    published = index.publish([wheel, sdist])
    (release,) = index.releases("Tiny_Model")
    assert (published.name, published.version, published.already) == ("tiny-model", "0.1.0", False)
    assert release.requirement == "tiny-model==0.1.0"
    assert release.sha256 == hashlib.sha256(wheel.read_bytes()).hexdigest()
    assert release.wheel.size == wheel.stat().st_size
    assert release.wheel.uploaded == "2026-11-24T10:00:00Z"
    assert release.metadata is not None
    assert release.metadata["metrics"]["auc"]["value"] == 0.87
    assert release.sdist is not None
    assert release.sdist.filename == sdist.name
    assert index.fetch(release).read_bytes() == wheel.read_bytes()
    assert index.fetch(release, sdist=True).read_bytes() == sdist.read_bytes()


def test_the_html_page_follows_pep_503_and_658(index: FolderIndex, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, requires_python=">=3.8,<4")
    index.publish([wheel, make_sdist(tmp_path)])
    for link in page(index):
        address, _, fragment = link["href"].partition("#")
        file = index.path / "simple" / "tiny-model" / unquote(address)
        assert fragment == f"sha256={hashlib.sha256(file.read_bytes()).hexdigest()}"
        assert link["data-requires-python"] == ">=3.8,<4"
    metadata = (index.path / "simple" / "tiny-model" / f"{wheel.name}.metadata").read_bytes()
    assert page(index)[0]["data-core-metadata"] == f"sha256={hashlib.sha256(metadata).hexdigest()}"
    assert b"Name: tiny-model" in metadata
    assert "&gt;=3.8,&lt;4" in (index.path / "simple" / "tiny-model" / "index.html").read_text()


def test_the_json_pages_follow_pep_691_and_700(index: FolderIndex, tmp_path: Path) -> None:
    for version in ("0.10.0", "0.9.0"):
        index.publish([make_wheel(tmp_path, version=version)])
    index.publish([make_wheel(tmp_path, "other-model")])
    document = json.loads((index.path / "simple/tiny-model/index.json").read_text())
    assert document["meta"]["api-version"] == "1.1"
    assert document["versions"] == ["0.9.0", "0.10.0"]
    assert {"filename", "url", "hashes", "size", "upload-time", "core-metadata"} <= set(document["files"][0])
    assert "dist-info-metadata" not in document["files"][0]  # which pip 22.3 to 23.0 cannot read (PEP 714)
    root = json.loads((index.path / "simple/index.json").read_text())
    assert [p["name"] for p in root["projects"]] == ["other-model", "tiny-model"]
    assert 'href="tiny-model/"' in (index.path / "simple/index.html").read_text()


def test_publishing_the_same_bytes_again_is_reported_and_changes_nothing(index: FolderIndex, tmp_path: Path) -> None:
    files = [make_wheel(tmp_path), make_sdist(tmp_path)]
    index.publish(files)
    before = tree(index.path)
    assert FolderIndex(index.path).publish(files).already
    assert FolderIndex(index.path).publish(files[:1]).already
    assert tree(index.path) == before


@pytest.mark.parametrize("other", ["wheel", "sdist"])
def test_a_version_is_never_overwritten(index: FolderIndex, tmp_path: Path, other: str) -> None:
    files = [make_wheel(tmp_path), make_sdist(tmp_path)]
    index.publish(files)
    before = tree(index.path)
    changed = make_wheel(tmp_path, content="x = 1") if other == "wheel" else make_sdist(tmp_path, content="x")
    with pytest.raises(SeatrialError, match="never overwritten") as error:
        index.publish([changed, *[f for f in files if f != changed]])
    assert "__version__" in error.value.hint
    assert tree(index.path) == before


def test_another_spelling_of_a_version_is_the_same_version(index: FolderIndex, tmp_path: Path) -> None:
    index.publish([make_wheel(tmp_path, version="0.1")])
    with pytest.raises(SeatrialError, match="never overwritten"):
        index.publish([make_wheel(tmp_path, version="0.1.0")])


def test_the_newest_matching_release_is_found(index: FolderIndex, tmp_path: Path) -> None:
    for version in ("0.9.0", "0.10.0", "0.11.0rc1"):
        index.publish([make_wheel(tmp_path, version=version)])
    assert index.find("tiny-model").version == "0.10.0"
    assert index.find("Tiny.Model < 0.10").version == "0.9.0"
    assert index.find("tiny-model==0.11.0rc1").version == "0.11.0rc1"


@pytest.mark.parametrize(
    ("requirement", "message", "hint"),
    [
        ("tiny-model==0.3.0", "has no tiny-model==0.3.0", "0.1.0, 0.2.0"),
        ("tiny-modle", "no release of tiny-modle", "Did you mean tiny-model?"),
        ("something", "no release of something", "seatrial publish"),
        ("not a name", "is not a release", "titanic-model==0.1.0"),
        ("tiny-model[serve]", "more than a name", "titanic-model==0.1.0"),
    ],
)
def test_a_missing_release_is_reported_with_the_existing_ones(
    index: FolderIndex, tmp_path: Path, requirement: str, message: str, hint: str
) -> None:
    for version in ("0.1.0", "0.2.0"):
        index.publish([make_wheel(tmp_path, version=version)])
    with pytest.raises(SeatrialError, match=message) as error:
        index.find(requirement)
    assert hint in error.value.hint


def test_an_index_that_does_not_exist_is_empty(tmp_path: Path) -> None:
    index = open_index(tmp_path / "nowhere")
    assert index.releases() == []
    assert not (tmp_path / "nowhere").exists()


def test_a_url_is_an_index_over_http_and_a_file_url_is_a_folder(tmp_path: Path) -> None:
    assert open_index(index_at_url("https://index.example/simple")).where == "https://index.example/simple/"
    assert open_index(index_at_url((tmp_path / "a b").as_uri())).path == tmp_path / "a b"  # type: ignore[attr-defined]


def test_a_damaged_file_is_not_fetched_and_publishing_again_repairs_it(index: FolderIndex, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path)
    index.publish([wheel])
    release = index.find("tiny-model")
    stored = index.fetch(release)
    stored.write_bytes(stored.read_bytes()[:-1])
    with pytest.raises(SeatrialError, match="not what was published"):
        index.fetch(release)
    assert [r.version for r in index.releases()] == ["0.1.0"]
    stored.unlink()
    with pytest.raises(SeatrialError, match="missing"):
        index.fetch(release)
    assert index.publish([wheel]).already
    assert index.fetch(release).read_bytes() == wheel.read_bytes()


def test_a_truncated_page_is_an_error_and_not_an_empty_index(index: FolderIndex, tmp_path: Path) -> None:
    index.publish([make_wheel(tmp_path)])
    path = index.path / "simple/tiny-model/index.html"
    path.write_text(path.read_text()[:-20])
    for act in (index.releases, lambda: index.publish([make_wheel(tmp_path, version="0.2.0")])):
        with pytest.raises(SeatrialError, match="not a complete index page"):
            act()


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([], "nothing to publish"),
        (["sdist"], "not the files of one release"),
        (["wheel", "other"], "not the files of one release"),
        (["wheel", "later sdist"], "not the files of one release"),
        (["missing"], "does not exist"),
        (["text"], "does not have the file name of a wheel or an sdist"),
        (["damaged sdist", "wheel"], "damaged"),
    ],
)
def test_files_that_are_not_one_release_are_refused_before_anything_is_written(
    index: FolderIndex, tmp_path: Path, files: list[str], message: str
) -> None:
    damaged = tmp_path / "damaged" / "tiny_model-0.1.0.tar.gz"
    damaged.parent.mkdir()
    damaged.write_bytes(make_sdist(tmp_path).read_bytes()[:50])
    paths = {
        "wheel": make_wheel(tmp_path),
        "sdist": make_sdist(tmp_path),
        "other": make_wheel(tmp_path, "other-model"),
        "later sdist": make_sdist(tmp_path, version="0.2.0"),
        "missing": tmp_path / "gone-0.1.0-py3-none-any.whl",
        "text": tmp_path / "notes.txt",
        "damaged sdist": damaged,
    }
    with pytest.raises(SeatrialError, match=message):
        index.publish([paths[name] for name in files])
    assert not index.path.exists()


def test_releases_published_at_the_same_time_all_appear(index: FolderIndex, tmp_path: Path) -> None:
    wheels = [make_wheel(tmp_path, version=f"0.{n}.0") for n in range(6)]
    wheels += [make_wheel(tmp_path, f"model-{n}") for n in range(6)]
    assert sorted(code for code, _ in publish_at_once(index.path, wheels)) == [0] * 12
    assert [r.version for r in index.releases("tiny-model")] == [f"0.{n}.0" for n in range(6)]
    root = json.loads((index.path / "simple/index.json").read_text())
    assert len(root["projects"]) == 7
    for release in index.releases():
        index.fetch(release)


def test_only_one_of_several_files_with_the_same_version_is_published(index: FolderIndex, tmp_path: Path) -> None:
    wheels = [make_wheel(tmp_path / str(n), content=f"n = {n}") for n in range(6)]
    results = publish_at_once(index.path, wheels)
    assert sorted(code for code, _ in results) == [0, 1, 1, 1, 1, 1]
    (winner,) = [wheel for wheel, (code, _) in zip(wheels, results, strict=True) if code == 0]
    assert index.fetch(index.find("tiny-model")).read_bytes() == winner.read_bytes()
    assert all("never overwritten" in output for code, output in results if code)


def test_a_publication_that_hangs_does_not_block_others_forever(tmp_path: Path) -> None:
    from filelock import FileLock

    index = FolderIndex(tmp_path / "index", lock_timeout=0.2)
    index.path.mkdir()
    with FileLock(index.path / ".lock"), pytest.raises(SeatrialError, match="Another publication"):
        index.publish([make_wheel(tmp_path)])
    assert not index.publish([make_wheel(tmp_path)]).already


def publish_at_once(index: Path, wheels: list[Path]) -> list[tuple[int, str]]:
    code = """
import sys
from pathlib import Path
from seatrial.release import open_index
from seatrial.core.errors import SeatrialError
sys.stdin.readline()
try:
    open_index(Path(sys.argv[1])).publish([Path(sys.argv[2])])
except SeatrialError as error:
    raise SystemExit(str(error))
"""
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(index), str(wheel)],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for wheel in wheels
    ]
    with ThreadPoolExecutor(len(running)) as pool:
        outputs = list(pool.map(lambda process: process.communicate("go\n", timeout=60)[1], running))
    return [(process.returncode, text) for process, text in zip(running, outputs, strict=True)]


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
