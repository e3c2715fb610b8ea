"""The gate of a deployment, and calls that do not apply to a target."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.projects.tiny import make_project
from tests.trial.samples import SAMPLES

from seatrial.core.errors import SeatrialError, UsageError
from seatrial.core.project import ProjectSettings, find_project
from seatrial.deploy import Entry, TargetState
from seatrial.steps.deploy import list_deployments, render
from seatrial.steps.release_plan import require_passed, requirement_of
from seatrial.steps.trial import write_result
from seatrial.trial import gate

NEW, RUNNING, OTHER = "a" * 64, "b" * 64, "c" * 64
RELEASE = SimpleNamespace(name="tiny-model", sha256=NEW, requirement="tiny-model==0.2.0")
WHEEL = SimpleNamespace(sha256=NEW, release={}, record={}, package="tiny_model", filename="tiny_model.whl")
INDEX = SimpleNamespace(releases=lambda name: [])
CURRENT = SimpleNamespace(sha256=RUNNING, release="tiny-model", version="0.1.0")


@pytest.fixture
def project(tmp_path: Path) -> ProjectSettings:
    return find_project(make_project(tmp_path / "tiny"))


def store(project: ProjectSettings, sample: str, baseline: str) -> None:
    verdict = SAMPLES[sample]()
    subjects = {
        "candidate": replace(verdict.candidate, sha256=NEW),
        "baseline": replace(verdict.baseline, sha256=baseline),
    }
    write_result(gate.result_folder(project.root, NEW, baseline), replace(verdict, **subjects))


def test_a_release_needs_a_passed_trial_against_the_one_that_runs(project: ProjectSettings):
    with pytest.raises(SeatrialError, match=r"has been run against 0\.1\.0, which runs there now") as raised:
        require_passed(project, INDEX, WHEEL, RELEASE, CURRENT)
    assert raised.value.hint == "Run `seatrial trial tiny-model==0.1.0 tiny-model==0.2.0`."
    store(project, "passed", OTHER)
    with pytest.raises(SeatrialError, match="which runs there now"):
        require_passed(project, INDEX, WHEEL, RELEASE, CURRENT)
    store(project, "passed", RUNNING)
    summary, statement = require_passed(project, INDEX, WHEEL, RELEASE, CURRENT)
    assert statement is None
    assert summary["outcome"] == "passed"
    assert summary["against"] == SAMPLES["passed"]().baseline.version


def test_a_release_whose_trial_is_blocked_is_not_deployed(project: ProjectSettings):
    store(project, "ignored_feature", RUNNING)
    with pytest.raises(SeatrialError, match="has not passed its trial"):
        require_passed(project, INDEX, WHEEL, RELEASE, CURRENT)


def test_a_first_deployment_accepts_any_passed_trial(project: ProjectSettings):
    with pytest.raises(SeatrialError):
        require_passed(project, INDEX, WHEEL, RELEASE, None)
    store(project, "passed", OTHER)
    assert require_passed(project, INDEX, WHEEL, RELEASE, None)[0]["outcome"] == "passed"


def test_a_version_may_be_written_with_its_name(project: ProjectSettings):
    assert requirement_of(project, None) == "tiny-model"
    assert requirement_of(project, "0.2.0") == requirement_of(project, "tiny-model==0.2.0") == "tiny-model==0.2.0"


def test_what_a_target_cannot_do_is_a_usage_error(project: ProjectSettings):
    with pytest.raises(UsageError, match="local has nothing to render") as raised:
        render(project, "local")
    assert raised.value.exit_code == 2


def test_before_any_deployment_the_list_is_empty_or_has_only_the_named_target(project: ProjectSettings):
    assert list_deployments(project) == []
    (local,) = list_deployments(project, "local")
    assert (local.target, local.pinned, local.serving, local.agree, local.deployments) == (
        "local",
        None,
        None,
        True,
        (),
    )


def test_a_canary_that_has_ended_is_not_listed_as_running(project: ProjectSettings):
    state = TargetState(project, "local")
    canary = Entry("c1", "canary", "2026-11-30T12:00:00Z", "A", "try", "tiny-model", "0.2.0", NEW, "tiny", "pin")
    state.record(replace(canary, outcome="running"))
    (local,) = list_deployments(project, "local")  # nothing is running here
    assert [entry.outcome for entry in local.deployments] == ["taken back"]
    assert [entry.outcome for entry in state.history()] == ["running"]  # listing writes nothing
