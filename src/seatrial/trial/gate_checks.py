"""The suite `gate`: which rules a trial was run under, and who changed them; and whether a stored trial is whole.

What a team in a hurry could do in order to pass is not always wrong, so it is shown in the verdict's first line: a
policy that became looser, chosen rows, another index, few golden rows, acceptances that were ignored.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seatrial.core.files import sha256
from seatrial.trial.policy import Policy
from seatrial.trial.policy_changes import PolicyChange, complete, looser, policy_changes
from seatrial.trial.records import Check, Outcome, Verdict
from seatrial.trial.rows.answer_collection import GoldenRows

GOLDEN_SHARE = 0.5  # of the baseline's golden rows, and of the columns missing in them, that must be left
# Checks that every finished trial has, by their names or how these begin.
ALONE = ("golden.scores", "invariants.rows", "invariants.finite", "reproduce.candidate")
DECLARED = "gate.kind"
COMPARED = ("golden.baseline", "contract.", "reproduce.baseline", "rebuild.scores", "total.", "cost.")


def check_policy(old: Mapping[str, Any] | None, policy: Policy, since: str) -> list[Check]:
    """Compare the policy with that of the baseline, version `since`; `old` is None where that is unknown.

    Without a baseline (`since` is empty) it is compared with the defaults, and what is looser is only noted.
    """
    if old is None:
        worse = looser(policy_changes({}, policy.model_dump()))
        summary = f"the policy of {since} is unknown, since its sdist is not on the index"
        summary += f"; looser than the default: {_listed(worse)}" if worse else ""
        outcome = Outcome.waiting if worse else Outcome.noted
        return [
            Check(
                "gate.policy", "gate", outcome, summary,
                hint="Publish the sdist with the wheel.", evidence=_evidence(worse),
            )
        ]  # fmt: skip
    changes = policy_changes(old, policy.model_dump())
    if worse := looser(changes):
        than = f"policy relaxed since {since}" if since else "policy looser than the default"
        return [
            Check(
                "gate.policy",
                "gate",
                Outcome.waiting if since else Outcome.noted,
                f"{than}: {_listed(worse)}",
                subject=_listed(worse),  # so that an acceptance does not cover what is relaxed later
                severity=1.0,
                hint="If that is right, accept it: `seatrial trial accept --reason ...`; or restore "
                "[tool.seatrial.trial] in pyproject.toml.",
                evidence=_evidence(worse),
            )
        ]
    if changes:
        summary = f"the policy is stricter than {f'that of {since}' if since else 'the default'}: {_listed(changes)}"
        return [Check("gate.policy", "gate", Outcome.passed, summary)]
    return [
        Check("gate.policy", "gate", Outcome.passed, f"the policy is {f'that of {since}' if since else 'the default'}")
    ]


def check_kind(policy: Policy, old: Mapping[str, Any] | None, since: str) -> list[Check]:
    """Note that a release is declared as a redesign where its baseline's policy says otherwise."""
    before = (old or {}).get("kind", "retrain")
    if not since or policy.kind != "redesign" or before == "redesign":
        return []
    return [Check(DECLARED, "gate", Outcome.noted, f"declared as a redesign, {since} was a {before}")]


def check_golden_count(new: GoldenRows, old: GoldenRows | None, policy: Policy) -> list[Check]:
    """Check that golden rows were not cut down: at least `min_golden`, and not far fewer than the baseline's.

    Nor may the columns that are missing in some golden row be far fewer: those are the rows that find most faults.
    """
    hint = "Train and build again with the template's own training; golden rows are made there."
    if len(new.rows) < policy.min_golden:
        summary = f"the release carries {len(new.rows)} golden rows, and the policy asks for {policy.min_golden}"
        return [Check("gate.golden", "gate", Outcome.waiting, summary, severity=1.0, hint=hint)]
    if old is None or not old.rows:
        return []
    for what, before, after in (
        ("golden rows", len(old.rows), len(new.rows)),
        ("columns missing in golden rows", len(_missing(old)), len(_missing(new) & _missing(old))),
    ):
        if after < GOLDEN_SHARE * before:
            summary = f"the release has {after} {what}, and the baseline had {before}"
            values: dict[str, Any] = {"old": float(before), "new": float(after), "hint": hint, "severity": 1.0}
            return [Check("gate.golden", "gate", Outcome.waiting, summary, **values)]
    return []


def _missing(golden: GoldenRows) -> set[str]:
    return {name for row in golden.rows for name, value in row.items() if value is None}


def check_given(data: Path | None, counts: Mapping[str, int], *, labelled: bool) -> list[Check]:
    """Show that rows were given with --data; if they outnumber the standard rows in what is judged, somebody decides.

    Given rows with labels are judged together with the standard ones, so many good ones would hide a loss.
    """
    if data is None:
        return []
    given, standard = counts.get("given", 0), counts.get("reference", 0)
    summary = f"further rows: {data.name}, {given:,} rows, sha256 {sha256(data)[:12]}"
    if labelled and given > standard:
        summary += f", more than the {standard:,} standard rows"
        hint = "Run the trial without --data, or accept that these rows decide."
        return [Check("gate.data", "gate", Outcome.waiting, summary, sha256(data)[:12], severity=1.0, hint=hint)]
    return [Check("gate.data", "gate", Outcome.noted, summary)]


def missing_checks(verdict: Verdict) -> list[str]:
    """The checks that a finished trial has and this stored one lacks: somebody removed them."""
    names = {check.name for check in verdict.checks}
    needed = ALONE if verdict.baseline is None or "total.comparable" in names else ALONE + COMPARED
    return [each for each in needed if not any(name == each or _begins(name, each) for name in names)]


def _begins(name: str, start: str) -> bool:
    return start.endswith(".") and name.startswith(start)


def other_policy(verdict: Verdict, policy: Policy) -> list[PolicyChange]:
    """How the policy differs now from the one under which a stored trial was judged; looser is meant from it on."""
    return policy_changes(verdict.policy, policy.model_dump())


def _evidence(changes: Sequence[PolicyChange]) -> dict[str, Any]:
    return {"changes": {change.key: [change.old, change.new] for change in changes}}


def _listed(changes: Sequence[PolicyChange]) -> str:
    return ", ".join(map(str, changes))


def known_policy(settings: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The policy in [tool.seatrial] of a release, with its defaults; None where the settings are unknown."""
    if settings is None:
        return None
    policy = settings.get("trial", {})
    return complete(policy if isinstance(policy, Mapping) else {})
