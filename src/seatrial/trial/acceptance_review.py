"""Reviews acceptances: who really gave them, for how long, and whether a second person is needed.

`accepted.json` is a file that everybody may edit. An acceptance counts if `seatrial trial accept` wrote it on this
machine, as the ledger knows; or if it is committed, by the person whose name it has, or by someone else than the author
of the release's commit.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from seatrial.core.git import FETCH_ALL, ask_git, cut_commits
from seatrial.trial import gate, ledger
from seatrial.trial.gate import Acceptance
from seatrial.trial.records import Check, Outcome

MOST_COMMITS = 200  # of accepted.json that are searched
SHALLOW = f"who committed it is unknown, since this clone is shallow: {FETCH_ALL}"


@dataclass(frozen=True)
class Rules:
    """What an acceptance must fulfil: the days it lasts at most, and whether a second person must have committed it."""

    days: int = gate.MOST_DAYS
    second_person: bool = False


@dataclass(frozen=True)
class Reviewed:
    """The acceptances that count, and the others with the reason why they do not."""

    valid: tuple[Acceptance, ...]
    refused: tuple[tuple[Acceptance, str], ...] = ()

    def reason(self, candidate: str, baseline: str | None, check: str) -> str:
        """Why the last acceptance of this check of these wheels does not count; "" where none was refused."""
        pair = (candidate, baseline or "")
        return next(
            (why for a, why in reversed(self.refused) if (a.candidate, a.baseline) == pair and check in a.checks), ""
        )


def review(root: Path, candidate: str, baseline: str | None, rules: Rules, *, commit: str, today: date) -> Reviewed:
    """Review the acceptances of two wheels; `commit` is the candidate's own, "" where that is unknown."""
    pair = (candidate, baseline or "")
    given = [each for each in gate.read_acceptances(root) if (each.candidate, each.baseline) == pair]
    if not given:
        return Reviewed(())
    valid, refused = [], []
    for each in given:
        reason = _fault(each, rules, today) or _untrusted(root, each, rules, commit)
        if reason:
            refused.append((each, reason))
        else:
            valid.append(each)
    return Reviewed(tuple(valid), tuple(refused))


def refused_checks(reviewed: Reviewed) -> list[Check]:
    """Note each acceptance that was ignored, and why."""
    return [
        Check(
            "gate.acceptance",
            "gate",
            Outcome.noted,
            f"the acceptance of {', '.join(acceptance.checks)} by {acceptance.by} does not count: {reason}",
            subject=", ".join(acceptance.checks),
            hint="Give it with `seatrial trial accept --reason ...`.",
        )
        for acceptance, reason in reviewed.refused
    ]


def _fault(acceptance: Acceptance, rules: Rules, today: date) -> str:
    if not acceptance.by.strip() or not acceptance.reason.strip() or not acceptance.checks:
        return "it needs a name, a reason and the names of checks"
    try:
        on, until = date.fromisoformat(acceptance.on), date.fromisoformat(acceptance.until)
    except ValueError:
        return f"its day, {acceptance.on!r}, is not a date"
    if on > today + timedelta(days=1):
        return f"it is dated {on}, which is in the future"
    if (until - on).days > rules.days:
        return f"it lasts until {until}, more than {rules.days} days (acceptance_days)"
    return ""


def _untrusted(root: Path, acceptance: Acceptance, rules: Rules, commit: str) -> str:
    """Why nobody can know who gave an acceptance, or that a second person has to; "" where it counts."""
    here = ledger.knows_acceptance(gate.as_document(acceptance))
    if here and not rules.second_person:
        return ""
    introduced = _introduced_by(root, acceptance)
    cut = cut_commits(root)
    if introduced in cut:  # an older commit may have brought it
        return SHALLOW
    author = _author(root, introduced) if introduced else None
    releaser = _author(root, commit) if commit else None
    another = author is not None and releaser is not None and author[1] != releaser[1]
    if rules.second_person:
        if author is None:
            return "it is not committed, and second_person asks for a commit of another person"
        if releaser is None and cut:
            return f"the release's commit is not in this clone, so {SHALLOW}"
        if releaser is None:
            return "the author of the release's commit is unknown, so nobody knows who the second person is"
        if not another:
            return f"{author[0]} committed both it and the release (second_person)"
    elif author is None:
        return "it was neither given with `seatrial trial accept` on this machine nor committed"
    if here or author[0] == acceptance.by:
        return ""
    return f"it is in the name of {acceptance.by}, but {author[0]} committed it"


def _introduced_by(root: Path, acceptance: Acceptance) -> str | None:
    """The commit that brought an acceptance; None where it is not in the last commit."""
    log = ask_git(root, "log", f"-{MOST_COMMITS}", "--format=%H", "--", gate.ACCEPTED)
    introduced = None
    for commit in (log or "").split():
        if acceptance not in _committed(root, commit):
            break
        introduced = commit
    return introduced


def _committed(root: Path, commit: str) -> Sequence[Acceptance]:
    try:
        return gate.acceptances_from(json.loads(ask_git(root, "show", f"{commit}:./{gate.ACCEPTED}") or "[]"))
    except (TypeError, KeyError, ValueError, RecursionError):
        return []


def _author(root: Path, commit: str) -> tuple[str, str] | None:
    name, _, address = (ask_git(root, "log", "-1", "--format=%an%x00%ae", commit, "--") or "").partition("\0")
    return (name, address.lower()) if address else None
