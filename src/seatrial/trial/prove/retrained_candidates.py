"""Candidates trained by faulty code, on faulty data or after a harmless change, each with a trial's result."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property

import numpy as np

from seatrial.core.errors import SeatrialError
from seatrial.core.progress import Progress, silent
from seatrial.model.carried_rows import carried_columns
from seatrial.model.features import Array, Columns
from seatrial.trial import difference_checks, equality_checks
from seatrial.trial.compare.queries import Queries, Scorer
from seatrial.trial.compare.row_matching import Table
from seatrial.trial.policy import Policy
from seatrial.trial.prove.attempts import Attempt, Family, Result, diagnose, differing, failed_names
from seatrial.trial.prove.blind_spots import looser_policy, stricter_policy
from seatrial.trial.prove.data_faults import DATA_FAULTS, changed_columns, find_locations, inject, take_rows
from seatrial.trial.prove.proof_setup import ProofSetup
from seatrial.trial.prove.trainer import CODE_FAULTS, TrainedRelease
from seatrial.trial.recipes import Recipes
from seatrial.trial.records import Check, Outcome
from seatrial.trial.rows.answer_collection import CollectedAnswers
from seatrial.trial.rows.probes import probe_rows
from seatrial.trial.rows.reference import LabelledRows, held_out, joined
from seatrial.trial.rows.row_selection import PROBED, Rows, make_trial_queries

HarmlessChange = tuple[str, str, "RetrainedCandidate"]  # its name, a sentence, and the candidate that it makes

MORE = 0.15  # rows that a usual retrain adds
ROLLED = 0.1  # of the rows leave a rolling window, and as many enter it
MOST_ROWS = 5_000  # held-out rows that a release carries
FEWEST = 8  # rows of a class; with fewer nothing can be trained


class RetrainedCandidate:
    """A candidate and a baseline, both trained here: their checks, under any policy."""

    def __init__(
        self, lab: "Lab", baseline: TrainedRelease, candidate: TrainedRelease, rebuilt: Scorer | None = None
    ) -> None:
        self._lab, self._old, self._new, self._rebuilt = lab, baseline, candidate, rebuilt
        self._queries = _make_queries(lab.setup, baseline, candidate)
        self._before, self._after = self._collect(baseline), self._collect(candidate)

    def _collect(self, release: TrainedRelease) -> CollectedAnswers:
        blocks = self._queries.blocks.extended("crossed", {})
        scores = np.asarray(release.training.score(blocks.table))
        return CollectedAnswers(blocks, scores, np.zeros(len(scores), dtype=bool))

    @property
    def rows(self) -> int:
        """How many answers are compared."""
        return self._queries.size + len(self._queries.probed)

    @property
    def changed(self) -> int:
        """How many of them differ from the baseline's."""
        return int(differing(*(each.of("rows", "probes") for each in (self._before, self._after))).sum())

    @property
    def equivalent(self) -> bool:
        """Whether it gives the same answers as the baseline, on rows that no trial asks about."""
        unseen = self._lab.setup.unseen
        scores = [np.asarray(release.training.score(unseen)) for release in (self._old, self._new)]
        return not differing(*scores).any()

    def checks(self, policy: Policy, *, data_first: bool = False) -> list[Check]:
        """All checks; with `data_first`, only those of the data where they block: no replica is needed then."""
        data = self.suite("data", policy)
        if data_first and any(check.outcome is Outcome.blocked for check in data):
            return data
        return [*data, *(check for name in ("rebuild", "total", "gain") for check in self.suite(name, policy))]

    def suite(self, name: str, policy: Policy) -> list[Check]:
        """The checks of one suite: "rebuild", "total", "data" or "gain"."""
        queries, before, after = self._queries, self._before, self._after
        baseline = replace(self._old.training, refit=lambda positions: self._lab.refit(self._old, positions))
        recipes = Recipes(self._new.training, baseline, self._rebuilt)
        if name == "total":
            floor = difference_checks.measure_noise(recipes, policy, queries, silent)
            return difference_checks.check_total(recipes, policy, queries, before, after, floor)
        if name == "data":
            fingerprints = self._old.fingerprint, self._new.fingerprint
            return difference_checks.check_data(recipes, *fingerprints, policy, queries.scoring)
        if name == "gain":
            return difference_checks.check_gain(queries, before, after, policy, recipes)
        # Both were trained here, so there is nothing to check but a rebuild, or a policy that allows no difference.
        if self._rebuilt is None and policy.kind != "repackage":
            return []
        recipes = replace(recipes, rebuilt=self._rebuilt or baseline.score)
        return equality_checks.trained_again(recipes, policy, queries.scoring, before, after, silent)


class Lab:
    """Trains candidates and keeps what several of them need: a baseline's replicas, and the harmless changes."""

    def __init__(self, setup: ProofSetup, progress: Progress) -> None:
        self.setup, self._progress = setup, progress
        self._trainer, self._own = setup.trainer, setup.trainer.own
        self._refits: dict[tuple[int, bytes], Scorer] = {}

    def refit(self, baseline: TrainedRelease, positions: Array) -> Scorer:
        """Train a replica of a baseline, once: it is asked about each candidate's rows."""
        key = (id(baseline), positions.tobytes())
        if key not in self._refits:
            self._refits[key] = baseline.training.refit(positions)
        return self._refits[key]

    def code_attempts(self) -> Iterator[Attempt]:
        """Train by faulty code on the sound table; this is a rebuild too, since the baseline has the same table."""
        for fault in CODE_FAULTS:
            self._progress(f"training with faulty code: {fault.sentence}")
            release = self._trainer.train_altered(fault.alter)
            if release is not None:
                candidate = RetrainedCandidate(self, self._own, release, release.training.score)
                yield self._attempt(fault.name, "training code", fault.sentence, candidate)

    def data_attempts(self) -> Iterator[Attempt]:
        """Train on a faulty table, and compare with the sound training."""
        table = _carrying(self._own)
        locations = find_locations(self.setup.model.order, table.columns, len(table.target))
        for fault in DATA_FAULTS.values():
            self._progress(f"training on faulty data: {fault.sentence}")
            faulty = inject(fault, table, locations)
            release = None if faulty is None or not self._trainable(faulty[1]) else self._train(*faulty)
            if faulty is not None and release is not None:
                candidate = RetrainedCandidate(self, self._own, release)
                columns = changed_columns(table.columns, faulty[0])
                yield self._attempt(fault.name, "training data", fault.sentence, candidate, columns)

    def harmless_attempts(self) -> Iterator[Attempt]:
        """Make changes that every project makes and that no trial should stop."""
        self._progress("making harmless changes")
        for name, sentence, candidate in self._harmless:
            diagnosis = diagnose(candidate.checks(self.setup.policy), self.setup.policy)
            yield Attempt(
                name, "harmless", sentence, "blocked" if diagnosis.stopped else "passed", **vars(diagnosis),
                changed=candidate.changed, rows=candidate.rows,
                advice=looser_policy(diagnosis.check) if diagnosis.stopped else (),
            )  # fmt: skip

    def _attempt(
        self, name: str, family: Family, sentence: str, candidate: RetrainedCandidate, columns: tuple[str, ...] = ()
    ) -> Attempt:
        policy = self.setup.policy
        diagnosis = diagnose(candidate.checks(policy, data_first=True), policy, self._ignored)
        result: Result = "caught" if diagnosis.stopped else "unchanged" if candidate.equivalent else "missed"
        advice: tuple[str, ...] = ()
        if result == "missed" and family == "training data":
            advice = stricter_policy(candidate.suite, [harmless.suite for _, _, harmless in self._harmless], policy)
        return Attempt(
            name, family, sentence, result, columns, **vars(diagnosis),
            changed=candidate.changed, rows=candidate.rows, advice=advice,
        )  # fmt: skip

    @cached_property
    def _ignored(self) -> tuple[str, ...]:
        """What fails although nothing changed, for lack of rows for example, does not catch a fault."""
        return failed_names(RetrainedCandidate(self, self._own, self._own).checks(self.setup.policy))

    @cached_property
    def _harmless(self) -> list[HarmlessChange]:
        return list(self._make_harmless())

    def _make_harmless(self) -> Iterator[HarmlessChange]:
        own, train = self._own, self._trainer.train
        table = _carrying(own)
        columns, target = table.columns, table.target
        same = train(columns, target)
        again = RetrainedCandidate(self, own, same, same.training.score)
        yield "trained again", "the same code on the same table", again
        backwards = train(dict(reversed(columns.items())), target)
        yield "columns reordered", "the table's columns in another order", RetrainedCandidate(self, own, backwards)
        if self.setup.policy.kind == "repackage":
            return  # where nothing may differ, other rows are not a harmless change
        size = len(target)

        def on_rows(rows: Array) -> TrainedRelease:
            return train(*take_rows(columns, target, rows))

        shuffled = on_rows(np.random.default_rng(7).permutation(size))
        yield "rows shuffled", "the table's rows in another order", RetrainedCandidate(self, own, shuffled)
        if self._trainer.reseed:
            yield "another seed", "the model with another seed", RetrainedCandidate(self, own, self._trainer.reseed())
        for turn in range(2):
            # The baseline knows fewer rows than there are, so that there are new ones to add: later ones, by time.
            order = np.random.default_rng(turn).permutation(size)
            if table.keys is not None and own.split.get("by") == "time":
                order = order[np.argsort(table.keys[order], kind="stable")]
            known = order[: int(size / (1 + MORE))]
            old = on_rows(known)
            if turn == 0:
                yield "15 % more rows", "15 % more rows of the same kind", RetrainedCandidate(self, old, own)
            new = order[len(known) :][: int(ROLLED * len(known))]
            window = RetrainedCandidate(self, old, on_rows(np.concatenate([known[len(new) :], new])))
            yield f"a rolling window {turn + 1}", "a tenth of the rows removed, and as many added", window

    def _train(self, columns: Columns, target: Array) -> TrainedRelease | None:
        """Train on a table with a fault; None where its rows can no longer be split, so that no trial sees it."""
        try:
            return self._trainer.train(columns, target)
        except SeatrialError:
            return None

    def _trainable(self, target: Array) -> bool:
        scoring = self.setup.queries.scoring
        if not scoring.classifies:
            return len(target) > FEWEST
        return bool(np.bincount(scoring.positions(target), minlength=len(scoring.classes)).min() >= FEWEST)


def _carrying(release: TrainedRelease) -> Table:
    """A release's table, with what its rows are split by and their weights as further columns."""
    table = release.training.table
    further = carried_columns(table.keys, table.weights)
    return replace(table, columns={**table.columns, **further}) if further else table


def _make_queries(setup: ProofSetup, old: TrainedRelease, new: TrainedRelease) -> Queries:
    """Ask what a trial of these two asks: rows that neither was trained on, and probes."""
    # The baseline's rows come first: the candidate's labels may have the very fault that is tested.
    for own, other in ((old, new), (new, old)):
        rows = own.training.held_out
        rows = rows.take(np.arange(min(rows.rows, MOST_ROWS)))
        rows = rows.take(held_out(rows, other.split)) if rows.rows else rows
        if rows.rows:
            break
    columns = {name: rows.columns[name] for name in old.training.held_out.columns}
    probes = tuple(probe_rows(setup.columns, [dict(row) for row in setup.golden.rows[:PROBED]]))
    labelled = joined([LabelledRows(columns, rows.target, rows.keys, rows.weights)])
    selected = Rows(labelled, probes, {}, by_group=old.training.by_group)
    return make_trial_queries(setup.queries.scoring, selected, setup.columns)
