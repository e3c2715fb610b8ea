"""The cases of the benchmark that inject faults into the new rows alone."""

import zlib
from collections.abc import Iterator
from functools import cached_property, partial

import numpy as np

from benchmarks.detection.batches import LABEL, Batch, cells_changed
from benchmarks.detection.cases import Case, Result, profile, related, trial_result
from benchmarks.detection.new_row_faults import (
    LEAST_ANSWERS,
    LEAST_CELLS,
    NEW_ROW_FAULTS,
    NewRowFault,
    inject_new,
)  # fmt: skip
from benchmarks.detection.reasons import measure
from benchmarks.detection.scenarios import Candidate, Scenario, changed
from benchmarks.detection.trial_checks import data_suite, total_suite
from seatrial.model.features import Array
from seatrial.trial.difference_checks import say_what_is_left
from seatrial.trial.records import Check, Outcome

MOVED = 0.1  # of the target's standard deviation: a regression's answer that differs by more has moved
FEWEST_OF_CLASS = 8
FAILED = (Outcome.blocked, Outcome.waiting, Outcome.inconclusive)


def new_row_cases(scenario: Scenario) -> Iterator[Case]:
    """Every fault of new rows in a scenario, the new rows being 15 % of the old ones (13 % of the table)."""
    clean = _Clean(scenario)
    for fault in NEW_ROW_FAULTS.values():
        yield Case(fault.name, "new-row fault", fault.family, partial(_run, scenario, fault, clean))


class _Clean:
    """What is known of the release without a fault, found out when first needed."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario

    @cached_property
    def order(self) -> tuple[str, ...]:
        """The columns that the model uses, the most important first."""
        return tuple(profile(self._scenario).order)

    @cached_property
    def failures(self) -> frozenset[str]:
        """The checks that fail without a fault; they do not count as catching one."""
        checks = _checks(self._scenario, self._scenario.usual)
        return frozenset(check.id for check in checks if check.outcome in FAILED)


def _run(scenario: Scenario, fault: NewRowFault, clean: _Clean) -> Result:
    table = scenario.more(0)
    new = np.arange(table.rows) >= len(scenario.old_rows)
    generator = np.random.default_rng([scenario.seed, zlib.crc32(fault.name.encode())])
    faulty = inject_new(fault, table.columns, table.target, new, generator, clean.order)
    if faulty is None:
        return {"outcome": "not applicable"}
    faulty_table = changed(table, faulty.columns, faulty.target)
    if scenario.scoring.classifies and (
        set(faulty_table.classes) != set(scenario.scoring.classes)
        or min(np.unique(faulty_table.target.astype(str), return_counts=True)[1]) < FEWEST_OF_CLASS
    ):
        return {"outcome": "not applicable"}
    about = {
        "cells": cells_changed(Batch(table.columns, table.target, new, generator), faulty),
        "new_rows": int(new.sum()),
        "listed": fault.listed,
        "added": fault.added,
    }
    allowed = scenario.recipe.checker.allowed(faulty.columns)
    if not allowed.all():
        # Training stops at rows that the schema rejects, and names the column and the value.
        return {**about, "outcome": "rejected", "rows": int((~allowed).sum()), "equivalent": False}
    candidate = scenario.train(faulty_table)
    checks = [check for check in _checks(scenario, candidate) if check.id not in clean.failures]
    target = scenario.recipe.project.target
    checks = say_what_is_left(checks, target)
    names = related(scenario, tuple(name for name in faulty.names if name != LABEL))
    names = (*names, target) if LABEL in faulty.names else names
    scores = candidate.fitted(scenario.queries.rows)
    result = trial_result(scenario, checks, scores, names, faulty.words)
    moved = _moved(scenario, scores)
    small = about["cells"] < LEAST_CELLS and moved < LEAST_ANSWERS
    missed = result["outcome"] == Outcome.passed.value and not small
    why = {"why": measure(scenario, table, new, faulty)} if missed else {}
    return {**result, **about, "moved": moved, "small": small, "blamed": list(names)[:8], **why}


def _checks(scenario: Scenario, candidate: Candidate) -> list[Check]:
    """The suites that compare tables and models; serving adds nothing to what this training produced."""
    return total_suite(scenario, candidate, candidate.fitted, None) + data_suite(scenario, candidate)


def _moved(scenario: Scenario, scores: Array) -> float:
    """The share of labels that differ from those of the same release without the fault; of moved predictions."""
    scoring, usual = scenario.scoring, scenario.usual.fitted(scenario.queries.rows)
    if scoring.classifies:
        return float((scoring.decide(usual) != scoring.decide(scores)).mean())
    return float((np.abs(usual - scores) > MOVED * scoring.scale).mean())
