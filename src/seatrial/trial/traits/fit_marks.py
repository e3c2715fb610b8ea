"""Traits of how a column fits the others, and of how the label fits its row."""

from collections.abc import Iterator

import numpy as np

from seatrial.model.features import Array
from seatrial.trial.compare.groups import BINS
from seatrial.trial.traits.fit import MOST_TREES, Prediction, code_columns, predict_by_trees, predict_linear
from seatrial.trial.traits.marks import Mark, Trait
from seatrial.trial.traits.pool import Pool, PooledColumn

EXPLAINED = 0.05  # the share of a column that others explain from which it is known where its values belong
WORST = (0.02, 0.1)
FEWEST = 25  # rows of a group whose labels are looked at
MOST_GROUPS = 150


def fit_marks(pool: Pool) -> tuple[list[Mark], list[Prediction]]:
    """Mark rows by how badly each column fits the others; and return the predictions, for finding the cause."""
    coded = code_columns(pool)
    predictions = [p for p in predict_linear(coded) if p.coded.levels != ("a text",)]
    order = sorted(range(len(coded)), key=lambda k: not coded[k].column.label)[:MOST_TREES]
    trees = predict_by_trees(coded, [k for k in order if coded[k].levels != ("a text",)])
    marks = [mark for p in (*predictions, *trees) if p.explained > EXPLAINED for mark in _marks(p)]
    for prediction in (*predictions, *trees):
        if prediction.coded.column.label:
            marks += _group_marks(pool, prediction)
    best: dict[str, Prediction] = {}
    for prediction in (*predictions, *trees):
        name = prediction.coded.column.name
        if name not in best or prediction.explained > best[name].explained:
            best[name] = prediction
    return marks, list(best.values())


def _marks(prediction: Prediction) -> Iterator[Mark]:
    from scipy.stats import rankdata

    column = prediction.coded.column
    trait: Trait = "label fit" if column.label else "fit"
    words = "does not fit its row" if column.label else "does not fit the other columns"
    name, losses = column.name, prediction.losses
    yield Mark(name, trait, f"`{name}` {words}", rankdata(losses) / len(losses), more=True)
    for share in WORST:
        limit = np.quantile(losses, 1 - share)
        yield Mark(name, trait, f"`{name}` {words}", losses > limit, more=True)
    for k in range(prediction.signed.shape[1]):
        signed = prediction.signed[:, k]
        level = f"{prediction.coded.levels[k]} more or less often" if prediction.coded.levels else "larger or smaller"
        limited = np.clip(signed, *np.quantile(signed, [0.01, 0.99]))
        yield Mark(name, trait, f"`{name}` is {level} than the other columns lead one to expect", limited)


def _group_marks(pool: Pool, prediction: Prediction) -> Iterator[Mark]:
    """Mark by how much the label exceeds what its row lets one expect, within each group of rows."""
    signed = prediction.signed[:, 0]
    limited = np.clip(signed, *np.quantile(signed, [0.01, 0.99]))
    name = pool.label.name
    groups = [(words, rows) for column in pool.columns[:-1] for words, rows in _groups(column)]
    groups = sorted(groups, key=lambda group: -int(group[1].sum()))[:MOST_GROUPS]
    for words, rows in groups:
        if FEWEST <= rows.sum() < 0.9 * len(rows):
            yield Mark(name, "label fit", f"`{name}` does not fit its row where {words}", np.where(rows, limited, 0.0))


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
