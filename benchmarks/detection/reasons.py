"""Why a fault of new rows was missed, by measurement: what it changed, and how much the other columns could show of it.

Both the faulty rows and the same rows without the fault are known here, which the trial never has.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.detection.batches import LABEL, Faulty, differ
from benchmarks.detection.row_faults import REPEATED
from benchmarks.detection.scenarios import Scenario, held_out_rows, part
from seatrial.model.features import Array
from seatrial.train.training_table import TrainingTable
from seatrial.trial.compare.row_matching import Table, repeats
from seatrial.trial.traits.fit_marks import fit_marks
from seatrial.trial.traits.pool import make_pool, pool_column

FEW_ROWS = 35
FEW_CELLS = 0.02
WEAK = 0.1  # the share of a column, or of the label, that is explained, below which another value is as likely
CHANCE = 2.0  # standard distances (Kolmogorov and Smirnov) that chance reaches in one of 1,500 columns
EQUAL = 0.02  # of the old rows that repeat another one
NOT_MEASURED, NONE_FOUND = "not measured", "no reason found"
REASONS = (
    "few new rows", "few cells", "equal rows are common", "labels that the baseline hardly predicts",
    "columns that the others hardly predict", "shares that moved no more than by chance", NONE_FOUND, NOT_MEASURED,
)  # fmt: skip
Why = dict[str, Any]


def measure(scenario: Scenario, table: TrainingTable, new: Array, faulty: Faulty) -> Why:
    """What a fault changed in the rows `new` (a mask) of a table without it.

    `skill` is how much of the trivial loss the baseline saves, `explained` what the other columns explain of the
    changed one that they explain best, `distance` how far the fault moved a changed column's distribution at most, in
    units of what chance does to so many rows, and `equal` the share of old rows that repeat another one.
    """
    target = scenario.recipe.project.target
    before = {**table.columns, LABEL: table.target}
    after = {**faulty.columns, LABEL: faulty.target}
    same_rows = len(faulty.target) == len(table.target)
    changed = [n for n in before if not same_rows or differ(before[n], after[n])[new].any()]
    old_rows = int((~new).sum())
    distances = {n: _distance(before[n][new], after[n][faulty.new], old_rows) for n in changed}
    both, old = (Table(t.columns, t.target, target) for t in (table, part(table, np.flatnonzero(~new))))
    pool = make_pool(old, both, np.flatnonzero(new))
    explained = {p.coded.column.name: p.explained for p in fit_marks(pool)[1]}
    columns = [n for n in changed if n != LABEL]
    return {
        "skill": round(_skill(scenario), 3),
        "explained": round(max((explained.get(n, 0.0) for n in columns), default=0.0), 3),
        "distance": round(max(distances.values(), default=0.0), 2),
        "equal": round(repeats(old), 3),
        "label": LABEL in changed if same_rows else LABEL in faulty.names,
        "repeats": not same_rows and set(REPEATED) <= set(faulty.words),
        "same rows": same_rows,
    }


def reason(line: dict[str, Any]) -> str:
    """The reason why the fault of a line of results was missed: one of `REASONS`."""
    why = line.get("why")
    if why is None:
        return NOT_MEASURED
    return next(_reasons(line, why), NONE_FOUND)


def _reasons(line: dict[str, Any], why: Why) -> Iterator[str]:
    if line["new_rows"] < FEW_ROWS:
        yield "few new rows"
    if line["cells"] < FEW_CELLS and not why["label"]:
        yield "few cells"
    if why["repeats"] and why["equal"] > EQUAL:
        yield "equal rows are common"
    if why["repeats"] or why["distance"] >= CHANCE:
        return
    if not why["same rows"]:
        yield "shares that moved no more than by chance"
    elif why["label"] and why["skill"] < WEAK:
        yield "labels that the baseline hardly predicts"
    elif not why["label"] and why["explained"] < WEAK:
        yield "columns that the others hardly predict"


def _distance(before: Array, after: Array, old_rows: int) -> float:
    """How far a fault moved a column's distribution, in units of the chance distance of new rows from old ones."""
    from scipy.stats import ks_2samp

    codes = pool_column("", before, after).codes
    largest = float(ks_2samp(*np.split(codes, [len(before)])).statistic)
    return largest * float(np.sqrt(old_rows * len(after) / (old_rows + len(after))))


def _skill(scenario: Scenario) -> float:
    """How much smaller the baseline's loss is than that of a constant, on the rows held out from its training."""
    scoring, known = scenario.scoring, held_out_rows(scenario.recipe)
    truth = scoring.positions(known.target)
    own = float(scoring.losses(scenario.baseline.fitted(known.columns), truth).mean())
    trivial = float(scoring.losses(scoring.constant_scores(truth), truth).mean())
    return 1 - own / trivial if trivial else 0.0
