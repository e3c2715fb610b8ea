"""Matches the rows of two training tables: which rows both have, and which are equal but for one column."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from seatrial.model.features import Array, Columns, Floats
from seatrial.model.row_hash import Numbers, mixed, occurrences
from seatrial.trial.compare.groups import factorized

UNEXPLAINED = 0.2  # if more of the old rows are neither kept nor equal but for one column, try several columns
TRIES = 40  # sets of columns to match rows by, if more than one column was rewritten
FEWEST_ANCHORS = 10  # rows that show whether the order was kept
IN_ORDER = 0.8  # of these rows: some repeat a row that left by chance
STRETCHES = (1, 2, 4, 8)  # rows that follow each other, by which places are known: where rows are alike, more of them
MANY = 50_000  # rows above which fewer sets are tried


@dataclass(frozen=True)
class Table:
    """A training table: checked columns, their labels (n,), and the name of the target.

    `keys` (n,) are what its rows are split by (model/row_split.py), `weights` (n,) their weights; None without.
    """

    columns: Columns
    target: Array
    name: str
    keys: Floats | None = None
    weights: Floats | None = None

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(self.target)

    def take(self, rows: Array) -> "Table":
        """The table of some of its rows."""
        keys, weights = (None if values is None else values[rows] for values in (self.keys, self.weights))
        columns = {name: values[rows] for name, values in self.columns.items()}
        return Table(columns, self.target[rows], self.name, keys, weights)


@dataclass(frozen=True)
class Matched:
    """Which old rows are in the new table (a mask), which new rows are in the old one, and what was rewritten.

    `rewritten` has, by column, pairs of positions (old, new) of rows that are equal but for this column.
    """

    kept: Array
    known: Array
    rewritten: dict[str, tuple[Array, Array]]

    @property
    def new_rows(self) -> Array:
        """The positions of the rows that are neither in the old table nor rewritten from it."""
        new = ~self.known
        for _, rows in self.rewritten.values():
            new[rows] = False
        return np.flatnonzero(new)


def match(old: Table, new: Table, seen: float = 1.0) -> Matched:
    """Find each old row in the new table: equal, or equal but for one column (or for several, if many rows are).

    Of sampled tables, `seen` is the probability with which a row that was rewritten is among the new ones.
    """
    names = [name for name in old.columns if name in new.columns] + [""]
    before, after = np.zeros(old.rows, dtype=np.uint64), np.zeros(new.rows, dtype=np.uint64)
    for name in names:
        part = _hashes_of(old, new, name)
        before += part[0]
        after += part[1]
    # Rows that were appended are new even if one of them repeats a row that left the table: without those, the new
    # rows would be no sample of their population.
    end = _appended(before, after)
    a, b = _paired(before, after[:end])
    kept, known = np.zeros(old.rows, dtype=bool), np.zeros(new.rows, dtype=bool)
    kept[a], known[b] = True, True
    left, right = np.flatnonzero(~kept), np.flatnonzero(~known[:end])
    if not len(left) or not len(right):
        return Matched(kept, known, {})
    # Only the rows that are left need a hash of each column: of a large table, all of them would take gigabytes.
    first: dict[str, Numbers] = {}
    second: dict[str, Numbers] = {}
    for name in names:
        part = _hashes_of(old, new, name)
        first[name], second[name] = part[0][left], part[1][right]
    rewritten = _by_all_but_one(first, second, new.name)
    explained = sum(len(a) for a, _ in rewritten.values())
    if len(left) - explained / seen > UNEXPLAINED * old.rows:
        several = _by_other_columns(first, second, new.name)
        if max((len(a) for a, _ in several.values()), default=0) > max(explained, UNEXPLAINED * old.rows):
            rewritten = several
    return Matched(kept, known, {name: (left[a], right[b]) for name, (a, b) in rewritten.items()})


def _appended(old: Numbers, new: Numbers) -> int:
    """From which position on the rows of the new table were appended: its length where the order was not kept.

    Rows that neither table repeats are nearly all the same row in both. If these come in the same order, what follows
    the last of them, and cannot be what followed it in the old table, was appended. Where most rows have a twin, as
    answers on a scale do, two, four or eight rows that follow each other are looked for instead.
    """
    for length in STRETCHES:
        i, j = _paired(_stretches(old, length), _stretches(new, length), once=True)
        order = np.argsort(i)
        i, j = i[order], j[order]
        rising = _longest_rising(j.tolist())
        if len(rising) >= max(FEWEST_ANCHORS, IN_ORDER * len(j)):
            last, end = int(i[rising[-1]]) + length, int(j[rising[-1]]) + length
            # As many rows as the old table has behind the last one may be these, rewritten.
            return min(end + len(old) - last, len(new))
    return len(new)


def _stretches(rows: Numbers, length: int) -> Numbers:
    """A hash of each row and those that follow it, `length` in all: one for each row that has so many after it."""
    whole = rows[: max(len(rows) - length + 1, 0)]
    for step in range(1, length):
        whole = mixed(whole) ^ rows[step : step + len(whole)]
    return whole


def _longest_rising(values: list[int]) -> list[int]:
    """The positions of the longest subsequence that rises (by patience sorting)."""
    if all(low < high for low, high in pairwise(values)):  # nothing moved, as in most large tables
        return list(range(len(values)))
    tails: list[int] = []
    ends: list[int] = []
    before = [-1] * len(values)
    for position, value in enumerate(values):
        pile = bisect_left(tails, value)
        before[position] = ends[pile - 1] if pile else -1
        tails[pile : pile + 1], ends[pile : pile + 1] = [value], [position]
    found = []
    position = ends[-1] if ends else -1
    while position >= 0:
        found.append(position)
        position = before[position]
    return found[::-1]


def _by_all_but_one(
    first: dict[str, Numbers], second: dict[str, Numbers], target: str
) -> dict[str, tuple[Array, Array]]:
    """Match rows by all columns but one; first the column that explains most rows, then the others with what is left.

    `first` and `second` have each column's hashes of the rows that are left of both tables. With few columns, some rows
    are equal but for one column by chance; the true explanation takes them first.
    """
    before, after = _total(first, list(first)), _total(second, list(second))
    left, right = np.arange(len(before)), np.arange(len(after))
    rewritten: dict[str, tuple[Array, Array]] = {}
    waiting = list(first)
    while waiting and len(left) and len(right):
        pairs = {
            name: _paired(before[left] - first[name][left], after[right] - second[name][right], once=True)
            for name in waiting
        }
        waiting = [name for name in waiting if len(pairs[name][0])]
        if not waiting:
            break
        best = max(waiting, key=lambda name: len(pairs[name][0]))
        a, b = left[pairs[best][0]], right[pairs[best][1]]
        rewritten[best or target] = (a, b)
        left, right = np.setdiff1d(left, a, assume_unique=True), np.setdiff1d(right, b, assume_unique=True)
        waiting.remove(best)
    return rewritten


def _by_other_columns(
    first: dict[str, Numbers], second: dict[str, Numbers], target: str
) -> dict[str, tuple[Array, Array]]:
    """Match rows by random sets of columns, if several columns were rewritten, and see which of the others differ."""
    generator = np.random.default_rng(0)
    names = list(first)
    left, right = len(first[names[0]]), len(second[names[0]])
    best: tuple[Array, Array] = (np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))
    for attempt in range(TRIES if left + right < MANY else TRIES // 4):
        key = generator.permutation(names)[: max(2, len(names) // (2 + attempt % 2))].tolist()
        pairs = _paired(_total(first, key), _total(second, key), once=True)
        if len(pairs[0]) > len(best[0]):
            best = pairs
    if len(best[0]) < 0.5 * left:
        return {}
    rewritten = {}
    for name in names:
        differ = first[name][best[0]] != second[name][best[1]]
        if differ.any():
            rewritten[name or target] = (best[0][differ], best[1][differ])
    # Rows that agree in few of the other columns are not the same rows.
    changed = sum(len(a) > 0.2 * len(best[0]) for a, _ in rewritten.values())
    return rewritten if changed <= len(names) / 2 else {}


def _total(parts: dict[str, Numbers], names: Sequence[str]) -> Numbers:
    """A hash of each row, over these columns; a sum, so that a column can be subtracted again."""
    total = np.zeros_like(parts[names[0]])
    with np.errstate(over="ignore"):
        for name in names:
            total = total + parts[name]
    return total


def _hashes_of(old: Table, new: Table, name: str) -> tuple[Numbers, Numbers]:
    """A hash of each value of a column in both tables; "" is the target."""
    return _hashes(name, *((old.columns[name], new.columns[name]) if name else (old.target, new.target)))


def _hashes(name: str, old: Array, new: Array) -> tuple[Numbers, Numbers]:
    """A hash of each value, the same in both tables; values of different columns do not collide."""
    if old.dtype.kind in "fiub" and new.dtype.kind in "fiub":
        both = np.concatenate([old, new]).astype(np.float64) + 0.0
        both[np.isnan(both)] = np.nan
        codes = both.view(np.uint64)
    else:
        codes = factorized(np.concatenate([old.astype(object), new.astype(object)]))[0].astype(np.uint64)
    salt = np.uint64(int.from_bytes(name.encode()[:64].ljust(8, b"\1"), "little") % 2**63)
    hashes = mixed(mixed(codes) ^ mixed(np.array([salt], dtype=np.uint64)))
    return hashes[: len(old)], hashes[len(old) :]


def _paired(old: Numbers, new: Numbers, *, once: bool = False) -> tuple[Array, Array]:
    """Pair equal hashes, each used once: positions in both. With `once`, only hashes that neither table repeats."""
    if once:
        a, b = _unrepeated(old), _unrepeated(new)
        _, i, j = np.intersect1d(old[a], new[b], assume_unique=True, return_indices=True)
        return a[i], b[j]
    left, right = (mixed(hashes ^ mixed(occurrences(hashes))) for hashes in (old, new))  # equal ones are numbered
    _, i, j = np.intersect1d(left, right, assume_unique=True, return_indices=True)
    return i, j


def _unrepeated(hashes: Numbers) -> Array:
    _, first, counts = np.unique(hashes, return_index=True, return_counts=True)
    return np.asarray(first[counts == 1])


def repeats(table: Table, rows: int | None = None) -> float:
    """The share of rows that repeat another row; of so many `rows` of the table, drawn at random, as expected.

    The larger a sample of a population is, the more of its rows repeat another one.
    """
    whole = np.zeros(table.rows, dtype=np.uint64)
    for name, column in {**table.columns, "": table.target}.items():
        whole += _hashes(name, column, column[:0])[0]
    sizes = np.unique(whole, return_counts=True)[1]
    drawn = min(rows or table.rows, table.rows)
    # Each row is drawn with the same probability, so a group of equal rows is missed with this power of its complement.
    distinct = float((1 - (1 - drawn / table.rows) ** sizes).sum())
    return 1 - distinct / drawn
