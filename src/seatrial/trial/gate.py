"""The gate: the trials that a wheel has passed, and the accepted differences. Publishing and deploying ask it first.

Results are stored in the project's `.seatrial/trials/`, named by the hashes of both wheels: a result is valid for
exactly these bytes against exactly that baseline. Acceptances are stored in `accepted.json` next to pyproject.toml, and
belong in git.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.core.files import read_json, to_json, touch_as_newest, write_atomic
from seatrial.trial import ledger
from seatrial.trial.records import Check, NotComparedError, Outcome, PolicyError, Verdict, read_verdict
from seatrial.trial.verdict import order_of

RESULTS = Path(".seatrial") / "trials"
DOCUMENT = "verdict.json"
ACCEPTED = "accepted.json"
FIRST = "first"
MOST_DAYS = 90  # how long an acceptance is valid at most, unless the policy says otherwise
# These cannot be accepted: the wheel is not what was trained, or its answers are not reliable.
NEVER_ACCEPTED = ("golden", "invariants")


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
    """The folder of a trial's result, by the wheels' SHA-256."""
    return root / RESULTS / f"{candidate[:16]}-{baseline[:16] if baseline else FIRST}"


def result_folders(root: Path, candidate: str) -> list[Path]:
    """The folders of the results of all trials of this wheel, the newest first."""
    results = (root / RESULTS).glob(f"{candidate[:16]}-*/{DOCUMENT}")
    return [path.parent for path in sorted(results, key=lambda path: path.stat().st_mtime, reverse=True)]


def read_result(folder: Path) -> Verdict:
    """Read the verdict in a folder of results."""
    path = folder / DOCUMENT
    return read_verdict(read_json(path, "Run the trial again."), str(path))


def stored_verdict(root: Path, candidate: str, baseline: str | None) -> Verdict | None:
    """Read the result for these two wheels; None if there was no trial of exactly these."""
    folder = result_folder(root, candidate, baseline)
    if not (folder / DOCUMENT).is_file():
        return None
    verdict = read_result(folder)
    return verdict if (verdict.candidate.sha256, _baseline_of(verdict)) == (candidate, baseline) else None


def require_passed(root: Path, candidate: str, baseline: str | None, *, today: date) -> Verdict:
    """Return the passed trial of these bytes against this baseline, or raise SeatrialError with what is missing."""
    verdict = stored_verdict(root, candidate, baseline)
    if verdict is None:
        against = f"against the served release ({baseline[:12]}…)" if baseline else "as the first release"
        raise SeatrialError(
            f"No trial has been run for this wheel ({candidate[:12]}…) {against}.", hint="Run `seatrial trial`."
        )
    if verdict.exit_code:
        raise SeatrialError(f"This wheel has not passed its trial. {verdict.cause}", hint=next_step(verdict))
    for check in verdict.checks:
        if check.outcome is Outcome.accepted:
            _refuse_expired(check, _acceptance_of(check, read_acceptances(root), candidate, baseline), today)
    return verdict


def require_any_passed(root: Path, candidate: str, *, today: date) -> Verdict:
    """Return a passed trial of these bytes against any baseline, or raise SeatrialError."""
    refusal: SeatrialError | None = None
    for folder in result_folders(root, candidate):
        verdict = read_result(folder)
        if verdict.candidate.sha256 == candidate:
            try:
                return require_passed(root, candidate, _baseline_of(verdict), today=today)
            except SeatrialError as error:
                refusal = refusal or error
    raise refusal or SeatrialError(
        f"No trial has been run for this wheel ({candidate[:12]}…).", hint="Run `seatrial trial`."
    )


def _baseline_of(verdict: Verdict) -> str | None:
    return verdict.baseline.sha256 if verdict.baseline else None


def next_step(verdict: Verdict) -> str:
    """What to do about a verdict that has not passed."""
    if verdict.outcome is Outcome.waiting:
        return "Review it, and accept it if it is right: `seatrial trial accept --reason ...`"
    hints = [check.hint for check in sorted(verdict.checks, key=order_of) if check.outcome is verdict.outcome]
    default = "Fix it and build again." if verdict.outcome is Outcome.blocked else "See the trial's page."
    return next(filter(None, hints[:1] if verdict.outcome is Outcome.blocked else hints), default)


def read_acceptances(root: Path) -> list[Acceptance]:
    """Read what was accepted. Raises PolicyError if the file is damaged."""
    path = root / ACCEPTED
    if not path.exists() and not path.is_symlink():
        return []
    hint = "Restore it from git, or delete it."
    document = read_json(path, hint)
    try:
        return acceptances_from(document)
    except (TypeError, KeyError, ValueError):
        raise PolicyError(f"{path} is not a list of acceptances.", hint=hint) from None


def acceptances_from(document: Any) -> list[Acceptance]:
    """Read the content of accepted.json; raises TypeError, KeyError or ValueError where it is damaged."""
    return [_acceptance(each) for each in (document if isinstance(document, list) else [document])]


def _acceptance(document: Any) -> Acceptance:
    """Read an acceptance back; raises TypeError, KeyError or ValueError where it is damaged."""
    checks = document["checks"]
    acceptance = Acceptance(**{**document, "checks": tuple(checks)})
    others = (value for name, value in document.items() if name != "checks")
    if not isinstance(checks, list) or not all(isinstance(text, str) for text in (*checks, *others)):
        raise TypeError
    date.fromisoformat(acceptance.until)
    return acceptance


def accept(
    root: Path,
    verdict: Verdict,
    *,
    checks: Sequence[str],
    reason: str,
    by: str,
    today: date,
    until: date,
    days: int = MOST_DAYS,
) -> Acceptance:
    """Record the acceptance of the differences `checks` (ids; none means all that wait) between these two wheels.

    It ends after `days` days at the latest. The ledger notes it, so that one written by hand is recognized.
    Raises PolicyError if there is nothing to accept, or if a check cannot be accepted.
    """
    if not reason.strip(" .…"):
        raise PolicyError("An acceptance needs a reason.", hint="Say why the difference is right with --reason.")
    if until <= today:
        raise PolicyError(f"{until} is not after today.", hint="Give the last valid day with --until.")
    if (until - today).days > days:
        raise PolicyError(
            f"{until} is more than {days} days away, which is the most that an acceptance may last.",
            hint="Give an earlier day with --until, or change acceptance_days in [tool.seatrial.trial].",
        )
    pending = {check.id: check for check in verdict.checks if check.outcome in (Outcome.waiting, Outcome.blocked)}
    chosen = list(checks) or [name for name, check in pending.items() if check.outcome is Outcome.waiting]
    if not chosen:
        raise PolicyError("No difference is waiting for acceptance.", hint=verdict.cause)
    for name in chosen:
        if name not in pending:
            raise PolicyError(f"No check {name!r} is open.", hint=f"Open checks: {', '.join(pending) or 'none'}.")
        if pending[name].suite in NEVER_ACCEPTED:
            raise PolicyError(f"{name} cannot be accepted: {pending[name].summary}", hint="Build the release again.")
    acceptance = Acceptance(
        candidate=verdict.candidate.sha256,
        baseline=_baseline_of(verdict) or "",
        checks=tuple(chosen),
        reason=reason.strip(),
        by=by,
        on=today.isoformat(),
        until=until.isoformat(),
    )
    ledger.record_acceptance(as_document(acceptance))
    write_atomic(root / ACCEPTED, to_json([as_document(each) for each in [*read_acceptances(root), acceptance]]))
    return acceptance


def as_document(acceptance: Acceptance) -> dict[str, Any]:
    """An acceptance as it is in accepted.json."""
    return {**asdict(acceptance), "checks": list(acceptance.checks)}


def acceptances_of(root: Path, verdict: Verdict) -> list[Acceptance]:
    """The acceptances on which a verdict rests."""
    known, pair = read_acceptances(root), (verdict.candidate.sha256, _baseline_of(verdict))
    accepted = [check for check in verdict.checks if check.outcome is Outcome.accepted]
    return [found for check in accepted if (found := _acceptance_of(check, known, *pair))]


def with_acceptances(
    checks: Sequence[Check], acceptances: Sequence[Acceptance], *, candidate: str, baseline: str | None, today: date
) -> list[Check]:
    """Mark the checks that were accepted for these two wheels. Raises NotComparedError if an acceptance has expired."""
    marked = []
    for check in checks:
        acceptance = _acceptance_of(check, acceptances, candidate, baseline)
        pending = check.outcome in (Outcome.waiting, Outcome.blocked) and check.suite not in NEVER_ACCEPTED
        if acceptance is not None and pending:
            _refuse_expired(check, acceptance, today)
            by = f"Accepted by {acceptance.by} until {acceptance.until}: {acceptance.reason}"
            given = {"by": acceptance.by, "until": acceptance.until, "summary": check.summary}
            check = replace(  # noqa: PLW2901
                check,
                outcome=Outcome.accepted,
                summary=f"{check.summary} {by}",
                evidence={**check.evidence, "accepted": given, "before": str(check.outcome)},
            )
        marked.append(check)
    return marked


def _acceptance_of(
    check: Check, acceptances: Sequence[Acceptance], candidate: str, baseline: str | None
) -> Acceptance | None:
    """Find the last acceptance of this check for these two wheels."""
    pair = (candidate, baseline or "")
    fitting = [a for a in acceptances if (a.candidate, a.baseline) == pair and check.id in a.checks]
    return fitting[-1] if fitting else None


def _refuse_expired(check: Check, acceptance: Acceptance | None, today: date) -> None:
    if acceptance is None:
        raise NotComparedError(
            f"The acceptance of {check.id} is no longer in {ACCEPTED}.", hint="Restore it, or run the trial again."
        )
    if date.fromisoformat(acceptance.until) < today:
        raise NotComparedError(
            f"The acceptance of {check.id} by {acceptance.by} expired on {acceptance.until}.",
            hint="Review the difference again and run `seatrial trial accept --reason ...`, or fix it.",
        )


def write_results(folder: Path, files: dict[str, str], *, like: Path | None = None) -> None:
    """Write a result's files, as private as `like`; the JSON document last, since it makes the result valid.

    The ledger notes the document of a project's own result, in `.seatrial/trials/`, so that an edited one is noticed.
    """
    own = folder.parent.parts[-2:] == RESULTS.parts and DOCUMENT in files
    root = folder.parents[2] if own else folder
    if own:
        ledger.expect(folder.name, files[DOCUMENT], root)
    for name, content in sorted(files.items(), key=lambda file: file[0] == DOCUMENT):
        write_atomic(folder / name, content, like=like)
        touch_as_newest(folder / name, folder.parent.glob(f"*/{name}"))
    if own:
        ledger.settle(folder.name, root)
