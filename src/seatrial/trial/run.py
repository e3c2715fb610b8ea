"""Runs a trial: two wheels and rows in, a verdict out. Every suite that can run is run; the others say why not."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from seatrial import __version__
from seatrial.core.errors import SeatrialError
from seatrial.core.files import sha256
from seatrial.core.progress import Progress, silent
from seatrial.trial import difference_checks, equality_checks, gate_checks
from seatrial.trial.behaviour_trial import BehaviourTrial, Moved, expected_scores
from seatrial.trial.compare.coverage import check_coverage
from seatrial.trial.compare.maturity import after_maturity
from seatrial.trial.compare.queries import Blocks, Queries
from seatrial.trial.contract import Contract, contract_checks, version_check
from seatrial.trial.cost_checks import check_cost
from seatrial.trial.gate import Acceptance, with_acceptances
from seatrial.trial.golden_training import check_golden_trained
from seatrial.trial.known_rows import judge_by_known_rows
from seatrial.trial.large_tables import check_sampled
from seatrial.trial.noise import part_of_budget
from seatrial.trial.policy import Policy
from seatrial.trial.recipes import RecipeError, Recipes
from seatrial.trial.records import Check, NotComparedError, Outcome, Verdict
from seatrial.trial.replay import DrawTraffic, Replay, replay_traffic, with_replay
from seatrial.trial.report.highlights import pictures, worst_rows
from seatrial.trial.rows.answer_collection import CollectedAnswers, collect_answers
from seatrial.trial.rows.crossed_rows import cross_tables
from seatrial.trial.sandbox import kernel_limits
from seatrial.trial.sandbox.answers import Description
from seatrial.trial.settings_checks import check_exchanged, check_libraries, check_settings, found_by_training
from seatrial.trial.setup import OpenedRelease, TrialSetup, set_up_trial
from seatrial.trial.traffic_checks import NOT_REPLAYED, check_traffic, traffic_pictures
from seatrial.trial.verdict import FIRST_RELEASE, judge
from seatrial.wheels.sources import WheelSource
from seatrial.wheels.wheel import WheelInfo


def run(
    candidate: Path | WheelInfo,
    baseline: Path | WheelInfo | None,
    *,
    policy: Policy,
    index: WheelSource | None = None,
    recipes: Recipes | None = None,
    data: Path | None = None,
    traffic: DrawTraffic | None = None,
    acceptances: Sequence[Acceptance] = (),
    same_wheel: bool = False,
    further: Sequence[Check] = (),
    progress: Progress = silent,
) -> Verdict:
    """Run the trial of a candidate against a baseline, or of a first release on its own.

    `data` are further rows to compare on (CSV; with labels if it has the target's column). `traffic` draws rows of
    the prediction log, which both answer, too. `further` are checks of the suite `gate`, made by those who know the
    project and the index. Raises NotComparedError if a
    release fails or a comparison would be vacuous, PolicyError for an invalid policy.
    """
    started = time.monotonic()
    _check_wheels(candidate, baseline, same_wheel)
    recipes = recipes or Recipes(missing=dict.fromkeys(("reproduce", "rebuild", "total"), "No project was given."))
    setup = set_up_trial(candidate, baseline, policy, index=index, data=data, recipes=recipes, progress=progress)
    # Both sets of rows share one budget of false alarms.
    judged_by = policy.model_copy(update={"false_alarms": policy.false_alarms / 2}) if traffic else policy
    replayed = replay_traffic(setup, traffic, progress) if traffic else None
    checks, extras = _run_suites(setup, judged_by, recipes, replayed, progress)
    given = gate_checks.check_given(data, setup.rows.counts, labelled=setup.rows.unlabelled is None)
    checks += [*further, *given, *([NOT_REPLAYED] if traffic and not replayed else [])]
    verdict = _verdict(setup, policy, checks, acceptances, started)
    rows = {**verdict.rows, "traffic": int(replayed.rows.first.sum())} if replayed else verdict.rows
    return replace(verdict, **{**extras, "rows": rows})


def _run_suites(
    setup: TrialSetup, policy: Policy, recipes: Recipes, replayed: Replay | None, progress: Progress
) -> tuple[list[Check], dict[str, Any]]:
    """Run the suites; where a release's code cannot be trained again after all, run them without it."""
    while True:
        try:
            checks, extras = _Trial(setup, policy, recipes, progress, replayed).checks()
            confinement = equality_checks.check_confinement(kernel_limits.missing())
            return [*checks, *confinement, *equality_checks.check_recipes(recipes)], extras
        except RecipeError as error:
            progress(f"going on without it: {error.message.splitlines()[0]}")
            recipes = recipes.without(error)


def _check_wheels(candidate: Path | WheelInfo, baseline: Path | WheelInfo | None, same_wheel: bool) -> None:
    for wheel in (candidate, *([baseline] if baseline else [])):
        if isinstance(wheel, Path) and not wheel.is_file():
            raise SeatrialError(f"{wheel} does not exist.", hint="Name a wheel, or build one with `seatrial build`.")
    if baseline and not same_wheel and _digest(baseline) == _digest(candidate):
        name = candidate.name if isinstance(candidate, Path) else candidate.filename
        raise NotComparedError(
            f"Candidate and baseline are the same wheel ({name}), so the comparison would be vacuous.",
            hint="Build the candidate first, or pass --same-wheel to compare the wheel with itself.",
        )


def _digest(wheel: Path | WheelInfo) -> str:
    return sha256(wheel) if isinstance(wheel, Path) else wheel.sha256


STOPS = (Outcome.blocked, Outcome.waiting, Outcome.inconclusive)


@dataclass(frozen=True)
class _Trial:
    """A trial that is set up, with what decides about it."""

    setup: TrialSetup
    policy: Policy
    recipes: Recipes
    progress: Progress
    replayed: Replay | None = None

    def checks(self) -> tuple[list[Check], dict[str, Any]]:
        """Run all suites; also returns further fields of the verdict."""
        setup, policy, recipes = self.setup, self.policy, self.recipes
        scoring, new, old = setup.queries.scoring, setup.candidate, setup.baseline
        checks = contract_checks(*_contracts(old.description, new.description)) if old else []
        checks += check_settings(old.description, new.description, policy) if old else []
        columns = new.description.columns
        checks += equality_checks.check_golden(new.repeated, new.golden, columns, scoring, policy, "candidate")
        checks += equality_checks.check_invariants(new.repeated, scoring, policy, "candidate")
        if any(check.outcome is Outcome.blocked and check.name == "invariants.rows" for check in checks):
            return checks, {}  # it is unknown which answer belongs to which row, so nothing else can be read
        behaviour = BehaviourTrial(Moved(new.sandbox, new.golden.rows, setup.queries.blocks, policy, columns))
        collected = self._collect(new)
        if old and setup.comparable:
            return self._compared(old, collected, checks, behaviour)
        if old:
            summary = "The releases differ in task, target or classes, so their predictions cannot be compared."
            hint = "Publish a model for another target as another package."
            checks.append(Check("total.comparable", "total", Outcome.inconclusive, summary, hint=hint))
        checks += equality_checks.trained_again(recipes, policy, scoring, None, collected, self.progress)
        checks += check_golden_trained(recipes, new.golden, columns, scoring, policy)
        checks += difference_checks.check_doubts(new.description.metadata.doubts)
        checks += difference_checks.check_alone(setup.queries, collected, policy)
        checks += self._coverage(collected)
        checks += difference_checks.check_first_labels(recipes, policy)
        return checks + behaviour.checks(new.repeated, collected, scoring), {}

    def _compared(
        self, baseline: OpenedRelease, new: CollectedAnswers, checks: list[Check], behaviour: BehaviourTrial
    ) -> tuple[list[Check], dict[str, Any]]:
        """Compare the candidate with the baseline, after its own checks."""
        policy, queries, recipes, progress = self.policy, self.setup.queries, self.recipes, self.progress
        scoring, candidate, probes = queries.scoring, self.setup.candidate, self.setup.rows.probes
        broken = any(check.name == "contract.break" for check in checks)
        checks += _check_baseline(baseline, queries, policy)
        checks += equality_checks.check_reference(self.setup.rows.missing, policy)
        old = self._collect(baseline)
        _refuse_constant(old, new)
        checks += equality_checks.check_bad_input(probes, old.row_results, new.row_results)
        changed_code = candidate.sandbox.wheel.changed_code(baseline.sandbox.wheel)
        again = equality_checks.trained_again(recipes, policy, scoring, old, new, progress)
        checks += equality_checks.name_changed_code(again, changed_code, baseline.description.version)
        made = (baseline.description.metadata, candidate.description.metadata)
        checks += check_libraries(*made, policy, [check for check in again if check.suite == "rebuild"])
        checks += check_exchanged(scoring, old.of("rows"), new.of("rows"), made[1].classes, policy)
        checks += check_golden_trained(recipes, candidate.golden, candidate.description.columns, scoring, policy)
        floor = difference_checks.measure_noise(with_replay(recipes, self.replayed), policy, queries, progress)
        total = difference_checks.check_total(recipes, policy, queries, old, new, floor)
        same_code = not any(check.outcome in STOPS for check in again if check.suite == "rebuild")
        if same_code:
            total = difference_checks.second_opinion(total, recipes, policy, queries, old, new, floor, progress)
        checks += total + self._coverage(new)
        tables = (made[0].data, made[1].data)
        checks += difference_checks.check_data(recipes, *tables, policy, scoring)
        checks += difference_checks.check_gain(queries, old, new, policy, recipes)
        checks += check_sampled(recipes)
        scores = queries.scores_from(old.scores), queries.scores_from(new.scores)
        if same_code:
            checks = judge_by_known_rows(checks, recipes, policy, queries, scores[1], floor)
        own = baseline.description.columns
        moved = Moved(baseline.sandbox, baseline.golden.rows, queries.blocks, policy, own)
        expected = expected_scores(baseline.repeated, old, moved.sample, scoring)
        checks += behaviour.checks(candidate.repeated, new, scoring, (moved, expected))
        progress("timing both in turns")
        checks += check_cost(baseline, old, candidate, new, queries.rows, policy)
        changed = difference_checks.changed(scoring, old, new, policy)
        versions = (baseline.description.version, candidate.description.version)
        recommended, check = version_check(*versions, broken=broken, changed=changed)
        checks = difference_checks.say_what_is_left(after_maturity([*checks, check]), made[1].target)
        shown = pictures(queries, *scores, floor, policy, tables)
        if self.replayed:
            missing = recipes.missing.get("total", "")
            checks += check_traffic(self.replayed, scoring, baseline.description.version, policy, missing)
            shown |= {"traffic": traffic_pictures(self.replayed, scoring, policy)}
        return checks, {
            "changed_code": tuple(changed_code),
            "worst_rows": worst_rows(queries, *scores) if self.setup.rows.shown else (),
            "pictures": shown,
            "recommended_version": recommended,
        }

    @cached_property
    def blocks(self) -> Blocks:
        """What both releases are asked: the queries, and the crossed rows."""
        training = self.recipes.candidate or self.recipes.baseline
        crossed = cross_tables(self.setup.candidate.description.columns, training.tables if training else [])
        return self.setup.queries.blocks.extended("crossed", crossed)

    def _coverage(self, new: CollectedAnswers) -> list[Check]:
        queries, metadata, policy = self.setup.queries, self.setup.candidate.description.metadata, self.policy
        if queries.truth is None:
            return []
        scores, alpha = new.of("rows"), part_of_budget(policy)
        return check_coverage(metadata, queries.scoring, scores, queries.truth, alpha=alpha, fewest=policy.min_rows)

    def _collect(self, release: OpenedRelease) -> CollectedAnswers:
        rows = len(next(iter(self.blocks.table.values())))
        self.progress(f"scoring {rows:,} rows with the {release.sandbox.role}")
        return collect_answers(release.sandbox, self.blocks, self.setup.rows.probes)


def _verdict(
    setup: TrialSetup, policy: Policy, checks: list[Check], acceptances: Sequence[Acceptance], started: float
) -> Verdict:
    """Judge the checks, taking into account what was accepted."""
    now = datetime.now(UTC)
    new, old = setup.candidate.sandbox.subject, setup.baseline.sandbox.subject if setup.baseline else None
    baseline = old.sha256 if old else None
    marked = with_acceptances(checks, acceptances, candidate=new.sha256, baseline=baseline, today=now.date())
    outcome, cause = judge(marked, policy)
    if outcome is Outcome.passed and old is None:
        cause = f"{cause} {FIRST_RELEASE}"
    return Verdict(
        outcome=outcome,
        cause=cause,
        kind=policy.kind,
        task=setup.queries.scoring.task,
        candidate=new,
        baseline=old,
        checks=tuple(marked),
        rows={**setup.rows.counts, "golden": len(setup.golden.rows)},
        policy=policy.model_dump(),
        recommended_version=setup.candidate.description.version,
        seconds={"total": round(time.monotonic() - started, 2)},
        started=now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        seatrial=__version__,
    )


def _check_baseline(baseline: OpenedRelease, queries: Queries, policy: Policy) -> list[Check]:
    """Check the baseline's own golden rows: a failure is inconclusive, since it is not the candidate's fault."""
    asked, columns = (baseline.repeated, baseline.golden), baseline.description.columns
    check = equality_checks.check_golden(*asked, columns, queries.scoring, policy, "baseline")[0]
    return [
        replace(
            check,
            name="golden.baseline",
            outcome=Outcome.inconclusive if check.outcome is Outcome.blocked else check.outcome,
            summary=f"The baseline: {check.summary}",
            hint="It does not reproduce the scores from its training. Compare with another release.",
        )
    ]


def _contracts(old: Description, new: Description) -> tuple[Contract, Contract]:
    """What both releases promise; a threshold that training finds is part of the model, and no promise."""
    found = found_by_training(old.metadata, new.metadata)
    return _contract(old, threshold=not found), _contract(new, threshold=not found)


def _contract(described: Description, *, threshold: bool) -> Contract:
    meta = described.metadata
    promised = meta.threshold if threshold and meta.task == "binary" else None
    return Contract(described.version, meta.task, meta.target, described.columns, meta.classes, meta.positive, promised)


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
