"""Traits of how a column fits the others, and of how the label fits its row."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from seatrial.model.features import Array
from seatrial.trial.compare.groups import BINS
from seatrial.trial.traits.fit import (
    MOST_TREES,
    TEXT,
    Prediction,
    code_columns,
    predict_by_trees,
    predict_from_afar,
    predict_linear,
    together,
)
from seatrial.trial.traits.marks import Mark, Trait
from seatrial.trial.traits.pool import Pool, PooledColumn, moved_on

EXPLAINED = 0.05  # the share of a column that others explain from which it is known where its values belong
WORST = (0.02, 0.1)
PART = 0.3  # of the new rows, which a fault may have hit
MOST = 4.0  # of a log likelihood ratio: beyond, a row counts no more, so that few rows do not decide
FEWEST = 25  # rows of a group whose labels are looked at
MOST_GROUPS = 150
ROW_WORDS = "the columns of a row do not fit each other"


def fit_marks(
    pool: Pool, slices: Sequence[str] = (), timed: frozenset[str] = frozenset()
) -> tuple[list[Mark], list[Prediction]]:
    """Mark rows by how badly each column fits the others; and return the predictions, for finding the cause.

    Labels are looked at in the groups of the columns `slices`; of all columns if there are none. How well
    the others predict a column that tells the time (`timed`) is not looked at.
    """
    coded = code_columns(pool)
    linear = [p for p in predict_linear(coded) if p.coded.levels != TEXT]
    order = sorted(linear, key=lambda p: not p.coded.column.label)[:MOST_TREES]
    chosen = [k for k, each in enumerate(coded) if any(each is p.coded for p in order)]
    trees = {p.coded.column.name: p for p in predict_by_trees(coded, chosen)}
    best: list[Prediction] = []
    marks: list[Mark] = []

    def looked_at(prediction: Prediction) -> bool:
        column = prediction.coded.column
        return prediction.explained > EXPLAINED and column.name not in timed and not moved_on(column, pool.old_rows)

    for prediction in linear:
        tree = trees.get(prediction.coded.column.name)
        found = [prediction] if tree is None else [prediction, tree, together(prediction, tree)]
        best.append(max(found, key=lambda p: p.explained))
        if looked_at(best[-1]):
            marks += _marks(best[-1])
        if prediction.coded.column.label:
            marks += _group_marks(pool, best[-1], slices)
    afar = [p for p in predict_from_afar(coded) if p.coded.levels != TEXT]
    marks += [_surprise_mark(p) for p in afar if looked_at(p)]
    fitting = [p for p in best if looked_at(p)]
    if len(fitting) > 1:
        marks += _row_marks(fitting)
    return marks, best


def _row_marks(predictions: Sequence[Prediction]) -> Iterator[Mark]:
    """Mark rows by how badly all columns together fit each other, each by as much as is known about it."""
    total = np.sum([_limited(p.surprise) for p in predictions], axis=0)
    yield Mark("", "row fit", ROW_WORDS, total, more=True)
    yield Mark("", "row fit", ROW_WORDS, _of_a_part(total), more=True)
    for share in WORST:
        yield Mark("", "row fit", ROW_WORDS, total > np.quantile(total, 1 - share), more=True)


def _surprise_mark(prediction: Prediction) -> Mark:
    column = prediction.coded.column
    trait: Trait = "label fit" if column.label else "fit"
    words = f"`{column.name}` {'does not fit its row' if column.label else 'does not fit the other columns'}"
    return Mark(column.name, trait, words, _of_a_part(prediction.surprise), more=True)


def _marks(prediction: Prediction) -> Iterator[Mark]:
    first, losses = _surprise_mark(prediction), prediction.losses
    yield first
    if prediction.coded.column.label:
        yield replace(first, values=_limited(prediction.surprise))
    for share in WORST:
        yield replace(first, values=losses > np.quantile(losses, 1 - share))
    levels = prediction.coded.levels
    for k in range(1 if len(levels) == 2 else prediction.signed.shape[1]):
        level = f"{levels[k]} more or less often" if levels else "larger or smaller"
        words = f"`{first.column}` is {level} than the other columns suggest"
        yield Mark(first.column, first.trait, words, _limited(prediction.signed[:, k]))


def _of_a_part(surprise: Array) -> Array:
    """The log likelihood ratio (n,) if a part of the rows is wrong: of a row that fits, it is never far below 0."""
    return np.asarray(np.log1p(PART * np.expm1(np.minimum(surprise, MOST))))


def _limited(values: Array) -> Array:
    """Values without their extremes, which would carry the mean of a few rows."""
    return np.asarray(np.clip(values, *np.quantile(values, [0.01, 0.99])))


def _group_marks(pool: Pool, prediction: Prediction, slices: Sequence[str]) -> Iterator[Mark]:
    """Mark by how much the label exceeds what its row lets one expect, within each group of rows."""
    limited, name = _limited(prediction.signed[:, 0]), pool.label.name
    groups = [
        (words, rows)
        for column in pool.columns[:-1]
        if not slices or column.name in slices
        for words, rows in _groups(column)
    ]
    groups = sorted(groups, key=lambda group: -int(group[1].sum()))[:MOST_GROUPS]
    for words, rows in groups:
        if FEWEST <= rows.sum() < 0.9 * len(rows):
            where = f"`{name}` does not fit its row where {words}"
            yield Mark(name, "label of a group", where, np.where(rows, limited, 0.0))


def _groups(column: PooledColumn) -> Iterator[tuple[str, Array]]:
    there = ~column.missing
    if column.is_category:
        known, counts = np.unique(column.values[there], return_counts=True)
        for value in known[np.argsort(-counts, kind="stable")][:8].tolist():
            text = column.texts[int(value)] if column.form == "text" else f"{value:.10g}"
            yield f"`{column.name}` is {text}", column.values == value
    elif column.form != "text" and there.any():
        edges = np.quantile(column.values[there], np.arange(1, BINS) / BINS)
        place = np.where(there, np.searchsorted(edges, column.values, side="right"), -1)
        for k in range(BINS):
            yield f"`{column.name}` is in quarter {k + 1} of its values", place == k
