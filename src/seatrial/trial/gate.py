"""The gate: which trials a project has passed, and what somebody accepted; asked before anything is published.

Results lie in the project's `.seatrial/trials/`, named by the hashes of both wheels: a result speaks for exactly these
bytes against exactly that baseline. Acceptances lie in `accepted.json` beside pyproject.toml, and belong into git.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.core.files import read_json, to_json, write_atomic
from seatrial.trial.records import Check, NotComparedError, Outcome, PolicyError, Verdict, read_verdict

RESULTS = Path(".seatrial") / "trials"
ACCEPTED = "accepted.json"
FIRST = "first"
# What no one can wave through: here the wheel is not what was trained, or does not answer reliably.
NEVER = ("golden", "invariants")


@dataclass(frozen=True)
class Acceptance:
    """Who accepted which differences between two wheels, why, and until when (ISO dates)."""

    candidate: str
    baseline: str
    checks: tuple[str, ...]
    reason: str
    by: str
    on: str
    until: str


def result_folder(root: Path, candidate: str, baseline: str | None) -> Path:
    """Where the result of a trial lies, by the wheels' SHA-256."""
    return root / RESULTS / f"{candidate[:16]}-{baseline[:16] if baseline else FIRST}"


def result_folders(root: Path, candidate: str) -> list[Path]:
    """Where the results of all trials of this wheel lie, the newest first."""
    results = (root / RESULTS).glob(f"{candidate[:16]}-*/verdict.json")
    return [path.parent for path in sorted(results, key=lambda path: path.stat().st_mtime, reverse=True)]


def read_result(folder: Path) -> Verdict:
    """Read the verdict in a folder of results."""
    path = folder / "verdict.json"
    return read_verdict(read_json(path), str(path))


def stored_verdict(root: Path, candidate: str, baseline: str | None) -> Verdict | None:
    """Read the result of these two wheels; None where there was no trial of exactly them."""
    path = result_folder(root, candidate, baseline) / "verdict.json"
    if not path.is_file():
        return None
    verdict = read_verdict(read_json(path), str(path))
    known = (verdict.candidate.sha256, verdict.baseline.sha256 if verdict.baseline else None)
    return verdict if known == (candidate, baseline) else None


def require_passed(root: Path, candidate: str, baseline: str | None, *, today: date) -> Verdict:
    """Give the passed trial of these bytes against this baseline, or raise SeatrialError saying what is missing."""
    verdict = stored_verdict(root, candidate, baseline)
    against = f"the served release ({baseline[:12]}…)" if baseline else "no baseline, as the first release"
    if verdict is None:
        raise SeatrialError(
            f"No trial has been held of this wheel ({candidate[:12]}…) against {against}.",
            hint="Run `seatrial trial`.",
        )
    if verdict.exit_code:
        raise SeatrialError(f"This wheel has not passed its trial. {verdict.cause}", hint=_next(verdict))
    for check in verdict.checks:
        if check.outcome is Outcome.accepted:
            _refuse_expired(check, _acceptance_of(check, read_acceptances(root), candidate, baseline), today)
    return verdict


def require_any_passed(root: Path, candidate: str, *, today: date) -> Verdict:
    """Give a passed trial of these bytes, against whatever: what it was published with; or raise SeatrialError."""
    refused: SeatrialError | None = None
    for folder in result_folders(root, candidate):
        stored = read_result(folder)
        if stored.candidate.sha256 == candidate:
            try:
                baseline = stored.baseline.sha256 if stored.baseline else None
                return require_passed(root, candidate, baseline, today=today)
            except SeatrialError as error:
                refused = refused or error
    if refused is not None:
        raise refused
    raise SeatrialError(f"No trial has been held of this wheel ({candidate[:12]}…).", hint="Run `seatrial trial`.")


def _next(verdict: Verdict) -> str:
    """What to do about a trial that was not passed."""
    if verdict.outcome is Outcome.blocked:
        return "Mend it and build again."
    if verdict.outcome is Outcome.waiting:
        return "Look at it, and accept it if it is right: `seatrial trial accept --reason ...`"
    hints = (check.hint for check in verdict.checks if check.outcome is Outcome.inconclusive and check.hint)
    return next(hints, "Look at the trial's page.")


def read_acceptances(root: Path) -> list[Acceptance]:
    """Read what was accepted; PolicyError where the file is damaged."""
    path = root / ACCEPTED
    if not path.is_file():
        return []
    try:
        return [Acceptance(**{**each, "checks": tuple(each["checks"])}) for each in read_json(path)]
    except (TypeError, KeyError, AttributeError):
        raise PolicyError(f"{path} is no list of acceptances.", hint="Restore it from git, or remove it.") from None


def accept(
    root: Path, verdict: Verdict, *, checks: Sequence[str], reason: str, by: str, today: date, until: date
) -> Acceptance:
    """Record that somebody accepts the differences `checks` (ids; none means all that wait) of this very pair.

    Raises PolicyError where there is nothing to accept, or where it is nothing that can be.
    """
    if not reason.strip():
        raise PolicyError("An acceptance needs a reason.", hint="--reason says why the difference is right.")
    if until <= today:
        raise PolicyError(f"{until} is not after today.", hint="--until is the last day on which it holds.")
    open_ = {check.id: check for check in verdict.checks if check.outcome in (Outcome.waiting, Outcome.blocked)}
    wanted = list(checks) or [id_ for id_, check in open_.items() if check.outcome is Outcome.waiting]
    if not wanted:
        raise PolicyError("There is no difference that waits for acceptance.", hint=verdict.cause)
    for id_ in wanted:
        if id_ not in open_:
            raise PolicyError(f"No check {id_!r} is open.", hint=f"Open: {', '.join(open_) or 'none'}.")
        if open_[id_].suite in NEVER:
            raise PolicyError(f"{id_} cannot be accepted: {open_[id_].summary}", hint="Build the release again.")
    acceptance = Acceptance(
        candidate=verdict.candidate.sha256,
        baseline=verdict.baseline.sha256 if verdict.baseline else "",
        checks=tuple(wanted),
        reason=reason.strip(),
        by=by,
        on=today.isoformat(),
        until=until.isoformat(),
    )
    write_atomic(root / ACCEPTED, to_json([asdict(each) for each in [*read_acceptances(root), acceptance]]))
    return acceptance


def with_acceptances(
    checks: Sequence[Check], acceptances: Sequence[Acceptance], *, candidate: str, baseline: str | None, today: date
) -> list[Check]:
    """Mark the checks that were accepted for this very pair; NotComparedError where an acceptance has expired."""
    marked = []
    for check in checks:
        given = _acceptance_of(check, acceptances, candidate, baseline)
        if given is None or check.outcome not in (Outcome.waiting, Outcome.blocked) or check.suite in NEVER:
            marked.append(check)
            continue
        _refuse_expired(check, given, today)
        told = f"{check.summary} Accepted by {given.by} until {given.until}: {given.reason}"
        marked.append(replace(check, outcome=Outcome.accepted, summary=told))
    return marked


def _acceptance_of(
    check: Check, acceptances: Sequence[Acceptance], candidate: str, baseline: str | None
) -> Acceptance | None:
    """Find the last acceptance of this check for this very pair."""
    pair = (candidate, baseline or "")
    fitting = [a for a in acceptances if (a.candidate, a.baseline) == pair and check.id in a.checks]
    return fitting[-1] if fitting else None


def _refuse_expired(check: Check, given: Acceptance | None, today: date) -> None:
    if given is None:
        raise NotComparedError(
            f"{check.id} was accepted, and the acceptance is gone from {ACCEPTED}.", hint="Restore it, or trial again."
        )
    if date.fromisoformat(given.until) < today:
        raise NotComparedError(
            f"The acceptance of {check.id} by {given.by} has expired on {given.until}.",
            hint="Look at the difference again: `seatrial trial accept --reason ...`, or mend it.",
        )


def write_results(folder: Path, files: dict[str, str]) -> None:
    """Write a result's files, the JSON document last: it is the one that speaks for the trial."""
    document: Any = None
    for name, content in files.items():
        if name == "verdict.json":
            document = content
        else:
            write_atomic(folder / name, content)
    if document is not None:
        write_atomic(folder / "verdict.json", document)
