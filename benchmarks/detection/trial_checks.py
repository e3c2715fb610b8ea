"""Runs the trial in process: the same comparisons, noise floor and verdict as the product, without environments."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.detection.scenarios import Candidate, Scenario, fingerprint, golden, held_out_rows, split_of
from seatrial.model.features import Array, Columns
from seatrial.train.reference_rows import take
from seatrial.trial import difference_checks
from seatrial.trial.compare.exact import Sameness, compare_exact
from seatrial.trial.compare.groups import Grouping
from seatrial.trial.compare.invariants import Repeats, compare_invariants
from seatrial.trial.compare.maturity import after_maturity
from seatrial.trial.compare.metrics import compare_gain, compare_metrics
from seatrial.trial.compare.queries import Queries, QueryScores
from seatrial.trial.compare.statistics import NoiseFloor
from seatrial.trial.compare.total import compare_total
from seatrial.trial.known_rows import judge_by_known_rows
from seatrial.trial.noise import calibrate, draw_replicas
from seatrial.trial.policy import Policy
from seatrial.trial.recipes import Recipes
from seatrial.trial.records import Check, Outcome
from seatrial.trial.rows.reference import LabelledRows, held_out

ALONE = 12
REPEATED = 120


def run_trial(
    scenario: Scenario, candidate: Candidate, *, inject: Callable[[Any], None] | None = None,
    rebuilt: Candidate | None = None, twin: Candidate | None = None,
) -> list[Check]:  # fmt: skip
    """All checks of one candidate. `inject` puts a fault into the installed release; `rebuilt` is the candidate's code
    on the baseline's data, where the code changed; `twin` is the candidate with the baseline's seed."""
    release = candidate.release(scenario.scoring)
    if inject is not None:
        inject(release)
    checks = exact_suites(scenario, candidate, release)
    if rebuilt is not None:
        checks += rebuild_suite(scenario, rebuilt)
    failed = any(check.outcome is Outcome.blocked for check in checks)
    if inject is not None and failed:
        return checks  # the other suites do not change the cause that is named first
    checks += total_suite(scenario, candidate, release.score_table, twin, same_code=inject is None)
    if inject is not None:
        return checks
    checks = after_maturity(checks + data_suite(scenario, candidate))
    return difference_checks.say_what_is_left(checks, scenario.recipe.project.target)


def exact_suites(scenario: Scenario, candidate: Candidate, release: Any) -> list[Check]:
    """Golden rows, invariants, and the installed candidate against the one trained here."""
    policy, scoring = scenario.policy, scenario.scoring
    decided = _Decision(scoring, release)
    columns, stored = golden(candidate)
    scores = np.asarray(release.score_table(columns))
    checks = compare_exact(
        Sameness("golden.scores", "golden", scoring, columns, stored, scores, "what training stored",
                 "the installed candidate", other=decided), policy,
    )  # fmt: skip
    queries = scenario.queries
    mixed = {n: np.concatenate([columns[n], queries.rows[n], queries.probes[n]]) for n in columns}
    size = len(next(iter(mixed.values())))
    chosen = np.random.default_rng(3).permutation(size)[:REPEATED]
    checks += compare_invariants(repeats(release.score_table, take(mixed, chosen)), scoring, policy)
    rows = scenario.exact_rows
    again = scenario.usual_scores if candidate is scenario.usual else candidate.fitted(rows)
    checks += compare_exact(
        Sameness("reproduce.candidate", "reproduce", scoring, rows, again,
                 np.asarray(release.score_table(rows)), "the candidate trained again",
                 "the installed candidate", rows="rows and probes", other=decided), policy,
    )  # fmt: skip
    return checks


class _Decision:
    """Decides labels as the release does, whose threshold may have moved."""

    def __init__(self, scoring: Any, release: Any) -> None:
        self.decide, self.threshold = release.decide_index, scoring.threshold


def repeats(score: Callable[[Columns], Array], columns: Columns) -> Repeats:
    """Ask a release the same rows in several ways."""
    size = len(next(iter(columns.values())))
    kept = {name: values.copy() for name, values in columns.items()}
    order = np.random.default_rng(5).permutation(size)
    first, again = score(columns), score(columns)
    alone_rows = np.linspace(0, size - 1, min(ALONE, size)).astype(int)
    parts = [score(take(columns, np.array([k]))) for k in alone_rows.tolist()]
    changed = tuple(n for n, values in columns.items() if values_differ(values, kept[n]))
    return Repeats(size, first, again, np.concatenate(parts), alone_rows, score(take(columns, order)), order, changed)


def values_differ(a: Array, b: Array) -> bool:
    """Whether two columns differ in any value; two missing values are equal."""
    return [repr(value) for value in a.tolist()] != [repr(value) for value in b.tolist()]


def rebuild_suite(scenario: Scenario, rebuilt: Candidate) -> list[Check]:
    """The candidate's code on the baseline's data and seed, against the baseline."""
    rows = scenario.exact_rows
    return compare_exact(
        Sameness("rebuild.scores", "rebuild", scenario.scoring, rows, scenario.exact_scores, rebuilt.fitted(rows),
                 "the baseline", "the candidate's code on the baseline's data", rows="rows and probes"),
        scenario.policy,
    )  # fmt: skip


def total_suite(
    scenario: Scenario, candidate: Candidate, score: Callable[[Columns], Array], twin: Candidate | None,
    *, same_code: bool = True,
) -> list[Check]:  # fmt: skip
    """Candidate against baseline on labelled rows and probes; with the same code, what fails is judged once more."""
    q, policy, scoring = scenario.queries, scenario.policy, scenario.scoring
    old, floor, groupings = scenario.old_scores, scenario.noise_floor, scenario.groupings
    new = q.ask(score)
    if twin is not None:
        unseen = _unseen(q, candidate)
        if unseen.sum() >= policy.min_rows:
            q, pick = q.narrowed(unseen)
            old, new = pick(old), pick(new)
            groupings = [replace(g, codes=g.codes[unseen]) for g in groupings]
            floor = calibrate(q, groupings, [pick(r) for r in scenario.replicas], policy)
        else:
            new = q.ask(twin.fitted)
    checks = _compared(q, groupings, old, new, floor, policy)
    if same_code and any(check.outcome is Outcome.blocked for check in checks):
        training = candidate.training()
        replicas = draw_replicas(training.refit, training.target, q, policy, stratified=scoring.classifies)
        floor = floor.widened(calibrate(q, groupings, replicas, policy))
        checks = _compared(q, groupings, old, new, floor, policy)
    before, after = held_out_rows(scenario.recipe), held_out_rows(candidate.recipe)
    checks += compare_gain(
        scoring,
        (scenario.baseline.fitted(before.columns), scoring.positions(before.target)),
        (np.asarray(score(after.columns)), scoring.positions(after.target)),
        policy,
    )
    if not same_code or twin is not None:
        return checks
    recipes = Recipes(candidate.training(), scenario.baseline.training())
    return judge_by_known_rows(checks, recipes, policy, q, new, floor)


def _compared(
    q: Queries, groupings: list[Grouping], old: QueryScores, new: QueryScores, floor: NoiseFloor, policy: Policy
) -> list[Check]:
    checks = compare_total(q, groupings, old, new, floor, policy)
    if q.truth is not None and q.size >= policy.min_rows:
        checks += compare_metrics(q.scoring, old.rows, new.rows, q.truth, policy, noise=floor.of_members("metrics"))
    return checks


def _unseen(q: Queries, candidate: Candidate) -> Array:
    recipe, scoring = candidate.recipe, q.scoring
    target = np.array(scoring.classes)[q.truth] if scoring.classifies else q.truth
    rows = LabelledRows(q.rows, np.asarray(target, dtype=recipe.table.target.dtype))
    return held_out(rows, split_of(recipe))


def data_suite(scenario: Scenario, candidate: Candidate) -> list[Check]:
    """The training data, by fingerprints and row by row."""
    recipes = Recipes(candidate.training(), scenario.baseline.training())
    fingerprints = fingerprint(scenario.recipe), fingerprint(candidate.recipe)
    return difference_checks.check_data(recipes, *fingerprints, scenario.policy, scenario.scoring)
