"""Which groups of rows the model predicts worse than the rest: by category, and by the quarters of a number."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from statistics import NormalDist

import numpy as np

from seatrial.model.categorical import codes_of, occurring
from seatrial.model.features import Array, Columns
from seatrial.model.schema import Column
from seatrial.pages.words import between, cell, percent, plain, rough, whole
from seatrial.train.evaluation import Evaluation, Importance
from seatrial.train.metrics import wilson

MOST_COLUMNS = 6
MOST_VALUES = 8
FEWEST_ROWS = 10
CHANCE = 0.05  # that any group at all is called worse although none is


@dataclass(frozen=True)
class RowGroup:
    """A group of held-out rows: the share of correct predictions, or the mean absolute error, as text."""

    column: str
    name: str
    rows: int
    value: str
    interval: str
    worse: bool


def row_groups(
    evaluation: Evaluation, importance: Sequence[Importance], held_out: Columns, columns: Sequence[Column]
) -> tuple[RowGroup, ...]:
    """Measure the groups of the most important columns; groups under ten rows are left out.

    A group is worse than the rest if that happens by chance in one of twenty reports, with all groups considered.
    """
    good = -np.abs(evaluation.predicted - evaluation.labels) if evaluation.regression else None
    good = (evaluation.predicted == evaluation.labels).astype(float) if good is None else good.astype(float)
    weight = {one.column: one.mean for one in importance}
    ordered = sorted(columns, key=lambda column: -weight.get(column.name, 0.0))
    found: list[tuple[str, str, Array]] = []
    for column in ordered:
        groups = [(n, rows) for n, rows in _groups(held_out[column.name], column) if rows.sum() >= FEWEST_ROWS]
        if len(groups) > 1 and len({name for name, _, _ in found}) < MOST_COLUMNS:
            found += [(column.name, name, rows) for name, rows in groups]
    limit = NormalDist().inv_cdf(1 - CHANCE / max(len(found), 1))
    return tuple(_measured(column, name, good, rows, limit, evaluation.regression) for column, name, rows in found)


def _groups(values: Array, column: Column) -> Iterator[tuple[str, Array]]:
    if column.kind in ("text", "other"):
        return
    if column.numeric:
        numbers = np.asarray(values, dtype=float)
        missing = np.isnan(numbers)
        distinct = np.unique(numbers[~missing])
        written = whole if column.kind in ("integer", "category") else plain
        if len(distinct) > MOST_VALUES:
            cuts = np.unique(np.quantile(numbers[~missing], [0.25, 0.5, 0.75]))
            place = np.searchsorted(cuts, numbers, side="left")
            ends = [written(cut) for cut in cuts.tolist()]
            inner = [f"{low} to {high}" for low, high in pairwise(ends)]
            names = [f"up to {ends[0]}", *inner, f"over {ends[-1]}"]
            yield from ((name, (place == number) & ~missing) for number, name in enumerate(names))
        else:
            name = {0.0: "no", 1.0: "yes"}.__getitem__ if column.kind == "boolean" else written
            yield from ((name(value), numbers == value) for value in distinct.tolist())
    else:
        known = codes_of(values) if isinstance(values, np.ndarray) and values.dtype == object else None
        objects, codes = known or (np.asarray(values, dtype=object), np.arange(len(values)))
        absent = np.array([value is None or value != value for value in objects.tolist()])  # noqa: PLR0124 - NaN
        missing = absent[codes]
        counted = occurring(values) if known else Counter(objects[~absent].tolist())
        del counted[None]
        yield from ((cell(value), (objects == value)[codes]) for value, _ in counted.most_common(MOST_VALUES))
    yield "missing", missing


def _measured(column: str, name: str, good: Array, rows: Array, limit: float, regression: bool) -> RowGroup:
    inside, outside = good[rows], good[~rows]
    count, mean = len(inside), float(inside.mean())
    error = float(good.std()) * sqrt(1 / count + 1 / max(len(outside), 1))
    worse = len(outside) > 0 and error > 0 and (float(outside.mean()) - mean) / error > limit
    if regression:
        half = 1.96 * float(inside.std()) / sqrt(count)
        value, interval = rough(-mean), f"{rough(max(-mean - half, 0.0))} to {rough(-mean + half)}"
    else:
        value, interval = percent(mean), between(*wilson(mean, count))
    return RowGroup(column, name, count, value, interval, worse)
