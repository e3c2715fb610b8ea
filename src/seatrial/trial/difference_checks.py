"""The suites that weigh a difference: candidate against baseline inside the noise floor, not worse, and the data."""

from collections.abc import Callable
from typing import Any

import numpy as np

from seatrial.core.errors import SeatrialError
from seatrial.trial.compare.exact import difference
from seatrial.trial.compare.metrics import compare_gain, compare_metrics
from seatrial.trial.compare.new_row_losses import compare_new_row_losses
from seatrial.trial.compare.new_rows import compare_new_rows
from seatrial.trial.compare.queries import Queries
from seatrial.trial.compare.row_matching import match
from seatrial.trial.compare.scoring import Scoring
from seatrial.trial.compare.statistics import groups_of
from seatrial.trial.compare.table_history import compare_history
from seatrial.trial.compare.total import compare_total
from seatrial.trial.compare.training_data import compare_data
from seatrial.trial.noise import calibrate, draw_replicas
from seatrial.trial.policy import Policy
from seatrial.trial.recipes import Recipes
from seatrial.trial.records import Check, Outcome
from seatrial.trial.rows.answer_collection import CollectedAnswers


def check_total(
    recipes: Recipes,
    policy: Policy,
    queries: Queries,
    old: CollectedAnswers,
    new: CollectedAnswers,
    progress: Callable[[str], None],
) -> list[Check]:
    """Compare with the baseline, and the difference with what harmless retraining does."""
    before, after = queries.split(old.table), queries.split(new.table)
    checks: list[Check] = []
    noise: dict[str, float] = {}
    if recipes.baseline:
        progress(f"training {policy.replicas} replicas of the baseline, to learn what is noise")
        replicas = draw_replicas(
            recipes.baseline.refit,
            recipes.baseline.target,
            queries,
            policy,
            stratified=queries.scoring.classifies,
        )
        progress("comparing")
        groupings = groups_of(queries, list(policy.slices))
        null = calibrate(queries, groupings, replicas, policy)
        checks += compare_total(queries, groupings, before, after, null, policy)
        limit = null.limits.get("metrics")
        noise = {name: limit.of(name) for name in limit.noise} if limit else {}
    else:
        reason = recipes.missing.get("total") or recipes.missing.get("reproduce") or "The recipe is not at hand."
        checks.append(
            Check(
                "total.noise", "total",
                Outcome.inconclusive if policy.inconclusive == "wait" else Outcome.noted,
                f"What harmless retraining changes is not known, so changes cannot be judged. {reason}",
                hint="Publish the baseline's sdist with it, and keep the table it was trained on.",
            )
        )  # fmt: skip
    if queries.truth is not None:
        checks += compare_metrics(queries.scoring, before.rows, after.rows, queries.truth, policy, noise=noise)
    return checks


def check_alone(queries: Queries, new: CollectedAnswers, policy: Policy) -> list[Check]:
    """A first release: there is nothing to compare it with but the answer that is always the same."""
    scoring, truth = queries.scoring, queries.truth
    if truth is None or len(truth) < policy.min_rows:
        count = 0 if truth is None else len(truth)
        told = f"{count} labelled rows are too few to measure on; {policy.min_rows} are needed"
        return [Check("metrics.rows", "total", Outcome.inconclusive, told, hint="Lower min_rows or hold more out.")]
    if scoring.classifies:
        shares = np.bincount(truth, minlength=len(scoring.classes)) / len(truth)
        constant = np.tile(shares, (len(truth), 1))
    else:
        constant = np.full(len(truth), np.median(truth))
    own = float(scoring.losses(queries.split(new.table).rows, truth).mean())
    trivial = float(scoring.losses(constant, truth).mean())
    what = "Brier score" if scoring.classifies else "mean error, in units of the labels' spread"
    told = f"{what} {own:.3g}, of always giving the same answer {trivial:.3g}"
    outcome = Outcome.passed if own < trivial else Outcome.blocked
    summary = f"Better than trivial: {told}." if own < trivial else f"the candidate is no better than trivial: {told}"
    return [
        Check("metrics.trivial", "total", outcome, summary, new=own, limit=trivial, severity=own / max(trivial, 1e-12))
    ]


def check_data(
    recipes: Recipes, old: dict[str, Any], new: dict[str, Any], policy: Policy, scoring: Scoring | None = None
) -> list[Check]:
    """The training data: by their fingerprints, and row by row where both tables are at hand."""
    checks = compare_data(old, new, policy)
    base = recipes.baseline
    if not (base and recipes.candidate):
        return checks
    before, after = base.table, recipes.candidate.table
    matched = match(before, after)
    checks += compare_history(before, after, policy, matched)
    checks += compare_new_rows(before, after, matched, policy)
    fresh = np.flatnonzero(~matched.known)
    if scoring is None or base.held_out is None or not len(fresh):
        return checks
    rows = {name: values[fresh] for name, values in after.columns.items()}
    truth = scoring.codes(after.target[fresh])
    if scoring.classifies and (truth < 0).any():
        return checks  # labels that the baseline does not know, which the other checks tell
    known = base.held_out
    try:
        scores = np.asarray(base.score(rows))
    except SeatrialError as error:  # rows that its schema would have refused, as of another unit or type
        told = f"The baseline cannot be asked about the new rows. {error.message}"
        return [*checks, Check("data.surprise", "data", Outcome.noted, told)]
    return checks + compare_new_row_losses(
        scoring,
        (known.columns, np.asarray(base.score(known.columns)), scoring.codes(known.target)),
        (rows, scores, truth),
        policy,
    )


def check_gain(
    queries: Queries, old: CollectedAnswers, new: CollectedAnswers, policy: Policy, recipes: Recipes | None = None
) -> list[Check]:
    """A gain that is too good to be true: each on rows held out of its own training, where they are at hand.

    A leak shows on the rows that carry it, and these are the candidate's own.
    """
    scoring = queries.scoring
    own = [part for part in (recipes.baseline, recipes.candidate) if part and part.held_out] if recipes else []
    if len(own) == 2:
        told = [
            (np.asarray(part.score(part.held_out.columns)), scoring.codes(part.held_out.target))
            for part in own
            if part.held_out
        ]
        return compare_gain(scoring, told[0], told[1], policy)
    if queries.truth is None:
        return []
    before, after = queries.split(old.table).rows, queries.split(new.table).rows
    return compare_gain(queries.scoring, (before, queries.truth), (after, queries.truth), policy)


def changed(queries: Queries, old: CollectedAnswers, new: CollectedAnswers, policy: Policy) -> bool:
    """Whether any prediction differs."""
    count = queries.size + len(queries.probed)
    away = difference(queries.scoring, old.table[:count], new.table[:count])
    return bool((away[~np.isnan(away)] > policy.tolerance).any())
