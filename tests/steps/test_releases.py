"""Releases of an index with their metrics, and which of them are served."""

import json
import os
import re
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from tests.projects.tiny import make_dist, make_project, make_wheel
from tests.template.commands import git

from seatrial.core.errors import SeatrialError
from seatrial.core.index_settings import index_in_folder
from seatrial.core.project import find_project
from seatrial.release import FolderIndex, built_release
from seatrial.steps import releases as module
from seatrial.steps.releases import build, list_releases, publish, releases_page
from seatrial.steps.running_servers import RunningServer, running_servers, servers_folder


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEATRIAL_HOME", str(tmp_path / "home"))


def record(name: str, **fields: object) -> None:
    servers_folder().mkdir(parents=True, exist_ok=True)
    (servers_folder() / f"{name}.json").write_text(json.dumps(fields))


def test_releases_are_listed_with_metrics_and_servers(tmp_path: Path):
    for version in ("0.1.0", "0.2.0"):
        FolderIndex(tmp_path / "index").publish([make_wheel(tmp_path / version, version=version)])
    record("one", pid=os.getpid(), url="http://127.0.0.1:8001", release="tiny-model", version="0.2.0")
    old, new = list_releases("tiny-model", index_in_folder(tmp_path / "index"))
    assert (old.version, new.version) == ("0.1.0", "0.2.0")
    assert (new.headline, new.value, new.metrics, new.engine) == ("", None, {"auc": 0.87}, "onnx")
    assert (old.served, new.served) == ((), ("http://127.0.0.1:8001",))
    page = releases_page([replace(old, value=0.8, headline="AUC"), new], "tiny-model", "0.2.0", "a <folder>")
    assert re.findall(r'scope="row">(.*?)<', page) == ["0.2.0 (this one)", "0.1.0"]
    assert "on a &lt;folder&gt;" in page
    assert page.count(">AUC<") == page.count(">0.800<") == 1


def test_a_large_wheel_is_not_opened_for_its_metrics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    FolderIndex(tmp_path / "index").publish([make_wheel(tmp_path)])
    monkeypatch.setattr(module, "SIZE_LIMIT", 10)
    (release,) = list_releases("tiny-model", index_in_folder(tmp_path / "index"))
    assert (release.engine, release.metrics) == ("", {})


def test_records_of_ended_servers_and_damaged_ones_are_ignored():
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    server = {"url": "http://127.0.0.1:1", "release": "tiny-model", "version": "0.1.0"}
    record("ended", pid=ended.pid, **server)
    record("incomplete", pid=os.getpid())
    record("running", pid=os.getpid(), **server)
    (servers_folder() / "damaged.json").write_text("{")
    assert running_servers() == [RunningServer(os.getpid(), **server)]


def test_a_version_that_is_on_the_index_with_other_contents_is_not_built(tmp_path: Path):
    project = find_project(make_project(tmp_path / "tiny"))
    make_dist(project.root)
    FolderIndex(tmp_path / "tiny" / ".seatrial" / "index").publish(built_release(project).files)
    (project.source / "tiny_model" / "features.py").write_text("A = 1")
    with pytest.raises(SeatrialError) as refused:
        build(project)
    assert refused.value.message == (
        "tiny-model==0.1.0 is already on the index, and tiny_model/features.py has changed since."
    )
    assert refused.value.hint == "Raise the version with `seatrial bump`, and build again."


def test_publish_needs_committed_files_a_passed_trial_and_nothing_unnamed(tmp_path: Path) -> None:
    project = find_project(make_project(tmp_path / "tiny"))
    make_dist(project.root)
    for words in (("init", "--quiet"), ("add", "--all"), ("commit", "--quiet", "--message", "Begin")):
        git(*words, cwd=project.root)
    with pytest.raises(SeatrialError, match="No trial has been run for this wheel"):
        publish(project)
    data = project.data.read_text()
    project.data.write_text(data + "2,1\n")
    with pytest.raises(SeatrialError, match=r"Files of tiny-model==0.1.0 are not committed: data\.csv\."):
        publish(project)
    with pytest.raises(SeatrialError, match="No trial has been run for this wheel"):
        publish(project, allow_dirty=True)
    project.data.write_text(data)
    (wheel,) = project.dist.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        artifacts = {n: archive.read(n) for n in archive.namelist() if n.startswith("tiny_model/artifacts/")}
    document = artifacts.pop("tiny_model/artifacts/release.json")
    make_wheel(project.dist, release=json.loads(document), more={**artifacts, "tiny_model/notes.txt": b"mine"})
    (project.source / "tiny_model" / "notes.txt").write_bytes(b"mine")
    with pytest.raises(SeatrialError, match=r"contains files that do not belong to the release: src/tiny_model/notes"):
        publish(project)
