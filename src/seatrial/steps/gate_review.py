"""What `publish` and `deploy` ask of a stored trial: nothing of it is believed that can be computed or looked up again.

The verdict must be the one that a trial on this machine wrote, or one that a trusted key signed; its checks are judged
again under the project's own policy; acceptances are reviewed; and the facts of the gate (policy, golden rows, index)
are taken from the wheels and the index, not from the result.
"""

import os
import tarfile
import tomllib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.core.project import ProjectSettings
from seatrial.core.project_code import loaded_from
from seatrial.release import Index, IndexedRelease
from seatrial.steps.earlier_releases import exchanged_remark, index_remark, known_release, newer_remark
from seatrial.steps.signing import signed_by
from seatrial.steps.trial_setup import project_policy
from seatrial.trial import gate, gate_checks, ledger
from seatrial.trial.acceptance_review import Reviewed, Rules, review
from seatrial.trial.policy import Policy
from seatrial.trial.policy_changes import complete
from seatrial.trial.records import Check, NotComparedError, Outcome, Verdict
from seatrial.trial.rows.answer_collection import GoldenRows, read_golden
from seatrial.trial.verdict import FIRST_RELEASE, judge
from seatrial.wheels.attestation import TrialStatement
from seatrial.wheels.wheel import WheelInfo

FROM = "SEATRIAL_TRIALS_FROM"
SETTINGS_LIMIT = 2**20  # bytes of a pyproject.toml
AGAIN = "Run the trial again: `seatrial trial`."
ELSEWHERE = (
    "Run `seatrial trial` here, or sign it where it was run: `seatrial trial sign`. A pipeline that takes the verdict "
    f"from its own trial job names that job in {FROM}."
)


@dataclass(frozen=True)
class Admitted:
    """A trial that opens the gate, judged again; and the signed statement about it, if there is one."""

    verdict: Verdict
    statement: TrialStatement | None

    @property
    def remarks(self) -> str:
        """What the first line says besides that it passed; "" if nothing."""
        return self.verdict.cause.partition(". ")[2].replace(FIRST_RELEASE, "").strip()


def released_settings(index: Index, release: IndexedRelease | None) -> dict[str, Any] | None:
    """[tool.seatrial] of a release, from its sdist on the index, which a project cannot edit; None without one."""
    if release is None or release.sdist is None:
        return None
    with suppress(SeatrialError, OSError, tarfile.TarError, KeyError, ValueError, EOFError):
        path = index.fetch(release, sdist=True)
        with tarfile.open(path) as archive:
            file = archive.extractfile(f"{path.name.removesuffix('.tar.gz')}/pyproject.toml")
            if file is not None:
                table = tomllib.loads(file.read(SETTINGS_LIMIT).decode())["tool"]["seatrial"]
                return table if isinstance(table, dict) else None
    return None


def rules_of(policy: Policy, released: dict[str, Any] | None) -> Rules:
    """The rules for acceptances: the stricter ones of the policy and of the baseline's, since they may be relaxed."""
    before = gate_checks.known_policy(released)
    days = min(policy.acceptance_days, before["acceptance_days"]) if before else policy.acceptance_days
    return Rules(days, policy.second_person or bool(before and before["second_person"]))


def gate_facts(
    project: ProjectSettings, index: Index, candidate: WheelInfo, baseline: IndexedRelease | None, policy: Policy
) -> tuple[list[Check], Rules]:
    """The gate's checks that come from the wheels, the index and the settings; and the rules for acceptances."""
    released = released_settings(index, baseline)
    since = baseline.version if baseline else ""
    known = gate_checks.known_policy(released) if baseline else gate_checks.known_policy({})
    checks = gate_checks.check_policy(known, policy, since) + gate_checks.check_kind(policy, known, since)
    old = _golden(index.fetch_wheel(baseline)) if baseline else None
    if (new := _golden(candidate)) is not None:
        checks += gate_checks.check_golden_count(new, old, policy)
    loaded, releases = ", ".join(loaded_from(project.root)), index.releases(project.name)
    if baseline and (exchanged := exchanged_remark(project, baseline)):
        hint = "Put the release back that was there, or publish under a new version."
        checks.append(Check("gate.baseline", "gate", Outcome.waiting, exchanged, severity=1.0, hint=hint))
    for name, remark in (
        ("gate.process", f"code of the project ran in the judge's own process: {loaded}" if loaded else ""),
        ("gate.index", index_remark(project, released, since) if baseline else ""),
        ("gate.newer", newer_remark(project, releases, since, candidate.version) if baseline else ""),
        ("gate.first", "" if baseline or releases else known_release(project)),
    ):
        if remark:
            checks.append(Check(name, "gate", Outcome.noted, remark))
    return checks, rules_of(policy, released)


def reviewed_for(
    project: ProjectSettings, candidate: WheelInfo, baseline: str | None, rules: Rules, today: date
) -> Reviewed:
    """The acceptances of these two wheels, reviewed."""
    return review(project.root, candidate.sha256, baseline, rules, commit=_commit_of(candidate), today=today)


def _commit_of(wheel: WheelInfo) -> str:
    return str((wheel.release or {}).get("git", {}).get("commit", ""))


def admit(
    project: ProjectSettings,
    verdict: Verdict,
    policy: Policy,
    reviewed: Reviewed,
    facts: Sequence[Check] = (),
    *,
    second_person: bool = False,
    other_policy: bool = False,
) -> Admitted:
    """Judge a stored trial that passed again; raises SeatrialError where it must not open the gate.

    `facts` are the gate's checks as they are now. With `other_policy`, a policy that was changed after the trial is
    shown and not refused: the release is on the index already.
    """
    folder = gate.result_folder(project.root, verdict.candidate.sha256, _baseline(verdict))
    statement = signed_by(project, verdict)
    shown = [] if statement else check_origin(project, folder)
    title = f"{verdict.candidate.name} {verdict.candidate.version}"
    if missing := gate_checks.missing_checks(verdict):
        raise SeatrialError(f"The verdict of {title} lacks checks: {', '.join(missing)}.", hint=AGAIN)
    if changes := gate_checks.other_policy(verdict, policy):
        words = f"the trial was run under another policy: {', '.join(map(str, changes))}"
        if not other_policy:
            raise SeatrialError(f"The policy changed after the trial of {title}: {_listed(changes)}.", hint=AGAIN)
        shown.append(Check("gate.policy", "gate", Outcome.noted, words, subject="then and now"))
    if not statement or second_person:
        _require_accepted(verdict, reviewed)
    _require_same_facts(verdict, facts)
    stored = {check.id for check in verdict.checks}
    checks = (*verdict.checks, *shown, *(each for each in facts if each.id not in stored))
    outcome, cause = judge(checks, policy)
    judged = replace(verdict, checks=checks, outcome=outcome, cause=cause)
    if judged.exit_code or outcome is not verdict.outcome:
        raise SeatrialError(
            f"The verdict of {title} says {verdict.outcome}, but its checks do not. {cause}", hint=AGAIN
        )
    if verdict.baseline is None:
        judged = replace(judged, cause=f"{cause} {FIRST_RELEASE}")
    return Admitted(judged, statement)


def check_origin(project: ProjectSettings, folder: Path) -> list[Check]:
    """Require that the stored verdict is what a trial on this machine wrote; show where a pipeline's came from."""
    document = folder / gate.DOCUMENT
    known = ledger.known_verdict(folder.name, document, project.root)
    if known == "edited":
        raise SeatrialError(f"{document} was edited after the trial.", hint=AGAIN)
    if known == "recorded":
        return []
    if not (source := os.environ.get(FROM, "").strip()):
        raise SeatrialError(
            f"The trial in {document} was not run on this machine, and nobody whom the project trusts signed it.",
            hint=ELSEWHERE,
        )
    return [Check("gate.origin", "gate", Outcome.noted, f"the trial was not run on this machine, but in {source}")]


def own_verdict(project: ProjectSettings, verdict: Verdict) -> bool:
    """Whether a stored verdict is what a trial on this machine wrote, so that it may be judged again."""
    folder = gate.result_folder(project.root, verdict.candidate.sha256, _baseline(verdict))
    return ledger.known_verdict(folder.name, folder / gate.DOCUMENT, project.root) == "recorded"


def admit_release(
    project: ProjectSettings,
    index: Index,
    wheel: WheelInfo,
    verdict: Verdict,
    baseline: IndexedRelease | None,
    *,
    today: date,
    other_policy: bool = False,
) -> Admitted:
    """Take the facts of a release's stored trial again, and judge it by them."""
    policy = project_policy(project)
    if baseline is not None or verdict.baseline is None:
        # What is on the index already was judged by the rules of its day.
        ruled = policy.model_copy(update=complete(verdict.policy) if other_policy else {"kind": verdict.kind})
        facts, rules = gate_facts(project, index, wheel, baseline, ruled)
    else:
        gone = f"{verdict.baseline.version}, the baseline of the trial, is no longer on the index"
        facts, rules = [Check("gate.index", "gate", Outcome.noted, gone)], rules_of(policy, None)
    reviewed = reviewed_for(project, wheel, _baseline(verdict), rules, today)
    return admit(
        project, verdict, policy, reviewed, facts, second_person=rules.second_person, other_policy=other_policy
    )


def _require_accepted(verdict: Verdict, reviewed: Reviewed) -> None:
    candidate, baseline = verdict.candidate.sha256, _baseline(verdict)
    accepted = {check for each in reviewed.valid for check in each.checks}
    for check in verdict.checks:
        if check.outcome is Outcome.accepted and check.id not in accepted:
            reason = reviewed.reason(candidate, baseline, check.id) or f"it is not in {gate.ACCEPTED}"
            raise NotComparedError(
                f"The acceptance of {check.id} does not count: {reason}.",
                hint="Give it with `seatrial trial accept --reason ...`, or run the trial again.",
            )


def _require_same_facts(verdict: Verdict, facts: Sequence[Check]) -> None:
    """Require that what waits or blocks by the facts of today was in the trial, and was accepted there."""
    stored = {check.id: check for check in verdict.checks}
    for fact in facts:
        if fact.outcome not in (Outcome.waiting, Outcome.blocked):
            continue
        found = stored.get(fact.id)
        accepted = found is not None and found.outcome is Outcome.accepted
        said = found.evidence.get("accepted", {}).get("summary") if found else None
        if not accepted or said != fact.summary:
            raise SeatrialError(f"The trial does not show that {fact.summary}.", hint=AGAIN)


def _golden(wheel: WheelInfo) -> GoldenRows | None:
    with suppress(NotComparedError, KeyError, TypeError, ValueError):
        return read_golden(wheel)
    return None  # the trial itself says that they are missing


def _baseline(verdict: Verdict) -> str | None:
    return verdict.baseline.sha256 if verdict.baseline else None


def _listed(changes: Sequence[object]) -> str:
    return ", ".join(map(str, changes))
