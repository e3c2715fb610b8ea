"""Faults of the training code and of its data, and harmless changes: each trained, and held to what a trial weighs."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from seatrial.model.features import Array, Columns
from seatrial.model.schema import Column
from seatrial.trial import difference_checks, equality_checks
from seatrial.trial.compare.queries import Queries, Scorer
from seatrial.trial.compare.scoring import Scoring
from seatrial.trial.policy import Policy
from seatrial.trial.prove.code_faults import CODE_FAULTS
from seatrial.trial.prove.data_faults import DATA_FAULTS
from seatrial.trial.prove.diagnosis import Standing, came_of, differing
from seatrial.trial.prove.fault_locations import changed_columns, spoiled, spots_of
from seatrial.trial.prove.policy_search import loosened, tightened
from seatrial.trial.prove.proof import Came, Tried
from seatrial.trial.prove.trainer import Trained, Workshop
from seatrial.trial.recipes import Recipes
from seatrial.trial.records import Check, Outcome
from seatrial.trial.rows.answer_collection import CollectedAnswers, GoldenRows
from seatrial.trial.rows.probes import probe_rows
from seatrial.trial.rows.reference import LabelledRows, held_out, joined
from seatrial.trial.rows.row_selection import PROBED, Rows, make_trial_queries

Progress = Callable[[str], None]

MORE = 0.15  # rows that a usual retrain adds
ROLLED = 0.1  # of the rows leave a rolling window, and as many enter it
MOST_ROWS = 5_000  # held-out rows that a release carries
FEWEST = 8  # rows of a class, below which nothing can be trained


@dataclass(frozen=True)
class Bench:
    """What retraining is held to. `order` are the columns, strongest first; `many` rows tell whether anything changes.

    `refits` keeps the replicas of each baseline: they are trained once and asked about each candidate's rows.
    """

    workshop: Workshop
    policy: Policy
    meaning: Scoring
    columns: tuple[Column, ...]
    golden: GoldenRows
    order: tuple[str, ...]
    many: Columns
    sample: CollectedAnswers  # any answers of the candidate: what no leg of retraining reads is taken from here
    refits: dict[Any, Scorer] = field(default_factory=dict)

    @cached_property
    def standing(self) -> Standing:
        """What fails where nothing changed, as for want of rows, is not to a fault's credit."""
        own = self.workshop.own
        return Standing(Held(self, own, own).checks(self.policy))

    @cached_property
    def harmless(self) -> "list[tuple[str, str, Held]]":
        """The harmless changes: name, sentence, and the candidate that each makes against its baseline."""
        return list(_harmless(self))


class Held:
    """A candidate against a baseline, both trained here: its checks, under any policy."""

    def __init__(self, bench: Bench, old: Trained, new: Trained, *, rebuilt: Scorer | None = None) -> None:
        self._bench, self._old, self._new, self._rebuilt = bench, old, new, rebuilt
        self._questions = _questions(bench, old, new)
        blocks = self._questions.blocks.extended("crossed", {})
        taken = np.zeros(len(next(iter(blocks.table.values()))), dtype=bool)  # no schema refuses a row here
        self._before, self._after = (
            replace(bench.sample, blocks=blocks, scores=np.asarray(each.training.score(blocks.table)), refused=taken)
            for each in (old, new)
        )

    @property
    def rows(self) -> int:
        """How many answers are compared."""
        return self._questions.size + len(self._questions.probed)

    @property
    def changed(self) -> int:
        """How many of them are other than the baseline's."""
        a, b = (each.of("rows", "probes") for each in (self._before, self._after))
        return int(differing(a, b).sum())

    def checks(self, policy: Policy) -> list[Check]:
        """All of them."""
        return [check for part in ("again", "total", "data", "gain") for check in self.leg(part, policy)]

    def first_checks(self, policy: Policy) -> list[Check]:
        """All of them, unless the data alone block: that stands first, and replicas need not be asked."""
        checks = self.leg("data", policy)
        if any(check.outcome is Outcome.blocked for check in checks):
            return checks
        return [*checks, *(check for part in ("again", "total", "gain") for check in self.leg(part, policy))]

    def leg(self, name: str, policy: Policy) -> list[Check]:
        """The checks of one leg: "again", "total", "data" or "gain"."""
        questions, before, after = self._questions, self._before, self._after
        recipes = Recipes(self._new.training, replace(self._old.training, refit=self._refit), self._rebuilt)
        if name == "again":
            # Both were trained here, so only a policy that lets nothing differ, or a rebuild, has anything to ask.
            if self._rebuilt is None and policy.kind != "repackage":
                return []
            recipes = replace(recipes, rebuilt=self._rebuilt or self._old.training.score)
            return equality_checks.trained_again(recipes, policy, questions.scoring, before, after, lambda _: None)
        if name == "total":
            floor = difference_checks.measure_noise(recipes, policy, questions, lambda _: None)
            return difference_checks.check_total(recipes, policy, questions, before, after, floor)
        if name == "data":
            return difference_checks.check_data(
                recipes, self._old.fingerprint, self._new.fingerprint, policy, questions.scoring
            )
        return difference_checks.check_gain(questions, before, after, policy, recipes)

    def _refit(self, positions: Array) -> Scorer:
        key = (id(self._old), positions.tobytes())
        if key not in self._bench.refits:
            self._bench.refits[key] = self._old.training.refit(positions)
        return self._bench.refits[key]


def code_faults(bench: Bench, progress: Progress) -> Iterator[Tried]:
    """Train by spoiled code on the sound table: the rebuild leg trains it on the baseline's, which is the same."""
    own, standing = bench.workshop.own, bench.standing
    for fault in CODE_FAULTS:
        progress(f"training by spoiled code: {fault.sentence}")
        made = bench.workshop.altered(fault.alter)
        if made is None:
            continue
        held = Held(bench, own, made, rebuilt=made.training.score)
        came = came_of(held.first_checks(bench.policy), bench.policy, standing)
        outcome: Came = "caught" if came.stopped else "unchanged" if _same(bench, own, made) else "missed"
        yield Tried(
            fault.name, "training code", fault.sentence, outcome,
            (), came.check, came.cause if came.stopped else "", came.failed, held.changed, held.rows,
        )  # fmt: skip


def data_faults(bench: Bench, progress: Progress) -> Iterator[Tried]:
    """Spoil the training table, train, and weigh the difference from the sound training."""
    table = bench.workshop.own.training.table
    standing = bench.standing
    spots = spots_of(bench.order, table.columns, len(table.target))
    for fault in DATA_FAULTS.values():
        progress(f"training on spoiled data: {fault.sentence}")
        made = spoiled(fault, table, spots)
        if made is None or not _trainable(bench.meaning, made[1]):
            continue
        held = Held(bench, bench.workshop.own, bench.workshop.train(*made))
        came = came_of(held.first_checks(bench.policy), bench.policy, standing)
        closing: tuple[str, ...] = ()
        outcome: Came = "caught" if came.stopped else "missed"
        if not came.stopped and _same(bench, bench.workshop.own, held._new):
            outcome = "unchanged"
        elif not came.stopped:
            closing = tightened(held, [each for _, _, each in bench.harmless], bench.policy)
        columns = changed_columns(table.columns, made[0])
        yield Tried(
            fault.name, "training data", fault.sentence, outcome, columns, came.check,
            came.cause if came.stopped else "", came.failed, held.changed, held.rows, closing,
        )  # fmt: skip


def harmless_changes(bench: Bench, progress: Progress) -> Iterator[Tried]:
    """Make changes that any project makes and no trial should stop."""
    progress("making harmless changes")
    for name, sentence, held in bench.harmless:
        came = came_of(held.checks(bench.policy), bench.policy, Standing())
        closing = loosened(came.check) if came.stopped else ()
        yield Tried(
            name, "harmless", sentence, "blocked" if came.stopped else "passed", (), came.check,
            came.cause if came.stopped else "", came.failed, held.changed, held.rows, closing,
        )  # fmt: skip


def _harmless(bench: Bench) -> Iterator[tuple[str, str, Held]]:
    shop = bench.workshop
    own, columns, target = shop.own, shop.own.training.table.columns, shop.own.training.table.target
    same = shop.train(columns, target)
    yield "trained again", "the same code on the same table", Held(bench, own, same, rebuilt=same.training.score)
    backwards = dict(reversed(columns.items()))
    yield "columns reordered", "the table's columns in another order", Held(bench, own, shop.train(backwards, target))
    if bench.policy.kind == "repackage":
        return  # where nothing may differ, other rows are no harmless change
    size = len(target)
    order = np.random.default_rng(7).permutation(size)
    shuffled = shop.train(*_part(columns, target, order))
    yield "rows shuffled", "the table's rows in another order", Held(bench, own, shuffled)
    if shop.reseed:
        yield "another seed", "the model with another seed", Held(bench, own, shop.reseed())
    for turn in range(2):
        # The baseline knows fewer rows than there are, so that there are new ones to come.
        order = np.random.default_rng(turn).permutation(size)
        known = order[: int(size / (1 + MORE))]
        old = shop.train(*_part(columns, target, known))
        if turn == 0:
            yield "15 % more rows", "15 % more rows of the same kind", Held(bench, old, own)
        later = order[len(known) :][: int(ROLLED * len(known))]
        window = np.concatenate([known[len(later) :], later])
        what = ("a rolling window", "a tenth of the rows gone, as many come")
        yield f"{what[0]} {turn + 1}", what[1], Held(bench, old, shop.train(*_part(columns, target, window)))


def _questions(bench: Bench, old: Trained, new: Trained) -> Queries:
    """Ask what a trial of these two would: rows that neither was trained on, and probes."""
    # The baseline's rows: the candidate's labels may carry the very fault that is sought.
    for one, other in ((old, new), (new, old)):
        held = one.held_out.take(np.arange(min(one.held_out.rows, MOST_ROWS)))
        rows = held.take(held_out(held, other.split)) if held.rows else held
        if rows.rows:
            break
    columns = {name: rows.columns[name] for name in old.held_out.columns}
    probes = tuple(probe_rows(bench.columns, [dict(row) for row in bench.golden.rows[:PROBED]]))
    return make_trial_queries(
        bench.meaning, Rows(joined([LabelledRows(columns, rows.target)]), probes, {}), bench.columns
    )


def _trainable(meaning: Scoring, target: Array) -> bool:
    if not meaning.classifies:
        return len(target) > FEWEST
    counts = np.bincount(meaning.positions(target), minlength=len(meaning.classes))
    return bool(counts.min() >= FEWEST)


def _same(bench: Bench, old: Trained, new: Trained) -> bool:
    given = np.asarray(new.training.score(bench.many))
    return not differing(np.asarray(old.training.score(bench.many)), given).any()


def _part(columns: Columns, target: Array, rows: Array) -> tuple[Columns, Array]:
    return {name: values[rows] for name, values in columns.items()}, target[rows]
