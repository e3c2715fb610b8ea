"""The release in one step: when the version is raised, and when it is put back."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.projects.tiny import make_dist, make_project

from seatrial.core.errors import SeatrialError
from seatrial.core.project import ProjectSettings, find_project
from seatrial.core.version import read_version, write_version
from seatrial.release import FolderIndex, built_release
from seatrial.steps import make_release, train, trial_process, trial_setup
from seatrial.steps.make_release import release


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ProjectSettings:
    """A project whose 0.1.0 is on the index; training, which is tested elsewhere, gives the same artifacts again."""
    project = find_project(make_project(tmp_path / "tiny"))
    make_dist(project.root)
    FolderIndex(project.root / ".seatrial" / "index").publish(built_release(project).files)

    def trained(settings: ProjectSettings, **_: Any) -> Any:
        (project.artifacts / "card.md").write_text(f"version {settings.version}\n")
        metric = {"auc": {"label": "ROC AUC", "value": 0.9}}
        return SimpleNamespace(headline="auc", metrics=metric)

    monkeypatch.setattr(train, "train_apart", trained)
    monkeypatch.setattr(make_release, "build", lambda *_: None)
    monkeypatch.setattr(trial_setup, "find_pair", lambda _: None)
    monkeypatch.setattr(trial_process, "judge_pair", lambda *_, **__: SimpleNamespace(passed=False))
    return project


def test_without_a_change_the_version_and_the_card_stay(project: ProjectSettings) -> None:
    card = (project.artifacts / "card.md").read_text()
    made = release(project)
    assert (made.version, made.previous, made.trial) == ("0.1.0", "0.1.0", None)
    assert read_version(project.version_file) == "0.1.0"
    assert (project.artifacts / "card.md").read_text() == card


@pytest.mark.parametrize("part", ["patch", "minor"])
def test_a_change_raises_the_version_before_training(project: ProjectSettings, part: str) -> None:
    document = json.loads((project.artifacts / "release.json").read_text())
    (project.artifacts / "release.json").write_text(json.dumps({**document, "threshold": 0.7}))
    made = release(project, part)
    assert made.version == {"patch": "0.1.1", "minor": "0.2.0"}[part]
    assert made.trial is not None
    assert made.published is None, "the trial has not passed"
    assert (project.artifacts / "card.md").read_text() == f"version {made.version}\n"


def test_a_version_that_was_raised_by_hand_is_released_without_another_change(project: ProjectSettings) -> None:
    write_version(project.version_file, "0.5.0")
    made = release(find_project(project.root))
    assert (made.version, made.previous) == ("0.5.0", "0.1.0")
    assert made.trial is not None


def test_a_training_that_fails_puts_the_version_back(project: ProjectSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: Any, **__: Any) -> None:
        assert read_version(project.version_file) == "0.1.1"
        raise SeatrialError("The table is empty.")

    monkeypatch.setattr(train, "train_apart", failing)
    with pytest.raises(SeatrialError, match="The table is empty"):
        release(project)
    assert read_version(project.version_file) == "0.1.0"
