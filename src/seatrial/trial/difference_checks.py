"""The legs that weigh a difference: candidate against baseline inside the noise floor, not worse, and the data."""

from collections.abc import Callable
from typing import Any

import numpy as np

from seatrial.core.errors import SeatrialError
from seatrial.trial.compare.exact import difference
from seatrial.trial.compare.metrics import compare_gain, compare_metrics
from seatrial.trial.compare.new_row_losses import compare_surprise
from seatrial.trial.compare.new_rows import compare_arrivals
from seatrial.trial.compare.queries import Questions
from seatrial.trial.compare.row_matching import match
from seatrial.trial.compare.scoring import Meaning
from seatrial.trial.compare.statistics import groups_of
from seatrial.trial.compare.table_history import compare_history
from seatrial.trial.compare.total import compare_total
from seatrial.trial.compare.training_data import compare_data
from seatrial.trial.noise import calibrate, draw_replicas
from seatrial.trial.policy import Policy
from seatrial.trial.recipes import Recipes
from seatrial.trial.records import Check, Outcome
from seatrial.trial.rows.answer_collection import Asked


def total_leg(
    recipes: Recipes, policy: Policy, questions: Questions, old: Asked, new: Asked, progress: Callable[[str], None]
) -> list[Check]:
    """Compare with the baseline, and the difference with what harmless retraining does."""
    before, after = questions.split(old.table), questions.split(new.table)
    checks: list[Check] = []
    noise: dict[str, float] = {}
    if recipes.baseline:
        progress(f"training {policy.replicas} replicas of the baseline, to learn what is noise")
        replicas = draw_replicas(
            recipes.baseline.refit,
            recipes.baseline.target,
            questions,
            policy,
            stratified=questions.meaning.classifies,
        )
        progress("comparing")
        groupings = groups_of(questions, list(policy.slices))
        null = calibrate(questions, groupings, replicas, policy)
        checks += compare_total(questions, groupings, before, after, null, policy)
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
    if questions.truth is not None:
        checks += compare_metrics(questions.meaning, before.rows, after.rows, questions.truth, policy, noise=noise)
    return checks


def alone_leg(questions: Questions, new: Asked, policy: Policy) -> list[Check]:
    """A first release: there is nothing to compare it with but the answer that is always the same."""
    meaning, truth = questions.meaning, questions.truth
    if truth is None or len(truth) < policy.min_rows:
        count = 0 if truth is None else len(truth)
        told = f"{count} labelled rows are too few to measure on; {policy.min_rows} are needed"
        return [Check("metrics.rows", "total", Outcome.inconclusive, told, hint="Lower min_rows or hold more out.")]
    if meaning.classifies:
        shares = np.bincount(truth, minlength=len(meaning.classes)) / len(truth)
        constant = np.tile(shares, (len(truth), 1))
    else:
        constant = np.full(len(truth), np.median(truth))
    own = float(meaning.losses(questions.split(new.table).rows, truth).mean())
    trivial = float(meaning.losses(constant, truth).mean())
    what = "Brier score" if meaning.classifies else "mean error, in units of the labels' spread"
    told = f"{what} {own:.3g}, of always giving the same answer {trivial:.3g}"
    outcome = Outcome.passed if own < trivial else Outcome.blocked
    summary = f"Better than trivial: {told}." if own < trivial else f"the candidate is no better than trivial: {told}"
    return [
        Check("metrics.trivial", "total", outcome, summary, new=own, limit=trivial, severity=own / max(trivial, 1e-12))
    ]


def data_leg(
    recipes: Recipes, old: dict[str, Any], new: dict[str, Any], policy: Policy, meaning: Meaning | None = None
) -> list[Check]:
    """The training data: by their fingerprints, and row by row where both tables are at hand."""
    checks = compare_data(old, new, policy)
    base = recipes.baseline
    if not (base and recipes.candidate):
        return checks
    before, after = base.table, recipes.candidate.table
    matched = match(before, after)
    checks += compare_history(before, after, policy, matched)
    checks += compare_arrivals(before, after, matched, policy)
    fresh = np.flatnonzero(~matched.known)
    if meaning is None or base.held_out is None or not len(fresh):
        return checks
    rows = {name: values[fresh] for name, values in after.columns.items()}
    truth = meaning.codes(after.target[fresh])
    if meaning.classifies and (truth < 0).any():
        return checks  # labels that the baseline does not know, which the other checks tell
    known = base.held_out
    try:
        scores = np.asarray(base.score(rows))
    except SeatrialError as error:  # rows that its schema would have refused, as of another unit or type
        told = f"The baseline cannot be asked about the new rows. {error.message}"
        return [*checks, Check("data.surprise", "data", Outcome.noted, told)]
    return checks + compare_surprise(
        meaning,
        (known.columns, np.asarray(base.score(known.columns)), meaning.codes(known.target)),
        (rows, scores, truth),
        policy,
    )


def gain_leg(
    questions: Questions, old: Asked, new: Asked, policy: Policy, recipes: Recipes | None = None
) -> list[Check]:
    """A gain that is too good to be true: each on rows held out of its own training, where they are at hand.

    A leak shows on the rows that carry it, and these are the candidate's own.
    """
    meaning = questions.meaning
    own = [part for part in (recipes.baseline, recipes.candidate) if part and part.held_out] if recipes else []
    if len(own) == 2:
        told = [
            (np.asarray(part.score(part.held_out.columns)), meaning.codes(part.held_out.target))
            for part in own
            if part.held_out
        ]
        return compare_gain(meaning, told[0], told[1], policy)
    if questions.truth is None:
        return []
    before, after = questions.split(old.table).rows, questions.split(new.table).rows
    return compare_gain(questions.meaning, (before, questions.truth), (after, questions.truth), policy)


def changed(questions: Questions, old: Asked, new: Asked, policy: Policy) -> bool:
    """Whether any prediction differs."""
    count = questions.size + len(questions.probed)
    away = difference(questions.meaning, old.table[:count], new.table[:count])
    return bool((away[~np.isnan(away)] > policy.tolerance).any())
