"""A team in a hurry tries to get a release past the gate: each attempt is refused, or shown in the first line."""

import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.projects.tiny import PYPROJECT, make_dist, make_project, make_sdist, make_wheel
from tests.trial.samples import COMPLETE, verdict_of

from seatrial.cli.deploy import _trial
from seatrial.core.errors import SeatrialError
from seatrial.core.project import find_project
from seatrial.release import open_index
from seatrial.steps.gate_review import gate_facts
from seatrial.steps.release_plan import require_passed
from seatrial.steps.releases import publish
from seatrial.steps.trial import run_trial, write_result
from seatrial.steps.trial_decisions import accept, sign_trial
from seatrial.steps.trial_setup import find_pair, project_policy
from seatrial.trial import gate, ledger
from seatrial.trial.acceptance_review import Rules, review
from seatrial.trial.gate import Acceptance, as_document
from seatrial.trial.records import Check, NotComparedError, Outcome, PolicyError, Verdict

TODAY = datetime.now(UTC).date()
WAITING = Check("data.surprise", "data", Outcome.waiting, "new rows surprise the baseline")


class Team:
    """A project whose 0.0.9 is on its index, and that wants to publish 0.1.0."""

    def __init__(self, root: Path) -> None:
        self.root = make_project(root)
        self.policy = ""
        make_dist(self.root)
        self.publish_baseline("")

    def publish_baseline(self, policy: str, index: str = "index") -> None:
        """Put 0.0.9 on the index, with this [tool.seatrial.trial] in its sdist."""
        folder = self.root.parent / f"earlier-{index}"
        more = {"pyproject.toml": with_policy(policy).encode()}
        files = [make_wheel(folder, version="0.0.9"), make_sdist(folder, version="0.0.9", more=more)]
        shutil.rmtree(self.root / ".seatrial" / index, ignore_errors=True)
        open_index(self.root / ".seatrial" / index).publish(files)

    def set_policy(self, policy: str) -> None:
        (self.root / "pyproject.toml").write_text(with_policy(policy))

    @property
    def project(self) -> Any:
        return find_project(self.root)

    @property
    def document(self) -> Path:
        return find_pair(self.project).folder / "verdict.json"

    def try_it(self, *checks: Check) -> Verdict:
        """Store what a trial of the two releases ends with, with the gate's own checks."""
        pair = find_pair(self.project)
        policy = project_policy(self.project)
        facts, _ = gate_facts(self.project, pair.index, pair.candidate, pair.baseline, policy)
        made = verdict_of((*COMPLETE, *checks, *facts), policy=policy.model_dump())
        verdict = replace(
            made,
            candidate=replace(made.candidate, name="tiny-model", version="0.1.0", sha256=pair.candidate.sha256),
            baseline=replace(made.baseline, version="0.0.9", sha256=pair.baseline_sha256) if pair.baseline else None,
        )
        write_result(pair.folder, verdict)
        return verdict

    def edit(self, change: Callable[[dict[str, Any]], object]) -> None:
        document = json.loads(self.document.read_text())
        change(document)
        self.document.write_text(json.dumps(document))

    def git(self, *words: str, name: str = "Ada") -> None:
        who = ("-c", f"user.name={name}", "-c", f"user.email={name.lower()}@example.invalid")
        subprocess.run(["git", *who, *words], cwd=self.root, check=True, capture_output=True)

    def published(self) -> list[str]:
        return [release.version for release in open_index(self.root / ".seatrial" / "index").releases("tiny-model")]


def with_policy(policy: str) -> str:
    return f"{PYPROJECT}\n[tool.seatrial.trial]\n{policy}\n"


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Team:
    monkeypatch.setenv("SEATRIAL_HOME", str(tmp_path / "home"))
    return Team(tmp_path / "tiny")


def forgotten(team: Team) -> None:
    """Make this another machine, on which no trial was run."""
    shutil.rmtree(team.root.parent / "home")


def test_a_trial_that_passed_is_published_without_a_remark(team: Team):
    team.try_it()
    assert publish(team.project).remarks == ""
    assert team.published() == ["0.0.9", "0.1.0"]


def passed(document: dict[str, Any]) -> None:
    document["outcome"], document["cause"] = "passed", "Passed: all checks passed."


def without_failures(document: dict[str, Any]) -> None:
    passed(document)
    document["checks"] = [check for check in document["checks"] if check["outcome"] == "passed"]


@pytest.mark.parametrize("change", [passed, without_failures])
def test_an_edited_verdict_is_refused(team: Team, change: Callable[[dict[str, Any]], None]):
    team.try_it(replace(WAITING, outcome=Outcome.blocked))
    team.edit(change)
    with pytest.raises(SeatrialError, match=r"verdict\.json was edited after the trial") as raised:
        publish(team.project)
    assert "seatrial trial" in raised.value.hint
    assert team.published() == ["0.0.9"]


def test_an_edited_verdict_cannot_be_laundered(team: Team):
    """Accepting and signing write or vouch for the verdict again; neither does for an edited one."""
    team.try_it(replace(WAITING, outcome=Outcome.blocked), WAITING)
    team.edit(lambda document: document["checks"].remove(document["checks"][-2]))
    with pytest.raises(SeatrialError, match="not what a trial on this machine wrote"):
        accept(team.project, reason="quick")
    team.edit(without_failures)
    with pytest.raises(SeatrialError, match="was edited after the trial"):
        sign_trial(team.project)


def test_a_verdict_from_elsewhere_is_refused_or_shown(team: Team, monkeypatch: pytest.MonkeyPatch):
    team.try_it()
    forgotten(team)
    with pytest.raises(SeatrialError, match="was not run on this machine") as raised:
        publish(team.project)
    assert "SEATRIAL_TRIALS_FROM" in raised.value.hint
    monkeypatch.setenv("SEATRIAL_TRIALS_FROM", "the job trial")
    assert publish(team.project).remarks == "The trial was not run on this machine, but in the job trial."


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (passed, "says passed, but its checks do not"),
        (lambda d: (passed(d), d.update(checks=d["checks"][2:-1])), r"lacks checks: golden\.scores, invariants\.rows"),
        (
            lambda d: (without_failures(d), d["policy"].update(margin=1.0)),
            r"policy changed after .*: margin 1\.0 -> 0\.01",
        ),
    ],
)
def test_a_verdict_from_elsewhere_is_judged_again(
    team: Team, monkeypatch: pytest.MonkeyPatch, change: Callable[[dict[str, Any]], None], message: str
):
    monkeypatch.setenv("SEATRIAL_TRIALS_FROM", "the job trial")
    team.try_it(replace(WAITING, outcome=Outcome.blocked))
    team.edit(change)
    forgotten(team)
    with pytest.raises(SeatrialError, match=message):
        publish(team.project)


def test_a_verdict_about_other_bytes_is_refused(team: Team):
    team.try_it()
    stored = team.document
    (team.root / "src" / "tiny_model" / "features.py").write_text("OTHER = 1\n")
    make_dist(team.root)
    pair = find_pair(team.project)
    shutil.copytree(stored.parent, pair.folder)
    with pytest.raises(SeatrialError, match="No trial has been run for this wheel"):
        publish(team.project)
    team.edit(lambda document: document["candidate"].update(sha256=pair.candidate.sha256))
    with pytest.raises(SeatrialError, match="was not run on this machine"):
        publish(team.project)


def test_a_policy_that_was_changed_after_the_trial_is_refused(team: Team):
    team.try_it()
    team.set_policy("margin = 0.001")
    with pytest.raises(SeatrialError, match=r"The policy changed after the trial .*: margin 0\.01 -> 0\.001"):
        publish(team.project)


def test_a_relaxed_policy_waits_and_is_shown(team: Team):
    team.set_policy("margin = 1.0\nslices = ['x']")
    verdict = team.try_it()
    line = "policy relaxed since 0.0.9: margin 0.01 -> 1.0, slices [] -> [x]"
    assert verdict.outcome is Outcome.waiting
    assert verdict.cause == f"Waiting for acceptance: {line}."
    with pytest.raises(SeatrialError, match="has not passed"):
        publish(team.project)
    _, result = accept(team.project, reason="agreed")
    assert f"P{line[1:]}. Accepted by " in result.cause
    assert publish(team.project).remarks.startswith(f"P{line[1:]}. Accepted by ")


def test_an_acceptance_does_not_cover_what_is_relaxed_later(team: Team):
    team.set_policy("margin = 0.02")
    team.try_it()
    accepted, _ = accept(team.project, reason="agreed")
    assert accepted.checks == ("gate.policy[margin 0.01 -> 0.02]",)
    team.set_policy("margin = 1.0")
    verdict = team.try_it()
    pair = find_pair(team.project)
    known = gate.read_acceptances(team.root)
    wheels = {"candidate": pair.candidate.sha256, "baseline": pair.baseline_sha256}
    marked = gate.with_acceptances(verdict.checks, known, **wheels, today=TODAY)
    assert [check.id for check in marked if check.outcome is Outcome.waiting] == ["gate.policy[margin 0.01 -> 1.0]"]


def test_a_relaxed_policy_that_the_trial_does_not_show_is_refused(team: Team, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SEATRIAL_TRIALS_FROM", "the job trial")
    team.set_policy("margin = 1.0")
    team.try_it()
    team.edit(without_failures)
    forgotten(team)
    with pytest.raises(SeatrialError, match="does not show that policy relaxed since"):
        publish(team.project)


def test_what_could_not_run_is_shown(team: Team):
    team.publish_baseline('inconclusive = "note"')
    team.set_policy('inconclusive = "note"')
    team.try_it(Check("total.reference", "total", Outcome.noted, "no table", evidence={"not_run": True}))
    assert publish(team.project).remarks == "Not run: total.reference."


def write_acceptance(team: Team, **changes: str) -> None:
    pair = find_pair(team.project)
    acceptance = {
        "candidate": pair.candidate.sha256, "baseline": pair.baseline_sha256, "checks": [WAITING.id], "reason": "fine",
        "by": "Bob", "on": TODAY.isoformat(), "until": (TODAY + timedelta(days=30)).isoformat(),
    }  # fmt: skip
    (team.root / gate.ACCEPTED).write_text(json.dumps([{**acceptance, **changes}]))


def accepted_by_hand(team: Team) -> None:
    """Store the verdict that a trial would end with if the acceptance counted."""
    given = {"by": "Bob", "until": "2099-01-01", "summary": WAITING.summary}
    team.try_it(replace(WAITING, outcome=Outcome.accepted, evidence={"accepted": given}))


def test_an_acceptance_written_by_hand_does_not_count(team: Team):
    write_acceptance(team)
    accepted_by_hand(team)
    with pytest.raises(
        NotComparedError, match="neither given with `seatrial trial accept` on this machine nor committed"
    ):
        publish(team.project)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"until": "2199-01-01"}, "lasts until 2199-01-01, more than 90 days"),
        ({"by": " "}, "needs a name, a reason"),
        ({"on": "2198-12-31", "until": "2199-01-01"}, "in the future"),
        ({"on": "today"}, "is not a date"),
    ],
)
def test_an_acceptance_without_an_end_or_a_name_does_not_count(team: Team, changes: dict[str, str], message: str):
    write_acceptance(team, **changes)
    team.git("init", "-q", ".")
    team.git("add", "accepted.json")
    team.git("commit", "-qm", "accept", name="Bob")
    accepted_by_hand(team)
    with pytest.raises(NotComparedError, match=message):
        publish(team.project, allow_dirty=True)


def test_an_acceptance_in_the_name_of_another_does_not_count(team: Team):
    write_acceptance(team)
    team.git("init", "-q", ".")
    team.git("add", "-A")
    team.git("commit", "-qm", "accept", name="Mallory")
    accepted_by_hand(team)
    with pytest.raises(NotComparedError, match="in the name of Bob, but Mallory committed it"):
        publish(team.project, allow_dirty=True)
    team.git("commit", "-q", "--amend", "--reset-author", "-m", "accept", name="Bob")
    assert "Accepted by Bob until 2099-01-01: 1 check." in publish(team.project, allow_dirty=True).remarks


def test_an_acceptance_lasts_as_long_as_the_policy_says(team: Team):
    team.publish_baseline("acceptance_days = 10")
    team.set_policy("acceptance_days = 3650")  # relaxed in the same commit
    team.try_it(WAITING)
    with pytest.raises(PolicyError, match="more than 10 days away"):
        accept(team.project, reason="agreed", until=TODAY + timedelta(days=11))
    accepted, _ = accept(team.project, reason="agreed")
    assert accepted.until == (TODAY + timedelta(days=10)).isoformat()


def git_head(root: Path) -> str:
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=True)
    return head.stdout.strip()


def test_a_second_person_has_to_commit_an_acceptance(team: Team, monkeypatch: pytest.MonkeyPatch):
    team.publish_baseline("second_person = true")
    team.set_policy("second_person = true")
    team.git("init", "-q", ".")
    team.git("add", "-A")
    team.git("commit", "-qm", "change", name="Ada")
    head = git_head(team.root)
    monkeypatch.setattr("seatrial.steps.gate_review._commit_of", lambda _: head)
    team.try_it(WAITING)
    _, result = accept(team.project, reason="agreed")
    assert result.outcome == "waiting"
    assert "not committed, and second_person asks for a commit of another person" in result.cause
    team.git("add", "accepted.json")
    team.git("commit", "-qm", "accept", name="Ada")
    team.try_it(replace(WAITING, outcome=Outcome.accepted))
    with pytest.raises(NotComparedError, match=r"Ada committed both it and the release \(second_person\)"):
        publish(team.project, allow_dirty=True)
    team.git("commit", "-q", "--amend", "--reset-author", "-m", "accept", name="Bob")
    assert publish(team.project, allow_dirty=True).name == "tiny-model"


def test_a_shallow_clone_hides_who_committed_an_acceptance_and_lets_nothing_pass(team: Team):
    team.git("init", "-q", ".")
    team.git("add", "-A")
    team.git("commit", "-qm", "first", name="Ada")
    first = git_head(team.root)
    team.git("commit", "-q", "--allow-empty", "-m", "change", name="Ada")
    change = git_head(team.root)
    acceptance = Acceptance("c" * 64, "b" * 64, ("total.flips",), "agreed", "Bob", str(TODAY), str(TODAY))
    (team.root / "accepted.json").write_text(json.dumps([as_document(acceptance)]))
    team.git("add", "-A", "-f")
    team.git("commit", "-qm", "accept", name="Bob")
    team.git("commit", "-q", "--allow-empty", "-m", "later", name="Bob")
    shallow = team.root.parent / "shallow"

    def reason(second_person: bool, depth: int, commit: str = change) -> str:
        shutil.rmtree(shallow, ignore_errors=True)
        team.git("clone", "-q", "--depth", str(depth), team.root.as_uri(), str(shallow))
        rules = Rules(second_person=second_person)
        reviewed = review(shallow, "c" * 64, "b" * 64, rules, commit=commit, today=TODAY)
        return reviewed.reason("c" * 64, "b" * 64, "total.flips")

    for second_person in (False, True):
        for depth in (1, 2):  # the oldest commit that is there may have brought it, or an older one
            assert "since this clone is shallow" in reason(second_person, depth)
            assert "`fetch-depth: 0`" in reason(second_person, depth)
        assert reason(second_person, depth=3) == ""
    assert "the release's commit is not in this clone" in reason(True, depth=3, commit=first)


def test_an_emptied_index_is_known_from_the_ledger(team: Team):
    team.try_it()
    publish(team.project)
    shutil.rmtree(team.root / ".seatrial" / "index")
    (team.root / ".seatrial" / "published.json").unlink()
    shutil.rmtree(team.root / ".seatrial" / "trials")
    with pytest.raises(SeatrialError, match=r"has no release of tiny-model, but tiny-model==0\.1\.0 was published"):
        find_pair(team.project)


def test_another_index_is_shown(team: Team):
    team.try_it()
    publish(team.project)
    settings = team.root / "pyproject.toml"
    settings.write_text(settings.read_text().replace('target = "y"', 'target = "y"\nindex = ".seatrial/empty"'))
    team.publish_baseline("", index="empty")
    verdict = team.try_it()
    assert "The index was changed since 0.0.9: .seatrial/index -> .seatrial/empty." in verdict.cause
    shutil.rmtree(team.root / ".seatrial" / "empty")
    settings.write_text(settings.read_text().replace('target = "y"', 'target = "y"\nfirst_release = "0.1.0"'))
    verdict = team.try_it()
    assert verdict.baseline is None
    assert "It is the first release on .seatrial/empty, but 0.1.0 was published to .seatrial/index." in verdict.cause


def test_a_redesign_is_said_from_the_trial_to_the_index(team: Team):
    stored = team.try_it(Check("rebuild.scores", "rebuild", Outcome.blocked, "the code differs"))
    result = run_trial(find_pair(team.project), kind="redesign")  # the stored one, judged again
    assert result.verdict.started == stored.started
    assert "Declared as a redesign, 0.0.9 was a retrain." in result.verdict.cause
    accept(team.project, reason="as planned")
    assert "Declared as a redesign, 0.0.9 was a retrain." in publish(team.project).remarks


@pytest.mark.parametrize("known_by", ["the ledger", "a deployment"])
def test_a_baseline_that_was_exchanged_on_the_index_waits(team: Team, known_by: str):
    where = str(team.root / ".seatrial" / "index")
    pair = find_pair(team.project)
    if known_by == "the ledger":
        ledger.record_published(f"tiny-model {team.root}", where, "0.0.9", str(pair.baseline_sha256))
        assert team.try_it().exit_code == 0
        ledger.record_published(f"tiny-model {team.root}", where, "0.0.8", "a" * 64)
        earlier = team.root.parent / "earlier-index"
        files = [
            make_wheel(earlier, version="0.0.9", content="more = 1"),
            make_sdist(earlier, version="0.0.9"),
        ]
        shutil.rmtree(where)
        open_index(Path(where)).publish(files)
    else:
        history = team.root / "deploy" / "local" / "history.jsonl"
        history.parent.mkdir(parents=True)
        history.write_text(json.dumps({"version": "0.0.9", "sha256": "a" * 64}) + "\n")
    verdict = team.try_it()
    assert verdict.exit_code == 3
    assert "0.0.9 on the index is not the wheel that was" in verdict.cause
    with pytest.raises(SeatrialError):
        publish(team.project)


def test_a_baseline_that_was_taken_off_the_index_is_shown(team: Team):
    ledger.record_published(f"tiny-model {team.root}", str(team.root / ".seatrial" / "index"), "0.0.10", "a" * 64)
    verdict = team.try_it()
    assert "It was compared with 0.0.9; 0.0.10, which is newer, is no longer on the index." in verdict.cause
    index = open_index(team.root / ".seatrial" / "index")
    index.publish([make_wheel(team.root.parent / "newer", version="0.0.10")])
    index.withdraw("tiny-model", "0.0.10", "yank", reason="in the way", who="Ada")
    assert find_pair(team.project).baseline.version == "0.0.9"  # type: ignore[union-attr]
    assert "It was compared with 0.0.9; 0.0.10, which is newer, is yanked." in team.try_it().cause


def test_a_deployment_that_was_deleted_from_git_is_known(team: Team):
    history = team.root / "deploy" / "local" / "history.jsonl"
    history.parent.mkdir(parents=True)
    history.write_text('{"version": "0.0.9"}\n')
    team.git("init", "-q", ".")
    team.git("add", "-A")
    team.git("commit", "-qm", "deploy")
    team.git("rm", "-qr", "deploy")
    team.git("commit", "-qm", "tidy up")
    shutil.rmtree(team.root / ".seatrial" / "index")
    with pytest.raises(SeatrialError, match=r"git had deploy/local/history\.jsonl, which was deleted"):
        find_pair(team.project)


def test_a_first_deployment_shows_that_the_policy_was_changed_since_the_trial(team: Team):
    """The release is on the index, so no trial of it can be run again."""
    team.try_it()
    pair = find_pair(team.project)
    publish(team.project)
    team.set_policy("margin = 1.0")
    release = SimpleNamespace(sha256=pair.candidate.sha256, name="tiny-model", requirement="tiny-model==0.1.0")
    facts, _ = require_passed(team.project, pair.index, pair.candidate, release, None)  # type: ignore[arg-type]
    assert facts["remarks"] == "The trial was run under another policy: margin 0.01 -> 1.0."


def test_the_deployment_records_the_first_line(team: Team):
    team.set_policy("margin = 1.0")
    team.try_it()
    accept(team.project, reason="agreed")
    pair = find_pair(team.project)
    wheel = pair.candidate
    release = SimpleNamespace(sha256=wheel.sha256, name="tiny-model", requirement="tiny-model==0.1.0")
    current = SimpleNamespace(sha256=pair.baseline_sha256, release="tiny-model", version="0.0.9")
    facts, _ = require_passed(team.project, pair.index, wheel, release, current)  # type: ignore[arg-type]
    assert "Policy relaxed since 0.0.9: margin 0.01 -> 1.0. Accepted by " in facts["cause"]
    assert facts["remarks"].startswith("Policy relaxed since 0.0.9: margin 0.01 -> 1.0. Accepted by ")
    assert _trial(facts).startswith("passed against 0.0.9. Policy relaxed since 0.0.9: margin 0.01 -> 1.0.")
    team.edit(passed)
    with pytest.raises(SeatrialError, match="was edited after the trial"):
        require_passed(team.project, pair.index, wheel, release, current)  # type: ignore[arg-type]
