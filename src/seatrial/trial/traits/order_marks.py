"""Traits of the order of the new rows: values carried forward, runs of one value, a column that slipped by a row.

The order of rows means nothing to the splits, so these have p-values of their own, which are added up (Bonferroni).
"""

from collections.abc import Iterator, Sequence

import numpy as np

from seatrial.model.features import Array
from seatrial.trial.traits.fit import Prediction
from seatrial.trial.traits.marks import Mark
from seatrial.trial.traits.pool import Pool, PooledColumn

FEWEST = 20  # new rows
PREDICTED = 0.1  # the share that other columns must explain to say where a value belongs
CARRIED = 0.05  # more repeats of the row before than there are by chance, as a share of the new rows
LONGEST = 8  # rows of a run
PAIRS = 20_000  # random pairs of rows, to see how often two rows are equal by chance


def order_marks(pool: Pool, predictions: Sequence[Prediction]) -> tuple[list[Mark], Array, int]:
    """Mark rows by their order: the marks, the logs of their p-values (m,), and the number of tests.

    None are marked if the pool has only a part of the new rows, or if these are sorted by a column.
    """
    found: list[tuple[Mark, float]] = []
    tests = 0
    if pool.new_rows >= FEWEST and pool.all_new and not any(_grouped(pool, column) for column in pool.columns):
        tests += 1
        found += _repeated_rows(pool)
        for column in pool.columns:
            tests += 2
            found += [*_carried(pool, column), *_run(pool, column)]
        for prediction in predictions:
            if prediction.explained >= PREDICTED:
                tests += 2
                found += _slipped(pool, prediction)
    return [mark for mark, _ in found], np.array([log_p for _, log_p in found]), max(tests, 1)


def _grouped(pool: Pool, column: PooledColumn) -> bool:
    """Whether the new rows are sorted by a column: then their order differs from the old rows' for a good reason."""
    codes = column.codes[pool.old_rows :]
    distinct = len(np.unique(codes))
    return distinct > 1 and int((codes[1:] != codes[:-1]).sum()) + 1 == distinct < len(codes) / 2


def _marked(pool: Pool, name: str, words: str, rows: Array) -> Mark:
    """A mark of new rows (n_new,) alone."""
    values = np.concatenate([np.zeros(pool.old_rows, dtype=bool), rows])
    return Mark(name, "run", words, values, more=True)


def _same_as_before(codes: Array) -> Array:
    return np.concatenate([[False], (codes[1:] == codes[:-1]) & (codes[1:] >= 0)])


def _repeated_rows(pool: Pool) -> Iterator[tuple[Mark, float]]:
    """Rows that equal the row before, or do so but for one column: copies that were made one after the other."""
    from scipy.stats import binom

    codes = np.stack([column.codes for column in pool.columns])
    most = len(codes) - 1
    if most < 4:
        return
    pairs = np.random.default_rng(6).integers(0, pool.rows, (2, PAIRS))
    by_chance = ((codes[:, pairs[0]] == codes[:, pairs[1]]).sum(axis=0) >= most).mean()
    same = (codes[:, 1:] == codes[:, :-1]).sum(axis=0) >= most
    usual = max(float(by_chance), float(same[: pool.old_rows - 1].mean())) + 1 / pool.old_rows
    rows = np.concatenate([[False], same[pool.old_rows :]])
    if rows.sum() >= 3:
        both = np.concatenate([[False], same[: pool.old_rows - 1], rows])
        mark = Mark("", "repeat", "the row, or all but one column of it, occurs twice", both, more=True)
        yield mark, float(binom.logsf(int(rows.sum()) - 1, len(rows) - 1, usual))


def _carried(pool: Pool, column: PooledColumn) -> Iterator[tuple[Mark, float]]:
    """More rows than by chance, and than among the old rows, have the value of the row before."""
    from scipy.stats import binom

    old, new = column.codes[: pool.old_rows], column.codes[pool.old_rows :]
    same = _same_as_before(new)
    shares = np.bincount(new[new >= 0]) / len(new)
    usual = max(float((shares**2).sum()), float(_same_as_before(old).mean()))
    if same.mean() - usual >= CARRIED and usual < 0.5:
        log_p = float(binom.logsf(int(same.sum()) - 1, len(new) - 1, usual))
        yield _marked(pool, column.name, f"`{column.name}` has the value of the row before", same), log_p


def _run(pool: Pool, column: PooledColumn) -> Iterator[tuple[Mark, float]]:
    """One value in many rows that follow each other, as in no other part of the table."""
    old, new = column.codes[: pool.old_rows], column.codes[pool.old_rows :]
    start, length = _longest(new)
    if length < LONGEST or new[start] < 0 or length < 2 * _longest(old)[1]:
        return
    rows = np.zeros(len(new), dtype=bool)
    rows[start : start + length] = True
    # Of the value's share among all other rows; a run may begin at any row, and be of any value.
    value = new[start]
    share = ((old == value).sum() + (new[~rows] == value).sum() + 1) / (pool.rows - length + 2)
    log_p = min(0.0, float(np.log(pool.new_rows) + np.log(column.codes.max() + 1.0) + length * np.log(share)))
    place = pool.old_rows + start
    words = f"`{column.name}` is {column.written(place)} in {length:,} rows that follow each other"
    yield _marked(pool, column.name, words, rows), log_p


def _longest(codes: Array) -> tuple[int, int]:
    """Where the longest run of one value begins, and how long it is."""
    starts = np.flatnonzero(np.concatenate([[True], codes[1:] != codes[:-1]]))
    lengths = np.diff(np.concatenate([starts, [len(codes)]]))
    best = int(lengths.argmax())
    return int(starts[best]), int(lengths[best])


def _slipped(pool: Pool, prediction: Prediction) -> Iterator[tuple[Mark, float]]:
    """The values fit the row before, or the one after, better than their own."""
    from scipy.stats import t

    part = slice(pool.old_rows, None)
    actual, expected = prediction.actual[part], prediction.expected[part]
    there = ~prediction.coded.column.missing[part]
    name = prediction.coded.column.name
    for step, where in ((1, "after"), (-1, "before")):
        both = there & np.roll(there, -step)
        own = ((actual - expected) ** 2).sum(axis=1)
        other = ((actual - np.roll(expected, -step, axis=0)) ** 2).sum(axis=1)
        better = (own - other)[both]
        if len(better) < FEWEST or not better.std():
            continue
        centred = better - better.mean()
        # Neighbours share a row, so their differences may be related.
        variance = centred.var(ddof=1) + 2 * max(float((centred[1:] * centred[:-1]).mean()), 0.0)
        z = float(better.mean() / np.sqrt(variance / len(better)))
        words = f"`{name}` fits the row {where} better than its own, as if it had slipped"
        if z > 0:
            yield _marked(pool, name, words, both), float(t.logsf(z, len(better) - 1))
