"""Two training tables row by row: which rows were kept, which were rewritten and in which column, which are new.

A retrain adds rows and drops rows. It does not change those that both tables have: a row that is known but for one
column was rewritten there, and many such rows in one column name a broken join, a changed unit or wrong labels exactly,
with no statistics at all.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seatrial.model.features import Array, Columns
from seatrial.trial.compare.groups import factorized, grouped, ticked
from seatrial.trial.policy import Policy
from seatrial.trial.records import Check, Outcome

Numbers = npt.NDArray[np.uint64]

TRIES = 40  # sets of columns to know rows by, where more than one column was rewritten
MOST_TRIED = 50_000  # rows for that
GONE = 0.7  # of a group's rows gone, while most others stayed: the group was lost, not aged out
REPEATED = 0.05


@dataclass(frozen=True)
class Table:
    """A training table: checked columns, their labels (n,), and the name of the target."""

    columns: Columns
    target: Array
    name: str

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return len(self.target)


@dataclass(frozen=True)
class Matched:
    """Row by row: which old rows are in the new table (a mask), which new rows are in the old one, and what was
    rewritten: by column, pairs of positions (old, new) of rows that are equal but for it."""

    kept: Array
    known: Array
    rewritten: dict[str, tuple[Array, Array]]


def match(old: Table, new: Table) -> Matched:
    """Find each old row in the new table, whole or all but one column (or, in small tables, two)."""
    names = [name for name in old.columns if name in new.columns] + [""]
    first: dict[str, Numbers] = {}
    second: dict[str, Numbers] = {}
    for name in names:
        first[name], second[name] = _hashes(
            name, *((old.columns[name], new.columns[name]) if name else (old.target, new.target))
        )
    with np.errstate(over="ignore"):
        before = np.sum([first[name] for name in names], axis=0, dtype=np.uint64)
        after = np.sum([second[name] for name in names], axis=0, dtype=np.uint64)
    a, b = _paired(before, after)
    kept, known = np.zeros(old.rows, dtype=bool), np.zeros(new.rows, dtype=bool)
    kept[a], known[b] = True, True
    left, right = np.flatnonzero(~kept), np.flatnonzero(~known)
    rewritten: dict[str, tuple[Array, Array]] = {}
    if len(left) and len(right):
        for name in names:
            pairs = _paired(before[left] - first[name][left], after[right] - second[name][right], once=True)
            if len(pairs[0]):
                rewritten[name or new.name] = (left[pairs[0]], right[pairs[1]])
        explained = sum(len(a) for a, _ in rewritten.values())
        if len(left) > 0.5 * old.rows and explained < 0.1 * len(left):
            rewritten = _by_other_columns(first, second, left, right, old, new) or rewritten
    return Matched(kept, known, rewritten)


def _by_other_columns(
    first: dict[str, Numbers], second: dict[str, Numbers], left: Array, right: Array, old: Table, new: Table
) -> dict[str, tuple[Array, Array]]:
    """Know rows again by random sets of columns, if several were rewritten, and see which of the others differ."""
    left, right = left[:MOST_TRIED], right[:MOST_TRIED]
    generator = np.random.default_rng(0)
    names = list(first)
    best: tuple[Array, Array] = (left[:0], right[:0])
    for turn in range(TRIES):
        key = generator.permutation(names)[: max(2, len(names) // (2 + turn % 2))].tolist()
        with np.errstate(over="ignore"):
            before = np.sum([first[name][left] for name in key], axis=0, dtype=np.uint64)
            after = np.sum([second[name][right] for name in key], axis=0, dtype=np.uint64)
        pairs = _paired(before, after, once=True)
        if len(pairs[0]) > len(best[0]):
            best = (left[pairs[0]], right[pairs[1]])
    found = {}
    for name in names:
        differ = first[name][best[0]] != second[name][best[1]]
        if differ.any():
            found[name or new.name] = (best[0][differ], best[1][differ])
    return found if len(best[0]) > 0.2 * len(left) else {}


def compare_history(old: Table, new: Table, policy: Policy, matched: Matched) -> list[Check]:
    """Check that known rows were not rewritten, no group was lost, and no rows were repeated."""
    checks = []
    for name, (a, b) in matched.rewritten.items():
        check = _rewritten(old, new, name, a, b, matched, policy)
        if check is not None:
            checks.append(check)
    if not checks:
        share = float(matched.kept.mean())
        checks.append(
            Check(
                "data.rewritten",
                "data",
                Outcome.passed,
                f"No known row was rewritten; {share:.0%} of them are still there.",
                new=share,
            )
        )
    checks += _lost(old, matched, policy)
    checks.append(_repeated(old, new, matched))
    return checks


def _hashes(name: str, old: Array, new: Array) -> tuple[Numbers, Numbers]:
    """A number for each value, the same in both tables; values of different columns do not meet."""
    if old.dtype.kind in "fiub" and new.dtype.kind in "fiub":
        both = np.concatenate([old, new]).astype(np.float64) + 0.0
        both[np.isnan(both)] = np.nan
        codes = both.view(np.uint64)
    else:
        codes = factorized(np.concatenate([old.astype(object), new.astype(object)]))[0].astype(np.uint64)
    salt = np.uint64(int.from_bytes(name.encode()[:64].ljust(8, b"\1"), "little") % 2**63)
    mixed = _mixed(_mixed(codes) ^ _mixed(np.array([salt], dtype=np.uint64)))
    return mixed[: len(old)], mixed[len(old) :]


def _mixed(values: Numbers) -> Numbers:
    """The finalizer of SplitMix64 (Steele, Lea and Flood 2014)."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _paired(old: Numbers, new: Numbers, *, once: bool = False) -> tuple[Array, Array]:
    """Pair equal numbers, each used once: positions in both. With `once`, only numbers that neither side repeats."""
    a, b = np.argsort(old, kind="stable"), np.argsort(new, kind="stable")
    left, right = _numbered(old[a]), _numbered(new[b])
    if once:
        single_a, single_b = _single(old[a]), _single(new[b])
        a, b, left, right = a[single_a], b[single_b], left[single_a], right[single_b]
    _, i, j = np.intersect1d(left, right, assume_unique=True, return_indices=True)
    return a[i], b[j]


def _numbered(ordered: Numbers) -> Numbers:
    """Tell equal numbers apart by counting them."""
    if not len(ordered):
        return ordered
    new = np.concatenate([[True], ordered[1:] != ordered[:-1]])
    starts = np.flatnonzero(new)
    place = np.arange(len(ordered)) - np.repeat(starts, np.diff([*starts, len(ordered)]))
    return _mixed(ordered ^ _mixed(place.astype(np.uint64)))


def _single(ordered: Numbers) -> Array:
    if not len(ordered):
        return np.zeros(0, dtype=bool)
    same = ordered[1:] == ordered[:-1]
    return np.asarray(~(np.concatenate([[False], same]) | np.concatenate([same, [False]])))


def _rewritten(old: Table, new: Table, name: str, a: Array, b: Array, matched: Matched, policy: Policy) -> Check | None:
    share = len(a) / old.rows
    where, inside = _concentrated(old, a, policy)
    over = max(share / policy.max_rewritten, inside / 0.5 if len(a) >= policy.min_slice else 0.0)
    label = name == new.name
    what = "the labels" if label else f"`{name}`"
    how = _how(old, new, name, a, b)
    told = f"{what} changed in {len(a):,} rows that are otherwise as before ({share:.0%} of the old rows){how}"
    if where and (inside > 2 * share or label):
        told += f", {inside:.0%} of those where {ticked(where)}"
    if name in policy.changing:
        return Check("data.rewritten", "data", Outcome.noted, f"As declared, {told}.", subject=name, new=share)
    outcome = Outcome.blocked if over > 1 else Outcome.noted
    subject = where if label and where else name
    return Check(
        "data.rewritten",
        "data",
        outcome,
        f"known rows were rewritten: {told}" if over > 1 else f"A few known rows were corrected: {told}.",
        subject=subject,
        new=share,
        limit=policy.max_rewritten,
        severity=10 * over,
        hint=f"If `{name}` is right to change, list it in [tool.seatrial.trial] changing.",
    )


def _concentrated(old: Table, a: Array, policy: Policy) -> tuple[str, float]:
    """The group of old rows of which most were rewritten, and what share of it."""
    mask = np.zeros(old.rows, dtype=bool)
    mask[a] = True
    best, share = "", 0.0
    for grouping in grouped(old.columns, policy.slices):
        counts = np.bincount(grouping.codes, minlength=grouping.size)
        hits = np.bincount(grouping.codes, mask, grouping.size)
        # A group explains the rewriting if its rows are most of the rewritten ones and most of it was rewritten.
        f1 = np.where(counts >= policy.min_slice / 2, 2 * hits / np.maximum(counts + len(a), 1), 0.0)
        top = int(f1.argmax())
        if f1[top] > share + 1e-9:
            best, share = grouping.names[top], float(f1[top])
    return best, share


def _how(old: Table, new: Table, name: str, a: Array, b: Array) -> str:
    before, after = (old.target[a], new.target[b]) if name == new.name else (old.columns[name][a], new.columns[name][b])
    if before.dtype.kind in "fiu" and after.dtype.kind in "fiu" and name != new.name:
        there = np.isfinite(before) & np.isfinite(after) & (before != 0)
        if there.sum() >= 5:
            if np.ptp(after[there]) == 0:
                return f": it is {after[there][0]:g} now"
            ratios = after[there] / before[there]
            middle = float(np.median(ratios))
            if np.abs(ratios / middle - 1).max() < 1e-6 if middle else False:
                return f": it is {middle:g} times what it was, as by another unit"
            if np.allclose(np.sort(before[there]), np.sort(after[there])):
                return ": the same values in other rows, as by a join that slipped"
        gone = float((np.isfinite(before) & ~np.isfinite(after)).mean())
        filled = float((~np.isfinite(before) & np.isfinite(after)).mean())
        if gone > 0.5:
            return ": it is missing now"
        if filled > 0.5:
            return f": it was missing and is mostly {np.median(after[np.isfinite(after)]):g} now"
    return ""


def _lost(old: Table, matched: Matched, policy: Policy) -> list[Check]:
    accounted = matched.kept.copy()
    for a, _ in matched.rewritten.values():
        accounted[a] = True
    overall = 1 - float(accounted.mean())
    checks = []
    if overall < 0.7:  # of a table that is new altogether, a lost group says nothing; the shares do
        groupings = [*grouped(old.columns, policy.slices), *grouped({old.name: old.target})]
        for grouping in groupings:
            counts = np.bincount(grouping.codes, minlength=grouping.size)
            gone = np.bincount(grouping.codes, ~accounted, grouping.size)
            share = gone / np.maximum(counts, 1)
            rest = (gone.sum() - gone) / np.maximum(counts.sum() - counts, 1)
            lost = (counts >= policy.min_slice) & (share >= GONE) & (rest < share / 2)
            for k in np.flatnonzero(lost).tolist():
                told = f"{int(gone[k]):,} of {int(counts[k]):,} rows where {ticked(grouping.names[k])} are gone, {rest[k]:.0%} of the others"
                # How much of what is gone the group explains orders groups that overlap.
                weight = float(2 * gone[k] / (counts[k] + gone.sum()))
                checks.append(
                    Check(
                        "data.lost",
                        "data",
                        Outcome.blocked,
                        f"a part of the training data is missing: {told}",
                        subject=grouping.names[k],
                        new=float(share[k]),
                        limit=GONE,
                        severity=5 + weight,
                    )  # fmt: skip
                )
    return checks or [Check("data.lost", "data", Outcome.passed, "No group of rows was lost.")]


def _repeated(old: Table, new: Table, matched: Matched) -> Check:
    before, after = _repeats(old), _repeats(new)
    failed = after - before > REPEATED
    told = f"{after:.1%} of the rows are repeats of others, {before:.1%} before"
    return Check(
        "data.repeated",
        "data",
        Outcome.blocked if failed else Outcome.passed,
        f"the training data repeats rows: {told}" if failed else f"Rows are not repeated more than before: {told}.",
        old=before,
        new=after,
        limit=before + REPEATED,
        severity=(after - before) / REPEATED if failed else 0.0,
    )


def _repeats(table: Table) -> float:
    parts = [_hashes(name, values, values[:0])[0] for name, values in table.columns.items()]
    parts.append(_hashes("", table.target, table.target[:0])[0])
    with np.errstate(over="ignore"):
        whole = np.sum(parts, axis=0, dtype=np.uint64)
    return 1 - len(np.unique(whole)) / len(whole)
