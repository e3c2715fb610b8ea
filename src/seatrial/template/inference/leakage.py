"""Finds single columns that a model must not use: constants, copies of one another, and leaks of the target.

Each reason comes with its evidence. Only numpy is needed; of large tables, a sample of the rows is checked.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from seatrial.template.inference.association import CERTAIN, DOUBTFUL, Answer, Strength, strength
from seatrial.template.inference.column_arrays import codes_of, grouped, numbers_of
from seatrial.template.records import ColumnFacts, Reason, TargetFacts

LEAK = "it reveals the target"
SAME_CORRELATION = 0.999
CHANCE = 1e-9  # probability that all these rows have one class if the class were unrelated


def constant(column: ColumnFacts) -> Reason | None:
    """The reason if it carries no information: no value at all, or always the same."""
    rows = len(column.values)
    if column.missing == rows:
        return "no row has a value", f"{rows:,} rows"
    if column.distinct == 1 and not column.missing:
        return "the same value in every row", str(column.values[0].as_py())[:60]
    return None


def copies(columns: Sequence[ColumnFacts], rows: npt.NDArray[np.int64]) -> dict[str, Reason]:
    """Columns that repeat an earlier one: they group the rows in the same way, or their correlation is above 0.999."""
    reasons: dict[str, Reason] = {}
    groups: dict[bytes, str] = {}
    for column in columns:
        codes = codes_of(column, rows)
        key = codes.tobytes()
        if codes.max(initial=0) + 1 > len(rows) / 2:
            continue  # nearly every row has its own value, so equal groups mean nothing
        if codes.max(initial=0) > 0 and key in groups:
            reasons[column.name] = (f"a copy of `{groups[key]}`", "each value there corresponds to one value here")
        groups.setdefault(key, column.name)
    numeric = [c for c in columns if c.kind in ("integer", "number") and c.name not in reasons and c.distinct > 2]
    if len(numeric) < 2 or len(rows) < 10:
        return reasons
    matrix = np.array([numbers_of(c)[rows] for c in numeric])
    present = ~np.isnan(matrix)
    with np.errstate(all="ignore"):
        means = np.nanmean(matrix, axis=1, keepdims=True)
        scaled = np.nan_to_num((matrix - means) / np.nanstd(matrix, axis=1, keepdims=True))
        shared = present.astype(np.float64) @ present.T  # rows in which both have a value
        correlations = abs(scaled @ scaled.T / np.maximum(shared, 1))
    absent = (~present).astype(np.float64)
    same_rows = shared + absent @ absent.T > 0.99 * len(rows)
    alike = (correlations >= SAME_CORRELATION) & (correlations < 1.001) & same_rows
    for later, earlier in np.argwhere(np.tril(alike, -1)).tolist():
        if numeric[earlier].name not in reasons:
            why = f"nearly the same as `{numeric[earlier].name}`"
            reasons.setdefault(numeric[later].name, (why, f"correlation {correlations[earlier, later]:.4f}"))
    return reasons


def leak(column: ColumnFacts, answer: Answer, rows: npt.NDArray[np.int64], tried: int) -> Strength | None:
    """How well the column alone predicts held-out rows of the target; `tried` counts the columns."""
    codes, numbers = grouped(column, rows)
    return strength(codes, numbers, answer, tried=tried)


def certain_leak(found: Strength | None, answer: Answer) -> Reason | None:
    """The reason to leave a column out: it alone predicts the target almost perfectly."""
    if found is None or not found.within(CERTAIN, answer.task):
        return None
    return LEAK, f"{found.evidence} from this column alone"


def doubtful_leak(found: Strength | None, answer: Answer) -> Reason | None:
    """The reason for a doubt: it predicts the target so well that it may contain the answer, but need not."""
    if found is None or not found.within(DOUBTFUL, answer.task):
        return None
    return "it may reveal the target", f"{found.evidence} from this column alone"


def revealed_by_presence(column: ColumnFacts, target: TargetFacts, truth: Any) -> Reason | None:
    """The reason if only rows of one class have a value (or none), as when it is filled in after the outcome."""
    if target.task == "regression" or not column.missing:
        return None
    present = column.values.is_valid().to_numpy(zero_copy_only=False)
    shares = np.bincount(truth) / len(truth)
    for rows, what in ((truth[present], "a value"), (truth[~present], "no value")):
        label = int(rows[0]) if len(rows) else 0
        if len(rows) and (rows == label).all() and len(rows) * np.log(shares[label]) < np.log(CHANCE):
            name = target.ordered[label]
            why = "whether it has a value reveals the target"
            return why, f"{what} in {len(rows):,} rows, all with {target.source} = {name}"
    return None
