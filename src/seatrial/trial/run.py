"""Runs a trial: two wheels and rows in, a verdict out. Every suite that can run is run; the others say why not."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from seatrial import __version__
from seatrial.core.errors import SeatrialError
from seatrial.core.files import sha256
from seatrial.trial import difference_checks, equality_checks
from seatrial.trial.compare.queries import Queries
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
    scoring_of,
)
from seatrial.trial.rows.crossed_rows import cross_tables
from seatrial.trial.rows.row_selection import Rows, gather_rows, make_trial_queries
from seatrial.trial.sandbox.answers import Description
from seatrial.trial.sandbox.queries import Describe
from seatrial.trial.sandbox.sandbox import Sandbox, open_sandbox
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
    """Run the trial of a candidate against a baseline, or of a first release on its own.

    `data` are further rows to compare on (CSV; with labels if it has the target's column). Raises NotComparedError if a
    release fails or a comparison would be vacuous, PolicyError for an invalid policy.
    """
    started = time.monotonic()
    _check_wheels(candidate, baseline, same_wheel)
    recipes = recipes or Recipes(missing=dict.fromkeys(("reproduce", "rebuild", "total"), "No project was given."))
    new = open_sandbox(candidate, policy, role="candidate", index=index, progress=progress)
    old = open_sandbox(baseline, policy, role="baseline", index=index, progress=progress) if baseline else None
    trial = _prepared(new, old, policy, recipes, data, progress)
    checks, extras = trial.checks()
    verdict = _verdict(trial, checks, tuple(acceptances), started)
    return replace(verdict, **extras)


def _check_wheels(candidate: Path, baseline: Path | None, same_wheel: bool) -> None:
    for path in (candidate, *([baseline] if baseline else [])):
        if not path.is_file():
            raise SeatrialError(f"{path} does not exist.", hint="Name a wheel, or build one with `seatrial build`.")
    if baseline and not same_wheel and sha256(baseline) == sha256(candidate):
        raise NotComparedError(
            f"Candidate and baseline are the same wheel ({candidate.name}), so the comparison would be vacuous.",
            hint="Build the candidate first, or pass --same-wheel to compare the wheel with itself.",
        )


def _prepared(
    new: Sandbox, old: Sandbox | None, policy: Policy, recipes: Recipes, data: Path | None, progress: Progress
) -> "_Trial":
    """Describe both releases and gather the rows that both are asked."""
    progress("describing both releases" if old else "describing the candidate")
    described = new.ask([Describe()]).description
    other = old.ask([Describe()]).description if old else None
    golden = read_golden(new.wheel)
    if not golden.rows:
        raise NotComparedError("The candidate has no golden rows.", hint="Train and build it again.")
    both = other is not None and equality_checks.comparable(other.metadata, described.metadata)
    rows = gather_rows([(new, described), *([(old, other)] if old and other and both else [])], golden, data)
    regression = described.metadata.task == "regression" and rows.labelled.rows
    scale = (float(np.std(rows.labelled.target)) or 1.0) if regression else 1.0
    queries = make_trial_queries(scoring_of(described, scale), rows, described.columns)
    return _Trial(new, described, old, other, both, rows, golden, queries, policy, recipes, progress)


@dataclass(frozen=True)
class _Trial:
    """Two releases in their sandboxes, and what they are asked."""

    new: Sandbox
    described: Description
    old: Sandbox | None
    other: Description | None
    comparable: bool
    rows: Rows
    golden: GoldenRows
    queries: Queries
    policy: Policy
    recipes: Recipes
    progress: Progress

    def checks(self) -> tuple[list[Check], dict[str, Any]]:
        """Run all suites; also returns further fields of the verdict."""
        policy, scoring, recipes = self.policy, self.queries.scoring, self.recipes
        contract = contract_checks(_contract(self.other), _contract(self.described)) if self.other else []
        self.progress("asking the candidate for its golden rows")
        repeated = ask_repeatedly(self.new, self.golden)
        checks = list(contract)
        checks += equality_checks.check_golden(
            repeated, self.golden, self.described.columns, scoring, policy, "candidate"
        )
        checks += equality_checks.check_invariants(repeated, scoring, policy, "candidate")
        if any(check.outcome is Outcome.blocked and check.name == "invariants.rows" for check in checks):
            return checks, {}  # it is unknown which answer belongs to which row, so nothing else can be read
        new = self._collect(self.new)
        if self.old and self.other and self.comparable:
            return self._compared(self.old, self.other, new, checks)
        if self.old:
            checks.append(_not_comparable())
        checks += equality_checks.trained_again(recipes, policy, scoring, None, new, self.progress)
        return checks + difference_checks.check_alone(self.queries, new, policy), {}

    def _compared(
        self, sandbox: Sandbox, other: Description, new: CollectedAnswers, checks: list[Check]
    ) -> tuple[list[Check], dict[str, Any]]:
        policy, queries, recipes, progress = self.policy, self.queries, self.recipes, self.progress
        scoring, described = queries.scoring, self.described
        broken = any(check.name == "contract.break" for check in checks)
        checks += _check_baseline(sandbox, other, queries, policy)
        old = self._collect(sandbox)
        _refuse_constant(old, new)
        checks += equality_checks.check_bad_input(self.rows.probes, old.row_results, new.row_results)
        checks += equality_checks.check_cost(sandbox, old, self.new, new, policy)
        checks += equality_checks.trained_again(recipes, policy, scoring, old, new, progress)
        floor = difference_checks.measure_noise(recipes, policy, queries, progress)
        checks += difference_checks.check_total(recipes, policy, queries, old, new, floor)
        tables = (other.metadata.data, described.metadata.data)
        checks += difference_checks.check_data(recipes, *tables, policy, scoring)
        checks += difference_checks.check_gain(queries, old, new, policy, recipes)
        changed = difference_checks.changed(scoring, old, new, policy)
        recommended, check = version_check(other.version, described.version, broken=broken, changed=changed)
        scores = queries.scores_from(old.scores), queries.scores_from(new.scores)
        return [*checks, check], {
            "worst_rows": worst_rows(queries, *scores),
            "pictures": pictures(queries, *scores, floor, policy, tables),
            "recommended_version": recommended,
        }

    def _collect(self, sandbox: Sandbox) -> CollectedAnswers:
        crossed = cross_tables(self.described.columns, self.recipes.crossable())
        blocks = self.queries.blocks.extended("crossed", crossed)
        self.progress(f"asking the {sandbox.role} about {len(next(iter(blocks.table.values()))):,} rows")
        return collect_answers(sandbox, self.golden, blocks, self.rows.probes)


def _verdict(trial: _Trial, checks: list[Check], acceptances: tuple[Acceptance, ...], started: float) -> Verdict:
    """Judge the checks, taking into account what was accepted."""
    now = datetime.now(UTC)
    new, old = trial.new.subject, trial.old.subject if trial.old else None
    baseline = old.sha256 if old else None
    marked = with_acceptances(checks, acceptances, candidate=new.sha256, baseline=baseline, today=now.date())
    outcome, cause = judge(marked, trial.policy)
    if outcome is Outcome.passed and old is None:
        cause = f"{cause.rstrip('.')}. It is the first release, so there was no baseline to compare with."
    return Verdict(
        outcome=outcome,
        cause=cause,
        kind=trial.policy.kind,
        task=trial.described.metadata.task,
        candidate=new,
        baseline=old,
        checks=tuple(marked),
        rows={**trial.rows.counts, "golden": len(trial.golden.rows)},
        policy=trial.policy.model_dump(),
        recommended_version=trial.described.version,
        seconds={"total": round(time.monotonic() - started, 2)},
        started=now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        seatrial=__version__,
    )


def _not_comparable() -> Check:
    summary = "The releases differ in task, target or classes, so their predictions cannot be compared."
    hint = "Publish a model for another target as another package."
    return Check("total.comparable", "total", Outcome.inconclusive, summary, hint=hint)


def _check_baseline(sandbox: Sandbox, described: Description, queries: Queries, policy: Policy) -> list[Check]:
    """Check the baseline's own golden rows: a failure is inconclusive, since it is not the candidate's fault."""
    golden = read_golden(sandbox.wheel)
    repeated = ask_repeatedly(sandbox, golden)
    check = equality_checks.check_golden(repeated, golden, described.columns, queries.scoring, policy, "baseline")[0]
    return [
        replace(
            check,
            name="golden.baseline",
            outcome=Outcome.inconclusive if check.outcome is Outcome.blocked else check.outcome,
            summary=f"The baseline: {check.summary}",
            hint="It does not predict what it did at training. Name another release to compare with.",
        )
    ]


def _contract(described: Description) -> Contract:
    meta = described.metadata
    threshold = meta.threshold if meta.task == "binary" else None
    return Contract(
        described.version, meta.task, meta.target, described.columns, meta.classes, meta.positive, threshold
    )


def _refuse_constant(old: CollectedAnswers, new: CollectedAnswers) -> None:
    """Refuse to compare if a release gives the same answer to everything: nothing could differ."""
    for role, collected in (("candidate", new), ("baseline", old)):
        scores = collected.scores[~collected.refused]
        if len(scores) == 0:
            raise NotComparedError(
                f"The {role} rejects every row, so there is nothing to compare.", hint="Compare the two schemas."
            )
        finite = scores[np.isfinite(scores.reshape(len(scores), -1)).all(axis=1)].reshape(-1, scores[0].size)
        if len(finite) == 0 or float(np.ptp(finite, axis=0).max()) <= 1e-12:
            raise NotComparedError(
                f"The {role} gives the same answer to all {len(scores):,} rows, so the comparison would be vacuous.",
                hint="Check its training report; a constant model cannot be compared.",
            )
