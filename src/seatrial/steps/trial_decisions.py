"""What people decide about a stored trial: they accept differences, and they sign that it passed."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from seatrial.core.errors import SeatrialError
from seatrial.core.git import person
from seatrial.core.locks import alone
from seatrial.core.progress import silent
from seatrial.core.project import ProjectSettings
from seatrial.steps.gate_review import check_origin, own_verdict, released_settings, reviewed_for, rules_of
from seatrial.steps.lockfile import with_toolkit
from seatrial.steps.signing import sign_result
from seatrial.steps.trial import TrialResult, lock_tested, write_pair_result
from seatrial.steps.trial_setup import TrialPair, find_pair, project_policy
from seatrial.trial import gate
from seatrial.trial.acceptance_review import Rules, refused_checks
from seatrial.trial.gate import Acceptance
from seatrial.trial.records import Check, Verdict
from seatrial.trial.verdict import judge
from seatrial.wheels.attestation import TrialStatement, signing_key

ACCEPTED_DAYS = 30  # how long an acceptance is valid unless a date is given


@alone
def accept(
    project: ProjectSettings, *, reason: str, checks: Sequence[str] = (), until: date | None = None
) -> tuple[Acceptance, TrialResult]:
    """Accept differences that the last trial found, and compute its verdict again; no `checks` means all that wait.

    Returns the acceptance, which is recorded in accepted.json, and the new result. Where the policy asks for a second
    person, that one commits accepted.json, and the acceptance counts from the next trial on.
    """
    pair = find_pair(project)
    verdict = gate.stored_verdict(project.root, pair.candidate.sha256, pair.baseline_sha256)
    if verdict is None:
        raise SeatrialError("No trial has been run for this wheel.", hint="Run `seatrial trial`.")
    if not own_verdict(project, verdict):
        raise SeatrialError(
            "The stored verdict is not what a trial on this machine wrote.", hint="Run `seatrial trial` here."
        )
    today, policy = datetime.now(UTC).date(), project_policy(project)
    rules = rules_of(policy, released_settings(pair.index, pair.baseline))
    accepted = gate.accept(
        project.root,
        verdict,
        checks=checks,
        reason=reason,
        by=person(project.root),
        today=today,
        until=until or today + timedelta(days=min(ACCEPTED_DAYS, rules.days)),
        days=rules.days,
    )
    marked = _marked(pair, verdict, accepted, rules, today)
    outcome, cause = judge(marked, policy)
    verdict = replace(verdict, checks=tuple(marked), outcome=outcome, cause=cause)
    lockfile = lock_tested(verdict, pair.candidate, with_toolkit(pair.index), project, silent)
    return accepted, write_pair_result(pair, pair.folder, verdict, lockfile)


def _marked(pair: TrialPair, verdict: Verdict, accepted: Acceptance, rules: Rules, today: date) -> list[Check]:
    """The checks with this acceptance, or with the note why it does not count (yet)."""
    baseline = pair.baseline_sha256
    reviewed = reviewed_for(pair.project, pair.candidate, baseline, rules, today)
    known = [accepted] if accepted in reviewed.valid else []
    marked = gate.with_acceptances(verdict.checks, known, candidate=accepted.candidate, baseline=baseline, today=today)
    ignored = refused_checks(reviewed)
    return [*(check for check in marked if check.name != "gate.acceptance"), *ignored]


@alone
def sign_trial(project: ProjectSettings, key: Path | None = None) -> TrialStatement:
    """Sign the passed trial of the built wheel with the private key in `key`, or the one of the environment."""
    pair = find_pair(project)
    folder = pair.folder
    verdict = gate.stored_verdict(project.root, pair.candidate.sha256, pair.baseline_sha256)
    if verdict is None:  # once it is published, it would be its own baseline
        today = datetime.now(UTC).date()
        verdict = gate.require_any_passed(project.root, pair.candidate.sha256, today=today)
        baseline = verdict.baseline.sha256 if verdict.baseline else None
        folder = gate.result_folder(project.root, pair.candidate.sha256, baseline)
    check_origin(project, folder)
    found = signing_key(key)
    if found is None:
        raise SeatrialError("There is no signing key.", hint="Name its file with --key, or set SEATRIAL_SIGNING_KEY.")
    acceptances = gate.acceptances_of(project.root, verdict)
    return sign_result(folder, pair.candidate.path.name, verdict, found, acceptances)
