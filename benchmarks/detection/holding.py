"""Holds the trial in process: the same comparisons, null and verdict as the product, without environments."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.detection.worlds import Candidate, Served, World, fingerprint, golden
from seatrial.model.features import Array, Columns
from seatrial.train.reference_rows import take
from seatrial.trial.compare.exact import Sameness, compare_exact
from seatrial.trial.compare.invariants import Repeats, compare_invariants
from seatrial.trial.compare.metrics import compare_gain, compare_metrics
from seatrial.trial.compare.new_row_losses import compare_new_row_losses
from seatrial.trial.compare.new_rows import compare_new_rows
from seatrial.trial.compare.queries import Queries
from seatrial.trial.compare.row_matching import Table, match
from seatrial.trial.compare.table_history import compare_history
from seatrial.trial.compare.total import compare_total
from seatrial.trial.compare.training_data import compare_data
from seatrial.trial.noise import calibrate
from seatrial.trial.records import Check, Outcome

ALONE = 12
REPEATED = 120


def hold(
    world: World, candidate: Candidate, *, spoil: Callable[[Any], None] | None = None, rebuilt: Candidate | None = None,
    twin: Candidate | None = None,
) -> list[Check]:  # fmt: skip
    """All checks of one candidate. `spoil` seeds a fault into the installed release; `rebuilt` is the candidate's code
    on the baseline's data, where the code changed; `twin` is the candidate with the baseline's seed."""
    release = Served(candidate.recipe, candidate.fitted, world.meaning).release()
    if spoil is not None:
        spoil(release)
    checks = exact_legs(world, candidate, release)
    if rebuilt is not None:
        checks += rebuild_leg(world, rebuilt)
    failed = any(check.outcome is Outcome.blocked for check in checks)
    if spoil is not None and failed:
        return checks  # the other legs add nothing to what stands first
    checks += total_legs(world, candidate, release.score_table, twin)
    if spoil is None:
        checks += data_legs(world, candidate)
    return checks


def exact_legs(world: World, candidate: Candidate, release: Any) -> list[Check]:
    """Golden, invariants, and the installed candidate against the one trained here."""
    policy, meaning = world.policy, world.meaning
    decided = _Deciding(meaning, release)
    columns, stored = golden(candidate)
    given = np.asarray(release.score_table(columns))
    checks = compare_exact(
        Sameness("golden.scores", "golden", meaning, columns, stored, given, "what training stored",
                 "the installed candidate", other=decided), policy,
    )  # fmt: skip
    mixed = {n: np.concatenate([columns[n], world.questions.rows[n], world.questions.probes[n]]) for n in columns}
    size = len(next(iter(mixed.values())))
    chosen = np.random.default_rng(3).permutation(size)[:REPEATED]
    checks += compare_invariants(repeats(release.score_table, take(mixed, chosen)), meaning, policy)
    everything = world.exact_rows
    again = world.usual_answers if candidate is world.usual else candidate.fitted(everything)
    checks += compare_exact(
        Sameness("reproduce.candidate", "reproduce", meaning, everything, again,
                 np.asarray(release.score_table(everything)), "the candidate trained again",
                 "the installed candidate", rows="rows and probes", other=decided), policy,
    )  # fmt: skip
    return checks


class _Deciding:
    """A meaning that decides as the release does, whose threshold may have moved."""

    def __init__(self, meaning: Any, release: Any) -> None:
        self.decide, self.threshold = release.decide_index, meaning.threshold


def repeats(score: Callable[[Columns], Array], columns: Columns) -> Repeats:
    """Ask a release the same rows in several ways."""
    size = len(next(iter(columns.values())))
    kept = {name: values.copy() for name, values in columns.items()}
    order = np.random.default_rng(5).permutation(size)
    first, again = score(columns), score(columns)
    alone_rows = np.linspace(0, size - 1, min(ALONE, size)).astype(int)
    parts = [score(take(columns, np.array([k]))) for k in alone_rows.tolist()]
    changed = tuple(
        n for n, v in columns.items() if [repr(x) for x in v.tolist()] != [repr(x) for x in kept[n].tolist()]
    )
    return Repeats(size, first, again, np.concatenate(parts), alone_rows, score(take(columns, order)), order, changed)


def rebuild_leg(world: World, rebuilt: Candidate) -> list[Check]:
    """The candidate's code on the baseline's data and seed, against the baseline."""
    rows, old = world.exact_rows, world.exact_answers
    given = rebuilt.fitted(rows)
    return compare_exact(
        Sameness("rebuild.scores", "rebuild", world.meaning, rows, old, given, "the baseline",
                 "the candidate's code on the baseline's data", rows="rows and probes"), world.policy,
    )  # fmt: skip


def total_legs(
    world: World, candidate: Candidate, score: Callable[[Columns], Array], twin: Candidate | None
) -> list[Check]:
    """Candidate against baseline on labelled rows and probes, and metrics."""
    q, policy = world.questions, world.policy
    old, null, groupings = world.old_answers, world.null, world.groupings
    new = q.ask(score)
    if twin is not None:
        unseen = _unseen(q, candidate)
        if unseen.sum() >= policy.min_rows:
            q, pick = q.narrowed(unseen)
            old, new = pick(old), pick(new)
            groupings = [replace(g, codes=g.codes[unseen]) for g in groupings]
            null = calibrate(q, groupings, [pick(r) for r in world.replicas], policy)
        else:
            new = q.ask(twin.fitted)
    checks = compare_total(q, groupings, old, new, null, policy)
    if q.truth is not None and q.size >= policy.min_rows:
        checks += compare_metrics(world.meaning, old.rows, new.rows, q.truth, policy, noise=metric_noise(null))
    own = candidate.recipe
    held = (own.held_out, world.meaning.positions(own.table.target[own.split.test]))
    mine = world.recipe
    theirs = (mine.held_out, world.meaning.positions(mine.table.target[mine.split.test]))
    checks += compare_gain(
        world.meaning, (world.baseline(theirs[0]), theirs[1]), (np.asarray(score(held[0])), held[1]), policy
    )
    return checks


def metric_noise(null: Any) -> dict[str, float]:
    """What retraining alone does to each metric, from the null."""
    limit = null.limits.get("metrics")
    return {name: limit.of(name) for name in limit.noise} if limit else {}


def _unseen(q: Queries, candidate: Candidate) -> Array:
    from seatrial.trial.rows.reference import LabelledRows, held_out

    split = candidate.recipe.split
    target = q.truth if not q.scoring.classifies else np.array(q.scoring.classes)[q.truth]  # type: ignore[index]
    rows = LabelledRows(q.rows, np.asarray(target, dtype=candidate.recipe.table.target.dtype))
    return held_out(rows, {"cuts": split.cuts, "seed": split.seed})


def data_legs(world: World, candidate: Candidate) -> list[Check]:
    """The training data, by fingerprints and row by row."""
    old, new = world.recipe, candidate.recipe
    name = old.project.target
    before = Table(old.table.columns, old.table.target, name)
    after = Table(new.table.columns, new.table.target, name)
    checks = compare_data(fingerprint(old), fingerprint(new), world.policy)
    matched = match(before, after)
    checks += compare_history(before, after, world.policy, matched)
    checks += compare_new_rows(before, after, matched, world.policy)
    rows = np.flatnonzero(~matched.known)
    if not len(rows):
        return checks
    known = (old.held_out, world.meaning.positions(old.table.target[old.split.test]))
    fresh = (take(after.columns, rows), world.meaning.positions(after.target[rows]))
    return checks + compare_new_row_losses(
        world.meaning, (known[0], world.baseline(known[0]), known[1]), (fresh[0], world.baseline(fresh[0]), fresh[1]),
        world.policy,
    )  # fmt: skip
