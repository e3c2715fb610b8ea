"""Harmless changes: what a release may do without being stopped, by setting.

Where rows are in random order, old and new ones are one population: any stop is a false alarm. Where they are in the
order of time the world may have moved, so those settings are reported on their own.
"""

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmarks.detection.batches import plain
from benchmarks.detection.cases import Case, Result, trial_result
from benchmarks.detection.scenarios import DECLARED, IN_TIME, MATURED, POOL, Candidate, Scenario, changed, part
from benchmarks.detection.trial_checks import run_trial
from seatrial.train.training_table import TrainingTable

REPEATS = 4  # of each change that draws rows or a seed
CORRECTED = (0.01, 0.02, 0.03)
PENDING = 0.3  # of the newest fifth of the positive labels are not yet known to the baseline


@dataclass(frozen=True)
class Release:
    """A candidate, with what the trial needs in some settings: see `run_trial`."""

    candidate: Candidate
    twin: Candidate | None = None
    rebuilt: Candidate | None = None


@dataclass(frozen=True)
class Setting:
    """One kind of harmless change, and how often it is tried in a scenario."""

    name: str
    repeats: int
    make: Callable[[Scenario, int], Release]


def harmless_cases(scenario: Scenario) -> Iterator[Case]:
    """Every harmless change of a scenario."""
    for setting in TIMED if scenario.timed else SETTINGS:
        for repeat in range(setting.repeats):
            run = partial(_run, scenario, setting, repeat)
            yield Case(f"{setting.name} {repeat}", "benign", setting.name, run)
    if not scenario.timed and len(scenario.recipe.table.classes) == 2:
        for name, declared in ((MATURED, False), (DECLARED, True)):
            yield Case(f"{name} 0", "benign", name, partial(_matured, scenario, declared=declared))


def _run(scenario: Scenario, setting: Setting, repeat: int) -> Result:
    release = setting.make(scenario, repeat)
    checks = run_trial(scenario, release.candidate, twin=release.twin, rebuilt=release.rebuilt)
    return trial_result(scenario, checks, release.candidate.fitted(scenario.queries.rows), (), ())


def _trained(change: Callable[[Scenario, int], TrainingTable]) -> Callable[[Scenario, int], Release]:
    return lambda scenario, repeat: Release(scenario.train(change(scenario, repeat)))


def _another_seed(scenario: Scenario, repeat: int) -> Release:
    seed = 5000 + 10 * scenario.seed + repeat
    return Release(scenario.train(scenario.recipe.table, seed=seed), twin=scenario.baseline)


def _refactored(scenario: Scenario, _: int) -> Release:
    return Release(scenario.train(scenario.recipe.table), rebuilt=scenario.train(scenario.recipe.table))


def _shuffled(table: TrainingTable, seed: int) -> TrainingTable:
    return part(table, np.random.default_rng(seed).permutation(table.rows))


def _reordered(table: TrainingTable) -> TrainingTable:
    return dataclasses.replace(table, columns=dict(reversed(table.columns.items())))


def _exported(scenario: Scenario, repeat: int) -> TrainingTable:
    """15 % more rows, exported by other software: another order of rows and columns, numbers written differently."""
    table = _reordered(_shuffled(scenario.more(repeat + 1), repeat))
    columns = {
        name: np.array([float(f"{v:.17e}") for v in values.tolist()]) if values.dtype.kind == "f" else values
        for name, values in table.columns.items()
    }
    return dataclasses.replace(table, columns=columns)


def _corrected(scenario: Scenario, repeat: int) -> TrainingTable:
    """15 % more rows; 1 to 3 % of the old rows have a corrected value in one column."""
    table, g = scenario.more(repeat + 1), np.random.default_rng([scenario.seed, repeat, 3])
    name = list(table.columns)[int(g.integers(0, len(table.columns)))]
    old = len(scenario.old_rows)
    rows = g.permutation(old)[: max(1, round(CORRECTED[repeat % 3] * old))]
    values = plain(table.columns[name])
    values[rows] = values[g.permutation(old)[: len(rows)]]
    return dataclasses.replace(table, columns={**table.columns, name: values})


def _with_deletions(scenario: Scenario, repeat: int) -> TrainingTable:
    """15 % more rows; 2 % of the old rows were deleted, as people may ask."""
    table, g = scenario.more(repeat + 1), np.random.default_rng([scenario.seed, repeat, 4])
    gone = g.permutation(len(scenario.old_rows))[: max(1, len(scenario.old_rows) // 50)]
    return part(table, np.setdiff1d(np.arange(table.rows), gone))


def _matured(scenario: Scenario, *, declared: bool) -> Result:
    """Outcomes that were pending in the baseline's table, and therefore negative, are known in the candidate's.

    If it is `declared`, the policy says that the negative label may be pending.
    """
    table, g = scenario.recipe.table, np.random.default_rng([scenario.seed, 5])
    negative, positive = table.classes
    newest = np.arange(table.rows) >= 0.8 * table.rows
    pending = newest & (table.target == positive) & (g.random(table.rows) < PENDING)
    target = np.where(pending, negative, table.target).astype(table.target.dtype)
    if len(np.unique(target)) < 2 or not pending.any():
        return {"outcome": "not applicable"}
    before = scenario.on_baseline(changed(table, table.columns, target))
    if declared:
        before.policy = before.policy.model_copy(update={"pending": [negative]})
    candidate = before.train(scenario.more(0))
    checks = run_trial(before, candidate)
    return trial_result(before, checks, candidate.fitted(before.queries.rows), (), ())


def _grown(share: float, repeats: int, before: str = "") -> tuple[Setting, Setting]:
    """More rows, and as many rows as before."""
    more = _trained(lambda scenario, repeat: scenario.more(repeat + 1, share))
    rolled = _trained(lambda scenario, repeat: scenario.rolled(repeat + 1, share))
    words = f"{100 * share:.0f} %"
    return (
        Setting(f"{before}{words} more rows", repeats, more),
        Setting(f"{before}rolling window, {words}", repeats, rolled),
    )


SETTINGS = (
    Setting("another seed", REPEATS, _another_seed),
    # Where all rows that were kept back are new, each repeat would have the same ones.
    *(setting for share in (0.05, 0.15, POOL) for setting in _grown(share, REPEATS if share < POOL else 1)),
    Setting("exported by other software", REPEATS, _trained(_exported)),
    Setting("old rows corrected", 3, _trained(_corrected)),
    Setting("old rows deleted", 2, _trained(_with_deletions)),
    Setting("rows shuffled", 1, _trained(lambda scenario, repeat: _shuffled(scenario.recipe.table, repeat))),
    Setting("columns reordered", 1, _trained(lambda scenario, _: _reordered(scenario.recipe.table))),
    Setting("refactoring", 1, _refactored),
    Setting("nothing changed", 1, _trained(lambda scenario, _: scenario.recipe.table)),
)
# Each of these is one release of a scenario; another seed is another part of the table.
TIMED = tuple(setting for share in (0.05, 0.15, 0.25) for setting in _grown(share, 1, IN_TIME))
