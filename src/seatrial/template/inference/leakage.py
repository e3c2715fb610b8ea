"""Finds the columns that a model must not use: identifiers, constants, copies of one another, and leaks of the target.

Each guess comes with its evidence. It is made with numpy alone, on a sample of the rows where they are many.
"""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from seatrial.template.records import ColumnFacts, TargetFacts

Floats = npt.NDArray[np.float64]
Found = tuple[str, str]  # the reason, and the evidence

SAMPLE = 20_000
FEWEST_ROWS = 50  # below it, a column may know the target by chance
BINS = 64
KNOWS_AUC = 0.995
KNOWS_R2 = 0.995
KNOWS_ERROR = {"binary": 0.12, "multiclass": 0.02}  # of the error of always saying the most frequent class
ALIKE = 0.999
CHANCE = 1e-9  # of rows of one class only, if the class had nothing to do with it
_NAMED_ID = re.compile(
    r"(?i:(^|[_\W])(ids?|uuid|guid|key|pk|index|rownames?|rowid|row_?number)($|[_\W]))|[a-z]I[dD]$|^Unnamed|"
    # Words that an identifier is written together with; `paid`, `grid` and `valid` end in "id", too.
    r"(?i:(customer|client|user|passenger|order|product|account|patient|employee|member|session|transaction|record|row)id$)"
)


def identifier(column: ColumnFacts) -> Found | None:
    """Whether it names the row: each value once (or nearly), and by its name or its form."""
    rows = len(column.values) - column.missing
    if rows < 10 or column.kind in ("boolean", "date", "moment", "number"):
        return None
    share = column.distinct / rows
    shown = f"{column.distinct:,} different values in {rows:,} rows"
    named = _NAMED_ID.search(column.source) is not None
    if share > 0.95 and named:
        return "an identifier by its name", shown
    if share > 0.5 and named and column.kind in ("code", "text"):
        return "nearly an identifier, by its name", shown
    if column.kind == "integer" and share == 1:
        values = column.values.drop_null().to_numpy()
        steps = np.diff(values)
        if (steps > 0).all() and values[-1] - values[0] < 2 * rows:
            return "it counts the rows", f"rises by {np.median(steps):.0f} from row to row"
    if column.kind == "code" and share > 0.99 and rows >= 20:
        return "an identifier: each row has its own", shown
    return None


def constant(column: ColumnFacts) -> Found | None:
    """Whether it says nothing: no value at all, or always the same."""
    rows = len(column.values)
    if column.missing == rows:
        return "no row has a value", f"{rows:,} rows"
    if column.distinct == 1 and not column.missing:
        return "the same value in every row", str(column.values[0].as_py())[:60]
    return None


def copies(columns: Sequence[ColumnFacts], rows: npt.NDArray[np.int64]) -> dict[str, Found]:
    """Columns that say what an earlier one says: the same groups of rows, or correlated above 0.999."""
    found: dict[str, Found] = {}
    groups: dict[bytes, str] = {}
    for column in columns:
        codes = _codes(column, rows)
        key = codes.tobytes()
        if codes.max(initial=0) + 1 > len(rows) / 2:
            continue  # nearly every row has a value of its own, which says nothing
        if codes.max(initial=0) > 0 and key in groups:
            found[column.name] = (f"it says the same as `{groups[key]}`", "each value there goes with one value here")
        groups.setdefault(key, column.name)
    numeric = [c for c in columns if c.kind in ("integer", "number") and c.name not in found and c.distinct > 2]
    if len(numeric) < 2 or len(rows) < 10:
        return found
    matrix = np.array([_numbers(c)[rows] for c in numeric])
    there = ~np.isnan(matrix)
    with np.errstate(all="ignore"):
        means = np.nanmean(matrix, axis=1, keepdims=True)
        scaled = np.nan_to_num((matrix - means) / np.nanstd(matrix, axis=1, keepdims=True))
        shared = there.astype(np.float64) @ there.T  # rows in which both have a value
        likeness = scaled @ scaled.T / np.maximum(shared, 1)
    for later in range(1, len(numeric)):
        for earlier in range(later):
            value = abs(float(likeness[earlier, later]))
            if (
                ALIKE <= value < 1.001
                and (there[earlier] == there[later]).mean() > 0.99
                and numeric[earlier].name not in found
            ):
                found[numeric[later].name] = (
                    f"nearly the same as `{numeric[earlier].name}`",
                    f"correlation {value:.4f}",
                )
                break
    return found


def leak(column: ColumnFacts, target: TargetFacts, truth: Any, rows: npt.NDArray[np.int64]) -> Found | None:
    """Whether the column alone predicts rows of the target that were held out, almost perfectly.

    `truth` are codes of classes (n,) or numbers (n,). Rows are put into groups by the column's value (numbers by their
    quantiles, missing as a group of its own), and each group is given what its other rows have.
    """
    if len(rows) < FEWEST_ROWS:
        return None
    values, truth = _codes(column, rows, bins=BINS), truth[rows]
    if target.task == "regression":
        truth = _ranks(truth)  # so that a copy shows whatever its scale, and a long tail hides nothing
    half = np.random.default_rng(0).permutation(len(rows)) % 2 == 0
    if len(np.unique(values)) > len(rows) / 4:
        return None  # a value for each row predicts no other
    sums = _means(values, truth, half, target)
    given = sums[values[~half]]
    if target.task == "regression":
        rest = truth[~half]
        total = float(((rest - truth[half].mean()) ** 2).sum())
        r2 = 1 - float(((rest - given[:, 0]) ** 2).sum()) / total if total else 0.0
        return (
            ("it knows the target", f"held-out R2 of ranks {r2:.4f} by this column alone") if r2 >= KNOWS_R2 else None
        )
    rest = truth[~half].astype(np.int64)
    counts = np.bincount(rest, minlength=sums.shape[1])
    if counts.min() < 5 and target.task == "binary":
        return None
    trivial = 1 - float(counts.max()) / len(rest)
    error = float((given.argmax(axis=1) != rest).mean())
    if target.task == "binary":
        auc = _auc(given[:, 1], rest)
        if auc >= KNOWS_AUC:
            return "it knows the target", f"held-out AUC {auc:.4f} by this column alone"
    if trivial and error <= KNOWS_ERROR[target.task] * trivial:
        return "it knows the target", f"{1 - error:.1%} of held-out rows right by this column alone"
    return None


def told_by_presence(column: ColumnFacts, target: TargetFacts, truth: Any) -> Found | None:
    """Whether there is a value (or none) only in rows of one class, as where it is filled in after the fact."""
    if target.task == "regression" or not column.missing:
        return None
    there = column.values.is_valid().to_numpy(zero_copy_only=False)
    shares = np.bincount(truth) / len(truth)
    for rows, what in ((truth[there], "a value"), (truth[~there], "no value")):
        label = int(rows[0]) if len(rows) else 0
        if len(rows) and (rows == label).all() and len(rows) * np.log(shares[label]) < np.log(CHANCE):
            name = target.ordered[label]
            return (
                "it tells the target by being there",
                f"{what} in {len(rows):,} rows, all of them {target.source} = {name}",
            )
    return None


def sample_rows(count: int) -> npt.NDArray[np.int64]:
    """The positions of the rows that are looked at."""
    if count <= SAMPLE:
        return np.arange(count)
    return np.sort(np.random.default_rng(0).choice(count, SAMPLE, replace=False))


def _means(values: Any, truth: Any, half: Any, target: TargetFacts) -> Floats:
    """What the rows of a half have in each group: the mean, or the share of each class, drawn to the whole a little."""
    size = int(values.max()) + 1
    outputs = 1 if target.task == "regression" else max(len(target.labels), 2)
    sums = np.zeros((size, outputs))
    seen = np.bincount(values[half], minlength=size).astype(np.float64)
    for output in range(outputs):
        wanted = truth[half] if outputs == 1 else (truth[half] == output).astype(np.float64)
        prior = float(wanted.mean())
        weight = 0.1 if outputs == 1 else 1.0
        sums[:, output] = (np.bincount(values[half], weights=wanted, minlength=size) + weight * prior) / (seen + weight)
    return sums


def _ranks(values: Floats) -> Floats:
    """Ranks, the same for equal values."""
    _, codes, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[codes])


def _auc(scores: Floats, truth: Any) -> float:
    order = np.argsort(scores, kind="stable")
    ordered = scores[order]
    ends = np.flatnonzero(np.concatenate([ordered[1:] != ordered[:-1], [True]]))
    starts = np.concatenate([[0], ends[:-1] + 1])
    ranks = np.empty(len(scores))
    ranks[order] = np.repeat((starts + ends) / 2 + 1, ends - starts + 1)
    yes = truth == 1
    count = int(yes.sum())
    pairs = count * (len(truth) - count)
    return (float(ranks[yes].sum()) - count * (count + 1) / 2) / pairs if pairs else 0.5


def _numbers(column: ColumnFacts) -> Floats:
    import pyarrow as pa

    values = column.values
    if pa.types.is_date(values.type):
        values = values.cast(pa.int32())
    if pa.types.is_timestamp(values.type):
        values = values.cast(pa.int64())
    return np.asarray(values.cast(pa.float64()).to_numpy(zero_copy_only=False))


def _codes(column: ColumnFacts, rows: npt.NDArray[np.int64], *, bins: int = 0) -> Any:
    """A number for each value, counted in the order in which values come; missing has one too. Or by quantiles."""
    import pyarrow as pa

    if bins and column.kind in ("integer", "number", "date", "moment") and column.distinct > bins:
        numbers = _numbers(column)[rows]
        here = ~np.isnan(numbers)
        edges: Any = np.unique(np.quantile(numbers[here], np.linspace(0, 1, bins + 1)[1:-1])) if here.any() else []
        return np.where(here, np.searchsorted(edges, np.nan_to_num(numbers), side="right") + 1, 0)
    taken = column.values.take(pa.array(rows))
    coded = taken.dictionary_encode(null_encoding="encode")
    return coded.indices.to_numpy().astype(np.int64)
