"""Finds the columns that a model must not use: identifiers, constants, copies of one another, and leaks of the target.

Each reason comes with its evidence. Only numpy is needed; of large tables, a sample of the rows is checked.
"""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from seatrial.model.bootstrap import roc_auc
from seatrial.template.records import ColumnFacts, TargetFacts

Floats = npt.NDArray[np.float64]
Reason = tuple[str, str]  # why the column is left out, and the evidence

SAMPLE = 20_000
FEWEST_ROWS = 50  # with fewer, a column may predict the target by chance
BINS = 64
LEAK = "it reveals the target"
LEAK_AUC = 0.995
LEAK_R2 = 0.995
LEAK_ERROR = {"binary": 0.12, "multiclass": 0.02}  # relative to the error of always predicting the most frequent class
SAME_CORRELATION = 0.999
CHANCE = 1e-9  # probability that all these rows have one class if the class were unrelated
_NAMED_ID = re.compile(
    r"(?i:(^|[_\W])(ids?|uuid|guid|key|pk|index|rownames?|rowid|row_?number)($|[_\W]))|[a-z]I[dD]$|^Unnamed|"
    # Words that are written together with "id"; `paid`, `grid` and `valid` end in "id" too.
    r"(?i:(customer|client|user|passenger|order|product|account|patient|employee|member|session|transaction|record|row)id$)"
)


def identifier(column: ColumnFacts) -> Reason | None:
    """The reason if it identifies the row: (nearly) every value is unique, and its name or form says so."""
    rows = len(column.values) - column.missing
    if rows < 10 or column.kind in ("boolean", "date", "moment", "number"):
        return None
    share = column.distinct / rows
    evidence = f"{column.distinct:,} distinct values in {rows:,} rows"
    named = _NAMED_ID.search(column.source) is not None
    if share > 0.95 and named:
        return "an identifier, judging by its name", evidence
    if share > 0.5 and named and column.kind in ("code", "text"):
        return "nearly an identifier, judging by its name", evidence
    if column.kind == "integer" and share == 1:
        values = column.values.drop_null().to_numpy()
        steps = np.diff(values)
        if (steps > 0).all() and values[-1] - values[0] < 2 * rows:
            return "a row number", f"it rises by {np.median(steps):.0f} from row to row"
    if column.kind == "code" and share > 0.99 and rows >= 20:
        return "an identifier: it is different in every row", evidence
    return None


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
        codes = _codes(column, rows)
        key = codes.tobytes()
        if codes.max(initial=0) + 1 > len(rows) / 2:
            continue  # nearly every row has its own value, so equal groups mean nothing
        if codes.max(initial=0) > 0 and key in groups:
            reasons[column.name] = (f"a copy of `{groups[key]}`", "each value there corresponds to one value here")
        groups.setdefault(key, column.name)
    numeric = [c for c in columns if c.kind in ("integer", "number") and c.name not in reasons and c.distinct > 2]
    if len(numeric) < 2 or len(rows) < 10:
        return reasons
    matrix = np.array([_numbers(c)[rows] for c in numeric])
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


def leak(column: ColumnFacts, target: TargetFacts, truth: Any, rows: npt.NDArray[np.int64]) -> Reason | None:
    """The reason if the column alone predicts held-out rows of the target almost perfectly.

    `truth` are codes of classes (n,) or numbers (n,). Rows are grouped by the column's value (numbers by their
    quantiles, missing as a separate group), and one half of each group predicts the other half.
    """
    if len(rows) < FEWEST_ROWS:
        return None
    values, truth = _codes(column, rows, bins=BINS), truth[rows]
    if target.task == "regression":
        truth = _ranks(truth)  # so that a copy is detected whatever its scale, and a long tail does not hide it
    half = np.random.default_rng(0).permutation(len(rows)) % 2 == 0
    if len(np.unique(values)) > len(rows) / 4:
        return None  # values that hardly repeat cannot predict other rows
    means = _means(values, truth, half, target)
    predicted = means[values[~half]]
    if target.task == "regression":
        rest = truth[~half]
        total = float(((rest - truth[half].mean()) ** 2).sum())
        r2 = 1 - float(((rest - predicted[:, 0]) ** 2).sum()) / total if total else 0.0
        return (LEAK, f"held-out R2 of ranks {r2:.4f} from this column alone") if r2 >= LEAK_R2 else None
    rest = truth[~half].astype(np.int64)
    counts = np.bincount(rest, minlength=means.shape[1])
    if counts.min() < 5 and target.task == "binary":
        return None
    trivial = 1 - float(counts.max()) / len(rest)
    error = float((predicted.argmax(axis=1) != rest).mean())
    if target.task == "binary":
        auc = roc_auc(rest, predicted[:, 1], np.ones((1, len(rest)), dtype=np.int64)).item()
        if auc >= LEAK_AUC:
            return LEAK, f"held-out AUC {auc:.4f} from this column alone"
    if trivial and error <= LEAK_ERROR[target.task] * trivial:
        return LEAK, f"{1 - error:.1%} of held-out rows predicted correctly from this column alone"
    return None


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


def sample_rows(count: int) -> npt.NDArray[np.int64]:
    """The positions of the rows that are checked."""
    if count <= SAMPLE:
        return np.arange(count)
    return np.sort(np.random.default_rng(0).choice(count, SAMPLE, replace=False))


def _means(values: Any, truth: Any, half: Any, target: TargetFacts) -> Floats:
    """Per group, the mean of a half of its rows or the share of each class, shrunk a little to the overall value."""
    size = int(values.max()) + 1
    outputs = 1 if target.task == "regression" else max(len(target.labels), 2)
    means = np.zeros((size, outputs))
    seen = np.bincount(values[half], minlength=size).astype(np.float64)
    for output in range(outputs):
        outcome = truth[half] if outputs == 1 else (truth[half] == output).astype(np.float64)
        prior = float(outcome.mean())
        weight = 0.1 if outputs == 1 else 1.0
        sums = np.bincount(values[half], weights=outcome, minlength=size)
        means[:, output] = (sums + weight * prior) / (seen + weight)
    return means


def _ranks(values: Floats) -> Floats:
    """Ranks from 1, averaged over equal values."""
    _, codes, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[codes])


def _numbers(column: ColumnFacts) -> Floats:
    values = column.values
    if pa.types.is_date(values.type):
        values = values.cast(pa.int32())
    if pa.types.is_timestamp(values.type):
        values = values.cast(pa.int64())
    return np.asarray(values.cast(pa.float64()).to_numpy(zero_copy_only=False))


def _codes(column: ColumnFacts, rows: npt.NDArray[np.int64], *, bins: int = 0) -> Any:
    """An integer for each distinct value, in order of first appearance, one of them for missing; or for quantiles."""
    if bins and column.kind in ("integer", "number", "date", "moment") and column.distinct > bins:
        numbers = _numbers(column)[rows]
        present = ~np.isnan(numbers)
        quantiles = np.linspace(0, 1, bins + 1)[1:-1]
        edges: Any = np.unique(np.quantile(numbers[present], quantiles)) if present.any() else []
        return np.where(present, np.searchsorted(edges, np.nan_to_num(numbers), side="right") + 1, 0)
    encoded = column.values.take(pa.array(rows)).dictionary_encode(null_encoding="encode")
    return encoded.indices.to_numpy().astype(np.int64)
