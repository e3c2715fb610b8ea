"""The likely cause of a difference between scores that should be equal: a transformation, a column, or a kind of row.

Asked in the order of how much the answer tells. Scores that are another's transformation point at what comes after the
model. Then rows that differ in one column only: the effect that this column should have had, and has. At last, what the
rows that differ have in common.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from seatrial.model.features import Array, Columns
from seatrial.trial.compare.groups import factorized, group_column
from seatrial.trial.compare.scoring import Scoring
from seatrial.trial.compare.transformations import Cause, flat, is_tiny, margins, transformation

MOST_ROWS = 4_000
MOST_PAIRED = 500  # rows among which pairs that differ in one column are looked for
EFFECT = 1e-9
FEW = 12  # values of a column that are asked after one by one
CLEAR = 0.9  # from which strength on an explanation by a kind of row is told first
FAIR = 0.3  # and one by a column's effect second


def find_cause(scoring: Scoring, columns: Columns, expected: Array, given: Array, off: Array) -> Cause:
    """Name the likeliest cause; `off` (n,) says which rows differ. Gives an empty Cause where nothing explains it."""
    if len(expected) > MOST_ROWS:
        step = len(expected) // MOST_ROWS + 1
        columns = {name: values[::step] for name, values in columns.items()}
        expected, given, off = expected[::step], given[::step], off[::step]
        if not off.any():
            return Cause()
    if not np.isfinite(given).all():
        bad = ~np.isfinite(given.reshape(len(given), -1)).all(axis=1)
        return Cause(f"{int(bad.sum())} answers are not finite numbers")
    found = transformation(scoring, expected, given)
    if found.words:
        return found
    kind = _kind_of_row(columns, off)
    if is_tiny(scoring, expected, given):
        where = f", where {kind.words.removeprefix('it differs where ')}" if kind.strength >= CLEAR else ""
        return Cause(f"it lost precision: all differences are tiny{where}", kind.column if where else "", 0.5)
    single = _single_effects(scoring, columns, expected, given)
    if kind.strength >= CLEAR:
        return kind
    if single.strength >= FAIR:
        return single
    spread = _by_groups(scoring, columns, expected, given)
    return max((kind, single, spread), key=lambda cause: cause.strength)


def _single_effects(scoring: Scoring, columns: Columns, expected: Array, given: Array) -> Cause:
    """Pairs of rows that differ in one column only: how far that column's effect is from the one it should have.

    Effects are taken before the last squashing, where a linear model's add up: a fault of one column leaves the others'
    effects as they were.
    """
    names = list(columns)
    start = max(0, len(expected) - MOST_PAIRED)  # made rows come last
    coded = np.stack([_codes(columns[name][start:]) for name in names]).astype(np.int32)
    apart = np.zeros((coded.shape[1], coded.shape[1]), dtype=np.int16)
    for codes in coded:
        apart += codes[:, None] != codes[None, :]
    left, right = np.nonzero(np.triu(apart == 1))
    if len(left) < 3:
        return Cause()
    which = (coded[:, left] != coded[:, right]).argmax(axis=0)
    old, new = margins(scoring, expected[start:]), margins(scoring, given[start:])
    due, got = old[left] - old[right], new[left] - new[right]
    miss = np.abs(got - due).max(axis=1)
    if miss.max() < EFFECT:
        return Cause()
    counts = np.maximum(np.bincount(which, minlength=len(names)), 1)
    wrong = np.bincount(which, miss, len(names)) / counts
    # A lost column's whole effect is wrong; another one's only where both act together, as they do in trees.
    whole = np.bincount(which, np.abs(due).max(axis=1), len(names)) / counts
    wrong = wrong * np.minimum(1.0, wrong / np.maximum(whole, 1e-12))
    top = int(wrong.argmax())
    mine = which == top
    should, does = float(np.abs(due[mine]).mean()), float(np.abs(got[mine]).mean())
    name, strength = names[top], float(wrong[top] / wrong.sum())
    if does < 1e-3 * should:
        return Cause(f"it ignores `{name}` (another value should move the answer, and does not)", name, strength)
    worst = np.flatnonzero(mine)[int(miss[mine].argmax())]
    values = columns[name][start:]
    told = f"from {_shown(values[left[worst]])} to {_shown(values[right[worst]])}"
    ends = [flat(scoring, scores[start:])[row] for scores in (expected, given) for row in (left[worst], right[worst])]
    return Cause(
        f"`{name}` has another effect ({told} should move the answer by {ends[1] - ends[0]:+.2g}, and moves it by "
        f"{ends[3] - ends[2]:+.2g})",
        name,
        strength,
    )


def _shown(value: Any) -> str:
    if value is None or value != value:  # noqa: PLR0124 - NaN is missing
        return "missing"
    return repr(value) if isinstance(value, str) else f"{value:g}"


def _codes(values: Array) -> Array:
    if values.dtype.kind in "fiub":
        return np.asarray(np.unique(values, return_inverse=True, equal_nan=True)[1])
    return factorized(values)[0]


def _kind_of_row(columns: Columns, off: Array) -> Cause:
    """What the rows that differ have in common and the others do not: a missing value, a category, padding, an end."""
    if off.all():
        return Cause()
    best = Cause()
    gone = [_missing(values) for values in columns.values()]
    asked = [("", "a value is missing", np.any(gone, axis=0))]
    asked += [(name, words, inside) for name, values in columns.items() for words, inside in _kinds(name, values)]
    for name, words, inside in asked:
        hits = float((off & inside).sum())
        if hits == 0:
            continue
        # The correlation of both, as a kind that holds for all rows tells as little as one that holds for none.
        a, b = float(off.mean()), float(inside.mean())
        strength = (hits / len(off) - a * b) / float(np.sqrt(a * (1 - a) * b * (1 - b)) or 1.0)
        if strength > best.strength + 1e-9:
            best = Cause(f"it differs where {words}", name, strength)
    return best


def _missing(values: Array) -> Array:
    if values.dtype.kind in "fiub":
        return np.isnan(values.astype(np.float64))
    return np.array([value is None or value == "" for value in values.tolist()], dtype=bool)


def _kinds(name: str, values: Array) -> list[tuple[str, Array]]:
    if values.dtype.kind in "fiub":
        missing = np.isnan(values.astype(np.float64))
        present = values[~missing]
        kinds = [(f"`{name}` is missing", missing), (f"`{name}` is there", ~missing)]
        if present.size:
            with np.errstate(invalid="ignore"):
                distinct = np.unique(present)
                if len(distinct) <= FEW:
                    kinds += [(f"`{name}` is {value:g}", values == value) for value in distinct.tolist()]
                low, high = np.quantile(present, [0.05, 0.95]).tolist()
                kinds += [
                    (f"`{name}` is above {high:g}", values > high),
                    (f"`{name}` is below {low:g}", values < low),
                    (f"`{name}` is no whole number", ~missing & (values % 1 != 0)),
                ]
        return kinds
    texts = [("" if value is None else str(value)) for value in values.tolist()]
    tests: list[tuple[str, Callable[[str], bool]]] = [
        (f"`{name}` is missing", lambda text: text == ""),
        (f"`{name}` is padded", lambda text: text != text.strip()),
        (f"`{name}` is in upper case", lambda text: text.isupper()),
        (f"`{name}` is in lower case", lambda text: text.islower()),
    ]
    kinds = [(words, np.array([test(text) for text in texts], dtype=bool)) for words, test in tests]
    codes, known = factorized(values)
    counts = np.bincount(codes + 1, minlength=len(known) + 1)[1:]
    if len(known) > max(FEW, len(values) / 5):
        return kinds  # nearly every row has a text of its own, and one of them always fits
    order = np.argsort(-counts, kind="stable")[:20]
    kinds += [(f"`{name}` is {known[k]!r}", codes == k) for k in order.tolist()]
    kinds.append((f"`{name}` has a rare value", np.isin(codes, np.flatnonzero(counts <= max(2, counts.max() / 50)))))
    return kinds


def _by_groups(scoring: Scoring, columns: Columns, expected: Array, given: Array) -> Cause:
    """The column whose groups explain most of how far the rows moved, by the share of variance (eta squared)."""
    moved = margins(scoring, given) - margins(scoring, expected)
    total = float(((moved - moved.mean(axis=0)) ** 2).sum())
    if total < 1e-18:
        return Cause()
    best = Cause()
    for name, values in columns.items():
        grouping = group_column(name, values)
        if grouping is None or grouping.size < 2 or len(moved) <= grouping.size:
            continue
        counts = np.maximum(np.bincount(grouping.codes, minlength=grouping.size), 1)
        between = 0.0
        for part in moved.T:
            means = np.bincount(grouping.codes, part - part.mean(), grouping.size) / counts
            between += float((counts * means**2).sum())
        free = len(moved) - grouping.size
        adjusted = 1 - (1 - between / total) * (len(moved) - 1) / free  # more groups explain more by chance
        if adjusted > best.strength:
            best = Cause(f"it goes with `{name}`, which explains {adjusted:.0%} of the difference", name, adjusted)
    return best
