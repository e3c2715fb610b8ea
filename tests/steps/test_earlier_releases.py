"""An index that has nothing is not believed where something shows that there was a release."""

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.projects.tiny import make_dist, make_project, make_wheel
from tests.trial.samples import SAMPLES

from seatrial.core.errors import SeatrialError
from seatrial.core.index_settings import index_in_folder
from seatrial.core.project import find_project
from seatrial.release import open_index
from seatrial.steps.earlier_releases import known_release, note_published, releases_of
from seatrial.steps.trial_setup import find_pair
from seatrial.trial import gate
from seatrial.trial.report.formats import to_json


def deployed(root: Path) -> None:
    (root / "deploy" / "docker").mkdir(parents=True)
    (root / "deploy" / "docker" / "history.jsonl").write_text('{"version": "0.0.9"}\n')


def pinned(root: Path) -> None:
    (root / "deploy" / "docker").mkdir(parents=True)
    (root / "deploy" / "docker" / "requirements.txt").write_text("tiny-model==0.0.9\n")


def published(root: Path) -> None:
    note_published(find_project(root), "a" * 64)


def accepted(root: Path) -> None:
    entry = dict.fromkeys(("candidate", "reason", "by", "on", "until"), "2027-01-31")
    (root / "accepted.json").write_text(json.dumps([{**entry, "baseline": "b" * 64, "checks": []}]))


def tried(root: Path) -> None:
    verdict = next(made for made in (each() for each in SAMPLES.values()) if made.baseline)
    folder = gate.result_folder(root, verdict.candidate.sha256, "b" * 64)
    gate.write_results(folder, {gate.DOCUMENT: to_json(verdict)})


def tagged(root: Path) -> None:
    init = root / "src" / "tiny_model" / "__init__.py"
    text = init.read_text()
    init.write_text(text.replace("0.1.0", "0.0.9"))
    for words in (
        "init -q .",
        "add -A",
        "-c user.name=n -c user.email=a@b.c commit -q -m x",
        "tag v0.0.9",
        "tag v0.0.1",  # of something else
    ):
        subprocess.run(["git", *words.split()], cwd=root, check=True)
    init.write_text(text)


@pytest.mark.parametrize(
    ("evidence", "words"),
    [
        (deployed, r"0\.0\.9 was deployed \(deploy/docker/history\.jsonl\)"),
        (pinned, r"one is deployed \(deploy/docker/requirements\.txt\)"),
        (published, r"tiny-model==0\.1\.0 was published from here"),
        (accepted, "accepted.json accepts differences from one"),
        (tried, "there was a trial against"),
        (tagged, r"git has the tag v0\.0\.9"),
    ],
)
def test_an_empty_index_is_an_error(tmp_path: Path, evidence: Callable[[Path], None], words: str) -> None:
    root = make_project(tmp_path / "tiny")
    make_dist(root)
    assert find_pair(find_project(root)).baseline is None
    evidence(root)
    project = find_project(root)
    with pytest.raises(SeatrialError, match=f"has no release of tiny-model, but {words}"):
        find_pair(project)
    other = index_in_folder(tmp_path / "other", "other")
    known = replace(project, index=other, indexes=(project.index, other))
    assert find_pair(known).baseline is None  # a second index of the settings may be new
    settings = root / "pyproject.toml"
    settings.write_text(settings.read_text().replace("[tool.seatrial]", '[tool.seatrial]\nfirst_release = "0.1.0"'))
    assert find_pair(find_project(root)).baseline is None
    index = open_index(project.index)
    index.publish([make_wheel(tmp_path)])
    assert [release.version for release in releases_of(project, index)] == ["0.1.0"]


def test_a_shallow_clone_says_that_it_hides_earlier_releases(tmp_path: Path) -> None:
    root = make_project(tmp_path / "tiny")
    who = ["-c", "user.name=n", "-c", "user.email=a@b.invalid"]
    for words in (["init", "-q", "."], ["add", "-A"], [*who, "commit", "-qm", "one"], [*who, "commit", "-qam", "two"]):
        subprocess.run(["git", *words, *(["--allow-empty"] if "commit" in words else [])], cwd=root, check=True)
    assert known_release(find_project(root)) == ""
    subprocess.run(["git", "clone", "-q", "--depth", "1", root.as_uri(), tmp_path / "shallow"], check=True)
    remark = known_release(find_project(tmp_path / "shallow"))
    assert "this clone is shallow, so git does not show whether there was an earlier one" in remark
    assert "`fetch-depth: 0`" in remark
