"""The step `trial`: which two releases are compared, what is written, and what happens with the same bytes."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.projects.tiny import make_dist, make_project, make_wheel
from tests.trial.samples import SAMPLES

from seatrial.core.errors import SeatrialError
from seatrial.core.files import sha256
from seatrial.core.project import ProjectSettings, find_project
from seatrial.release import FolderIndex, open_index
from seatrial.steps import trial
from seatrial.steps.lockfile import LOCKFILE
from seatrial.steps.running_servers import RunningServer
from seatrial.steps.trial import (
    TrialResult,
    compare_releases,
    run_trial,
    stored_result,
    unchanged,
    write_result,
)
from seatrial.steps.trial_decisions import accept
from seatrial.steps.trial_setup import find_pair, project_policy
from seatrial.trial import gate
from seatrial.trial.records import Check, Kind, NotComparedError, Outcome, PolicyError


@pytest.fixture
def project(tmp_path: Path) -> ProjectSettings:
    """A project with a build, and an index without a release."""
    root = make_project(tmp_path / "tiny")
    make_dist(root)
    return find_project(root)


def wheel(project: ProjectSettings) -> Path:
    return next(project.dist.glob("*.whl"))


def index(project: ProjectSettings) -> FolderIndex:
    opened = open_index(project.index)
    assert isinstance(opened, FolderIndex)
    return opened


def verdict_for(project: ProjectSettings, sample: str):
    """A verdict about the built wheel, as a first release."""
    verdict = SAMPLES[sample]()
    return replace(verdict, candidate=replace(verdict.candidate, sha256=sha256(wheel(project))), baseline=None)


def test_a_first_release_has_no_baseline(project: ProjectSettings):
    pair = find_pair(project)
    assert pair.baseline is None
    assert pair.candidate.sha256 == sha256(wheel(project))
    assert pair.folder.name == f"{sha256(wheel(project))[:16]}-first"
    assert unchanged(pair) == ""
    assert stored_result(pair) is None


def test_the_newest_release_is_the_baseline(project: ProjectSettings, tmp_path: Path):
    for version in ("0.0.1", "0.0.2"):
        index(project).publish([make_wheel(tmp_path / version, version=version)])
    pair = find_pair(project)
    assert pair.baseline is not None
    assert pair.baseline.version == "0.0.2"


def test_the_release_that_is_served_is_the_baseline(project: ProjectSettings, tmp_path: Path, monkeypatch):
    from seatrial.steps import trial_setup

    for version in ("0.0.1", "0.0.2"):
        index(project).publish([make_wheel(tmp_path / version, version=version)])
    served = RunningServer(1, "http://127.0.0.1:1", "tiny-model", "0.0.1")
    monkeypatch.setattr(trial_setup, "running_servers", lambda: [served])
    pair = find_pair(project)
    assert pair.baseline is not None
    assert pair.baseline.version == "0.0.1"


def test_without_a_build_there_is_no_trial(tmp_path: Path):
    with pytest.raises(SeatrialError) as raised:
        find_pair(find_project(make_project(tmp_path / "tiny")))
    assert raised.value.hint == "Run `seatrial build` first."


def test_the_published_bytes_are_not_compared_with_themselves(project: ProjectSettings):
    index(project).publish([wheel(project)])
    pair = find_pair(project)
    note = "tiny-model==0.1.0 is already published, with exactly these bytes: there is nothing to compare."
    assert unchanged(pair) == note
    assert (pair.folder / "trial.md").read_text() == f"{note}\n"
    with pytest.raises(NotComparedError, match="already published"):
        stored_result(pair)  # it has no trial that it passed
    write_result(gate.result_folder(project.root, pair.candidate.sha256, None), verdict_for(project, "first_release"))
    stored = stored_result(pair)
    assert stored is not None
    assert (stored.outcome, stored.passed) == ("passed", True)


def test_a_result_is_written_in_all_its_formats(project: ProjectSettings, tmp_path: Path):
    verdict = verdict_for(project, "ignored_feature")
    result = write_result(tmp_path / "out", verdict, "tiny-model==0.1.0\n")
    assert result == TrialResult(verdict, "tiny-model==0.1.0\n", tmp_path / "out")
    assert {path.name for path in result.folder.iterdir()} == {
        "junit.xml", LOCKFILE, "trial.html", "trial.md", "verdict.json",
    }  # fmt: skip
    assert json.loads((tmp_path / "out" / "verdict.json").read_text())["cause"] == verdict.cause
    write_result(tmp_path / "out", verdict)
    assert not (tmp_path / "out" / LOCKFILE).exists()  # of the trial before


def test_a_result_has_its_checks_as_rows_and_shows_its_page(project: ProjectSettings):
    result = TrialResult(verdict_for(project, "ignored_feature"))
    assert (result.outcome, result.passed) == ("blocked", False)
    assert str(result) == result.cause == result.verdict.cause
    assert len(result.checks) == len(result.verdict.checks)
    first, check = result.checks[0], result.verdict.checks[0]
    assert (first["id"], first["suite"], first["outcome"]) == (check.id, check.suite, check.outcome)
    assert set(first) == {"id", "suite", "name", "subject", "outcome", "summary", "old", "new", "limit", "hint"}
    assert result._repr_html_().startswith('<iframe srcdoc="&lt;!')


def test_accepting_judges_the_stored_verdict_again(project: ProjectSettings):
    with pytest.raises(SeatrialError, match="No trial has been run for this wheel"):
        accept(project, reason="agreed")
    waiting = verdict_for(project, "redesign")
    assert waiting.outcome is Outcome.waiting
    write_result(find_pair(project).folder, waiting)
    accepted, result = accept(project, reason="agreed")
    ids = tuple(check.id for check in waiting.checks if check.outcome is Outcome.waiting)
    assert accepted.checks == ids
    assert accepted.until == (datetime.now(UTC).date() + timedelta(days=30)).isoformat()
    assert result.passed
    assert [check["outcome"] for check in result.checks if check["id"] in ids] == ["accepted"] * len(ids)
    assert json.loads((project.root / "accepted.json").read_text())[0]["reason"] == "agreed"
    with pytest.raises(PolicyError, match="No difference is waiting for acceptance"):
        accept(project, reason="once more")


@pytest.mark.parametrize(("kind", "runs"), [("redesign", False), ("retrain", True), ("repackage", True)])
def test_a_trial_is_judged_as_another_kind_without_being_run(
    project: ProjectSettings, monkeypatch: pytest.MonkeyPatch, kind: Kind, runs: bool
):
    check = Check("rebuild.scores", "rebuild", Outcome.blocked, "pipeline.py changed since 0.1.0: it differs")
    policy = project_policy(project)
    stored = replace(verdict_for(project, "redesign"), checks=(check,), kind="retrain", policy=policy.model_dump())
    pair = find_pair(project)
    write_result(pair.folder, stored)

    def run(*_: object, **__: object) -> None:
        raise NotComparedError("it runs")

    monkeypatch.setattr(trial, "run", run)
    monkeypatch.setattr(trial, "policy_and_wheels", lambda *_: (policy, None))
    if runs:
        with pytest.raises(NotComparedError, match="it runs"):
            run_trial(pair, kind=kind)
        return
    result = run_trial(pair, kind=kind)
    assert (result.outcome, result.verdict.kind) == ("waiting", "redesign")
    assert "trial accept" in result.next_step
    assert gate.stored_verdict(project.root, pair.candidate.sha256, None) == result.verdict


def test_comparing_releases_by_name_needs_an_index():
    with pytest.raises(SeatrialError, match="is not a wheel, and there is no index to look it up on"):
        compare_releases("tiny-model==0.1.0", "tiny-model==0.2.0", project=None, index=None)
