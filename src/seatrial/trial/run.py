"""Holds a trial: two wheels and rows in, a verdict out. Every suite that can run runs; one that cannot says so."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from seatrial import __version__
from seatrial.core.errors import SeatrialError
from seatrial.core.files import sha256
from seatrial.trial import difference_checks, equality_checks
from seatrial.trial.compare.scoring import Scoring
from seatrial.trial.contract import Contract, contract_checks, version_check
from seatrial.trial.gate import Acceptance, with_acceptances
from seatrial.trial.policy import Policy
from seatrial.trial.recipes import Recipes
from seatrial.trial.records import Check, NotComparedError, Outcome, Verdict
from seatrial.trial.report.highlights import pictures, worst_rows
from seatrial.trial.rows.answer_collection import (
    CollectedAnswers,
    GoldenRows,
    ask_repeatedly,
    collect_answers,
    read_golden,
)
from seatrial.trial.rows.row_selection import Rows
from seatrial.trial.sandbox.answers import Description
from seatrial.trial.sandbox.sandbox import Sandbox
from seatrial.trial.setup import set_up_trial
from seatrial.trial.verdict import judge
from seatrial.wheels.sources import WheelSource

Progress = Callable[[str], None]


def run(
    candidate: Path,
    baseline: Path | None,
    *,
    policy: Policy,
    index: WheelSource | Path | None = None,
    recipes: Recipes | None = None,
    data: Path | None = None,
    acceptances: Sequence[Acceptance] = (),
    same_wheel: bool = False,
    progress: Progress = lambda _: None,
) -> Verdict:
    """Hold the trial of a candidate against a baseline, or of a first release against itself alone.

    `data` are further rows to compare on (CSV; labels where it has the target's column). Raises NotComparedError where
    a side fails or a comparison would be vacuous, PolicyError for a wrong policy.
    """
    started = time.monotonic()
    _refuse_nonsense(candidate, baseline, same_wheel)
    recipes = recipes or Recipes(missing=dict.fromkeys(("reproduce", "rebuild", "total"), "No project was given."))
    setup = set_up_trial(candidate, baseline, policy, index=index, data=data, progress=progress)
    new, mine = setup.candidate.sandbox, setup.candidate.description
    old, theirs = (setup.baseline.sandbox, setup.baseline.description) if setup.baseline else (None, None)
    golden, rows, queries = setup.golden, setup.rows, setup.queries
    checks: list[Check] = []
    broken = False
    if theirs:
        checks += contract_checks(_terms(theirs), _terms(mine))
        broken = any(check.name == "contract.break" for check in checks)
    held = _Held(new, old, mine, rows, golden, policy, tuple(acceptances), started)

    progress("asking the candidate for its golden rows")
    repeated = ask_repeatedly(new, golden)
    checks += equality_checks.check_golden(repeated, golden, mine.columns, queries.scoring, policy, "candidate")
    checks += equality_checks.check_invariants(repeated, queries.scoring, policy, "candidate")
    if any(check.outcome is Outcome.blocked and check.name == "invariants.rows" for check in checks):
        return held.verdict(checks)  # whose answers are whose is not known, so the rest could not be read
    progress(f"asking the candidate about {len(next(iter(queries.table.values()))):,} rows")
    crossed = equality_checks.crossed_rows(recipes, mine.columns)
    asked = collect_answers(new, golden, queries, rows.probes, crossed)
    if not (old and theirs and setup.comparable):
        if old:
            checks.append(_other_question())
        checks += equality_checks.trained_again(recipes, policy, queries, None, asked, progress, crossed)
        return held.verdict(checks + difference_checks.check_alone(queries, asked, policy))

    progress("asking the baseline the same")
    checks += _of_baseline(old, theirs, queries.scoring, policy)
    old_asked = collect_answers(old, golden, queries, rows.probes, crossed)
    _refuse_constant(old_asked, asked)
    checks += equality_checks.check_bad_input(rows.probes, old_asked.judged, asked.judged)
    checks += equality_checks.check_cost(old, old_asked, new, asked, policy)
    checks += equality_checks.trained_again(recipes, policy, queries, old_asked, asked, progress, crossed)
    checks += difference_checks.check_total(recipes, policy, queries, old_asked, asked, progress)
    checks += difference_checks.check_data(recipes, theirs.metadata.data, mine.metadata.data, policy, queries.scoring)
    checks += difference_checks.check_gain(queries, old_asked, asked, policy, recipes)
    changed = difference_checks.changed(queries, old_asked, asked, policy)
    recommended, check = version_check(theirs.version, mine.version, broken=broken, changed=changed)
    return replace(
        held.verdict([*checks, check]),
        worst_rows=worst_rows(queries, old_asked, asked),
        pictures=pictures(queries, old_asked, asked),
        recommended_version=recommended,
    )


def _refuse_nonsense(candidate: Path, baseline: Path | None, same_wheel: bool) -> None:
    for path in (candidate, *([baseline] if baseline else [])):
        if not path.is_file():
            raise SeatrialError(f"{path} does not exist.", hint="Name a wheel, or build one with `seatrial build`.")
    if baseline and not same_wheel and sha256(baseline) == sha256(candidate):
        raise NotComparedError(
            f"Candidate and baseline are the same wheel ({candidate.name}): that would compare it with itself.",
            hint="Build the candidate first; --same-wheel compares it with itself all the same.",
        )


@dataclass(frozen=True)
class _Held:
    """All of a verdict but its checks."""

    new: Sandbox
    old: Sandbox | None
    mine: Description
    rows: Rows
    golden: GoldenRows
    policy: Policy
    acceptances: tuple[Acceptance, ...]
    started: float

    def verdict(self, checks: list[Check]) -> Verdict:
        """Judge the checks, with what was accepted of them."""
        now = datetime.now(UTC)
        new, old = self.new.subject, self.old.subject if self.old else None
        marked = with_acceptances(
            checks,
            self.acceptances,
            candidate=new.sha256,
            baseline=old.sha256 if old else None,
            today=now.date(),
        )
        outcome, cause = judge(marked, self.policy)
        if outcome is Outcome.passed and old is None:
            cause = f"{cause.rstrip('.')}. It is the first release, so there was no baseline to compare with."
        return Verdict(
            outcome=outcome,
            cause=cause,
            kind=self.policy.kind,
            task=self.mine.metadata.task,
            candidate=new,
            baseline=old,
            checks=tuple(marked),
            rows={**self.rows.counted, "golden": len(self.golden.rows)},
            policy=self.policy.model_dump(),
            recommended_version=self.mine.version,
            seconds={"total": round(time.monotonic() - self.started, 2)},
            started=now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            seatrial=__version__,
        )


def _other_question() -> Check:
    summary = "The two answer different questions (task, target or classes): their predictions cannot be compared."
    hint = "A model for another question is another package."
    return Check("total.comparable", "total", Outcome.inconclusive, summary, hint=hint)


def _of_baseline(old: Sandbox, theirs: Description, scoring: Scoring, policy: Policy) -> list[Check]:
    """A baseline that does not meet its own golden rows is no measure: inconclusive, not the candidate's fault."""
    stored = read_golden(old.wheel)
    repeated = ask_repeatedly(old, stored)
    found = equality_checks.check_golden(repeated, stored, theirs.columns, scoring, policy, "baseline")
    return [
        replace(
            check,
            name="golden.baseline",
            outcome=Outcome.inconclusive if check.outcome is Outcome.blocked else check.outcome,
            summary=f"The baseline: {check.summary}",
            hint="It does not answer as it was trained; compare with another release, by name.",
        )
        for check in found[:1]
    ]


def _terms(description: Description) -> Contract:
    meta = description.metadata
    threshold = meta.threshold if meta.task == "binary" else None
    return Contract(
        description.version, meta.task, meta.target, description.columns, meta.classes, meta.positive, threshold
    )


def _refuse_constant(old: CollectedAnswers, new: CollectedAnswers) -> None:
    """Refuse to compare where both give one answer to everything: nothing could differ."""
    for role, asked in (("candidate", new), ("baseline", old)):
        scores = asked.table[~asked.refused]
        if len(scores) == 0:
            raise NotComparedError(
                f"The {role} refuses every row, so there is nothing to compare.", hint="Compare the two schemas."
            )
        spread = scores[np.isfinite(scores.reshape(len(scores), -1)).all(axis=1)].reshape(-1, scores[0].size)
        if len(spread) == 0 or float(np.ptp(spread, axis=0).max()) <= 1e-12:
            raise NotComparedError(
                f"The {role} gives the same answer to all {len(scores):,} rows: it is constant.",
                hint="Look at its training report; a constant model cannot be tried.",
            )
