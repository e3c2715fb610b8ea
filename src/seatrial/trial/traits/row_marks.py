"""Traits of whole rows: exact repeats, and rows that are equal but for one column."""

from collections.abc import Iterator

import numpy as np

from seatrial.model.features import Array
from seatrial.model.row_hash import mixed
from seatrial.trial.compare.row_matching import Table
from seatrial.trial.traits.marks import Mark, Trait
from seatrial.trial.traits.pool import Pool, pool_column

MOST_ROWS = 200_000  # rows of both tables in which repeats are looked for
MOST_COLUMNS = 60  # columns of which each may be the one that differs


def row_marks(old: Table, new: Table, rows: Array, pool: Pool) -> Iterator[Mark]:
    """Mark the pool's rows that another row of either table repeats: of the old ones and of the rows that are new."""
    first, later = np.arange(old.rows), rows
    if old.rows + len(rows) > MOST_ROWS:
        first, later = pool.places[: pool.old_rows], pool.places[pool.old_rows :]
    hashes = _hashes(old, new, first, later)
    sampled = np.concatenate([
        np.searchsorted(first, pool.places[: pool.old_rows]),
        len(first) + np.searchsorted(later, pool.places[pool.old_rows :]),
    ])  # fmt: skip
    with np.errstate(over="ignore"):
        whole = np.stack(list(hashes.values())).sum(axis=0, dtype=np.uint64)
        twins = _groups(whole)
        yield from _marks("", "repeat", "the row occurs twice", twins[sampled])
        if len(hashes) < 4:
            return
        for name in list(hashes)[-MOST_COLUMNS:]:
            groups = np.where(twins < 0, _groups(whole - hashes[name]), -1)
            yield from _marks(name, "near repeat", f"the row occurs twice, with another `{name}`", groups[sampled])


def _marks(name: str, trait: Trait, words: str, groups: Array) -> Iterator[Mark]:
    """Mark rows that any row repeats, and the groups of equal rows: repeats among the new rows alone are rarer."""
    if (groups >= 0).any():
        yield Mark(name, trait, words, groups >= 0, more=True, rank=0)
        yield Mark(name, trait, words, groups, more=True, rank=1)


def _hashes(old: Table, new: Table, first: Array, later: Array) -> dict[str, Array]:
    hashes = {}
    pairs = [(name, old.columns[name], new.columns[name]) for name in old.columns if name in new.columns]
    for place, (name, before, after) in enumerate([*pairs, (new.name, old.target, new.target)]):
        codes = pool_column(name, before[first], after[later]).codes.astype(np.uint64)
        hashes[name] = mixed(mixed(codes) ^ np.uint64(0x9E3779B97F4A7C15 * (place + 1) % 2**64))
    return hashes


def _groups(hashes: Array) -> Array:
    """Number the rows (n,) that occur more than once by their hash; -1 for the others."""
    _, places, counts = np.unique(hashes, return_inverse=True, return_counts=True)
    return np.where(counts[places] > 1, places, -1)
