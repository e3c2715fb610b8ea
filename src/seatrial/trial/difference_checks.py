"""The checks that weigh a difference: inside the noise floor, not worse, and trained on similar data."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from seatrial.core.errors import SeatrialError
from seatrial.core.progress import Progress
from seatrial.model.features import Array
from seatrial.trial.compare.exact import difference
from seatrial.trial.compare.maturity import check_declared, check_maturity, mature_rows
from seatrial.trial.compare.metrics import compare_gain, compare_metrics, too_few_labels
from seatrial.trial.compare.new_row_checks import DRIFT, WORLD, compare_new_rows, drift_note
from seatrial.trial.compare.new_row_losses import compare_new_row_losses
from seatrial.trial.compare.queries import Queries
from seatrial.trial.compare.row_matching import Table, match
from seatrial.trial.compare.scoring import Scoring
from seatrial.trial.compare.sequence import check_sequence
from seatrial.trial.compare.statistics import NoiseFloor, groups_of
from seatrial.trial.compare.table_history import compare_history
from seatrial.trial.compare.time_order import TimeOrder, find_order
from seatrial.trial.compare.total import compare_total
from seatrial.trial.compare.training_data import compare_data
from seatrial.trial.equality_checks import not_run
from seatrial.trial.large_tables import compared_tables, measured_rows
from seatrial.trial.loss_drift import in_time
from seatrial.trial.noise import calibrate, draw_replicas, part_of_budget
from seatrial.trial.policy import Policy
from seatrial.trial.recipes import Recipes, Training
from seatrial.trial.records import Check, Outcome, judged_check
from seatrial.trial.rows.answer_collection import CollectedAnswers
from seatrial.trial.traits.trait_checks import compare_traits

GONE = 2.0  # the severity of a column or value that is gone, and of another unit: nothing that time does
TRAITS_PARTS = 6  # of the budget of false alarms, for the many traits of new rows; see `noise.PARTS`


def measure_noise(recipes: Recipes, policy: Policy, queries: Queries, progress: Progress) -> NoiseFloor | None:
    """Learn from replicas of the baseline what harmless retraining changes; None without its recipe."""
    baseline = recipes.baseline
    if baseline is None:
        return None
    progress(f"training {policy.replicas} replicas of the baseline, to learn what is noise")
    stratified, groups = queries.scoring.classifies, baseline.groups
    replicas = draw_replicas(
        baseline.refit, baseline.target, queries, policy, stratified=stratified, groups=groups, progress=progress
    )
    progress("comparing")
    return calibrate(queries, groups_of(queries, policy.slices), replicas, policy)


def check_total(
    recipes: Recipes,
    policy: Policy,
    queries: Queries,
    old: CollectedAnswers,
    new: CollectedAnswers,
    floor: NoiseFloor | None,
) -> list[Check]:
    """Compare the candidate with the baseline, relative to what harmless retraining changes."""
    before, after = queries.scores_from(old.scores), queries.scores_from(new.scores)
    if floor is not None:
        checks = compare_total(queries, groups_of(queries, policy.slices), before, after, floor, policy)
    else:
        what = "The noise floor of harmless retraining is unknown, so changes cannot be judged."
        checks = [not_run("total.noise", "total", recipes, policy, what=what)]
    if queries.truth is not None:
        noise = floor.of_members("metrics") if floor else None
        compared = queries.scoring, before.rows, after.rows, queries.truth, policy
        checks += compare_metrics(*compared, noise=noise, weights=queries.weights, groups=queries.groups)
    return checks


def second_opinion(
    checks: list[Check], recipes: Recipes, policy: Policy, queries: Queries, old: CollectedAnswers,
    new: CollectedAnswers, floor: NoiseFloor | None, progress: Progress,
) -> list[Check]:  # fmt: skip
    """Judge changes that are too large once more, if the code is the same, by replicas that know the new rows.

    Replicas of the baseline's rows do not know unusual rows that came since, which move a model when they come or go.
    Parts of the candidate's rows do. A fault in the new rows is in all of them alike, so it hides nothing.
    """
    failed = any(check.outcome is Outcome.blocked for check in checks if check.suite == "total")
    if not failed or floor is None or recipes.candidate is None:
        return checks
    wider = measure_noise(replace(recipes, baseline=recipes.candidate), policy, queries, progress)
    return checks if wider is None else check_total(recipes, policy, queries, old, new, floor.widened(wider))


def check_alone(queries: Queries, new: CollectedAnswers, policy: Policy) -> list[Check]:
    """Compare a first release with a constant prediction; there is nothing else to compare it with."""
    scoring, truth = queries.scoring, queries.truth
    if truth is None or len(truth) < policy.min_rows:
        return [too_few_labels(0 if truth is None else len(truth), policy)]
    constant = scoring.constant_scores(truth) if scoring.classifies else np.full(len(truth), np.median(truth))
    own, trivial = (float(scoring.losses(scores, truth).mean()) for scores in (new.of("rows"), constant))
    summary = f"{scoring.loss_name} {own:.3g}, against {trivial:.3g} for a constant prediction"
    return [
        judged_check(
            "metrics.trivial", "total", not own < trivial,
            f"the candidate is no better than trivial: {summary}", f"Better than trivial: {summary}.",
            new=own, limit=trivial, severity=own / max(trivial, 1e-12),
        )
    ]  # fmt: skip


def check_doubts(doubts: dict[str, str]) -> list[Check]:
    """Wait for a person to accept what training said about a result that may be too good to be true."""
    hint = "Leave the column out if it is known only afterwards; if it is right, accept it with the reason."
    return [Check(f"doubts.{name}", "total", Outcome.waiting, summary, hint=hint) for name, summary in doubts.items()]


def check_first_labels(recipes: Recipes, policy: Policy) -> list[Check]:
    """Say what share of a first release's labels the policy declares not final."""
    if recipes.candidate is None:
        return []
    table, known = recipes.candidate.table, recipes.candidate.held_out
    return check_declared(table, table, np.arange(0), (known.columns, known.target), policy)


def check_data(
    recipes: Recipes, old: dict[str, Any], new: dict[str, Any], policy: Policy, scoring: Scoring
) -> list[Check]:
    """Compare the training data: by their fingerprints, and row by row if both tables are available."""
    checks = compare_data(old, new, policy)
    base = recipes.baseline
    if not (base and recipes.candidate):
        return checks
    before, after, seen = compared_tables(base, recipes.candidate)
    matched = match(before, after, seen)
    fresh = matched.new_rows
    order = find_order(before, after, fresh, policy)
    mature = mature_rows(before, after, fresh, policy)
    checks += compare_history(before, after, policy, matched, order, seen=seen)
    checks += check_maturity(before, after, fresh, order, mature, policy)
    known = recipes.candidate.held_out
    checks += check_declared(before, after, fresh, (known.columns, known.target), policy)
    checks += check_sequence(before, after, fresh)
    if order is not None:
        checks = [_left_to_new_rows(check, order) for check in checks]
    alpha = part_of_budget(policy)
    final = order if mature.all() else find_order(before, after, fresh[mature], policy)
    if mature.all():
        checks += compare_new_rows(before, after, fresh, alpha, order)
    else:  # two tests share what one may use
        checks += compare_new_rows(before, after, fresh, alpha / 2, order, about="columns")
        checks += compare_new_rows(before, after, fresh[mature], alpha / 2, final, about="labels")
    traits = compare_traits(before, after, fresh[mature], policy, alpha=TRAITS_PARTS * alpha, order=final)
    checks += [_later(check, order) for check in traits] if order is not None else traits
    checks += _new_row_losses(base, after, fresh[mature], policy, scoring, order)
    return without_contradiction(checks, order) if order is not None else checks


def without_contradiction(checks: list[Check], order: TimeOrder) -> list[Check]:
    """Do not say of a column that it changed as usual, where another check of the data stops the release for it."""
    stopped = {c.subject for c in checks if c.suite == "data" and c.outcome in (Outcome.blocked, Outcome.waiting)}
    kept: list[Check] = []
    for check in checks:
        if check.name == DRIFT:
            named = {name: re.split(": | = | is ", name)[0] for name in check.evidence["columns"]}
            kept += drift_note([name for name, column in named.items() if column not in stopped], order)
        else:
            kept.append(check)
    return kept


def _left_to_new_rows(check: Check, order: TimeOrder) -> Check:
    """Note what moved in the table as a whole where rows have a time: the new rows are judged on their own."""
    moved = check.severity < GONE and check.outcome in (Outcome.waiting, Outcome.blocked)
    if not moved or check.name not in ("data.column", "data.labels"):
        return check
    words = f"{check.summary}; by {order.words}, rows come and go, so the new rows are judged on their own."
    return replace(check, outcome=Outcome.noted, summary=words, hint="")


def _later(check: Check, order: TimeOrder) -> Check:
    """Say that rows which came later may differ because the world has moved."""
    if check.outcome is not Outcome.waiting:
        return check
    return replace(check, summary=f"{check.summary}; these rows are later by {order.words}, so {WORLD}")


def _new_row_losses(
    base: Training, table: Table, fresh: Array, policy: Policy, scoring: Scoring, order: TimeOrder | None
) -> list[Check]:
    """Compare the baseline's losses on the rows of `table` at `fresh` with those on its held-out rows."""
    if not len(fresh):
        return []
    if scoring.classifies and (scoring.positions(table.target[fresh]) < 0).any():
        return []  # labels that the baseline does not know, which other checks report
    fresh = measured_rows(fresh)
    rows = {name: values[fresh] for name, values in table.columns.items()}
    truth = scoring.positions(table.target[fresh])
    try:
        scores = np.asarray(base.score(rows))
    except SeatrialError as error:  # rows that its schema would reject, for instance of another unit or type
        summary = f"The baseline cannot score the new rows. {error.message}"
        return [Check("data.surprise", "data", Outcome.noted, summary)]
    known = base.measured
    held_out = (known.columns, base.measured_scores, scoring.positions(known.target))
    alpha = part_of_budget(policy)
    checks = compare_new_row_losses(scoring, held_out, (rows, scores, truth), policy, alpha)
    failed = any(check.outcome is Outcome.waiting for check in checks)
    return [in_time(check, base, scoring, order) for check in checks] if failed and order else checks


def say_what_is_left(checks: Sequence[Check], target: str) -> list[Check]:
    """Say of predictions that changed too much that neither the code nor a column of the new rows explains it.

    What is left are the labels of the new rows, or a few of their rows: no check of the whole names either.
    """
    bad = (Outcome.blocked, Outcome.waiting)
    compared = any(check.name == "data.arrivals" for check in checks)
    explained = any(check.outcome in bad for check in checks if check.suite in ("data", "rebuild", "settings"))
    if explained or not compared:
        return list(checks)
    words = f"the code and the columns of the new rows do not explain it, so look at their labels (`{target}`)"
    return [
        replace(check, summary=f"{check.summary.rstrip('.')}; {words}")
        if check.outcome in bad and check.name.startswith(("total.", "metrics.worse"))
        else check
        for check in checks
    ]


def check_gain(
    queries: Queries, old: CollectedAnswers, new: CollectedAnswers, policy: Policy, recipes: Recipes
) -> list[Check]:
    """Look for a gain that is too good to be true, on rows held out of each training if they are available.

    A leak shows on the rows that carry it, and these are the candidate's own.
    """
    scoring, truth = queries.scoring, queries.truth
    measured = [
        (part.measured_scores, scoring.positions(rows.target), rows.weights, part.groups_of(rows))
        for part in (recipes.baseline, recipes.candidate)
        if part and (rows := part.measured)
    ]
    if len(measured) < 2:
        if truth is None:
            return []
        measured = [(answers.of("rows"), truth, queries.weights, queries.groups) for answers in (old, new)]
    return compare_gain(scoring, measured[0], measured[1], policy)


def changed(scoring: Scoring, old: CollectedAnswers, new: CollectedAnswers, policy: Policy) -> bool:
    """Whether any prediction differs."""
    distance = difference(scoring, old.of("rows", "probes"), new.of("rows", "probes"))
    return bool((distance[~np.isnan(distance)] > policy.tolerance).any())
