"""Finds the likely cause of a difference between scores that should be equal: a transformation, a column, or some rows.

The most informative explanation is tried first. Scores that are a transformation of others point at what comes after
the model. Next come pairs of rows that differ in one column only: the effect that this column should have, and the
effect that it has. Last comes what the affected rows have in common.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from seatrial.model.features import Array, Columns
from seatrial.trial.compare.groups import factorized, group_column, is_numeric, missing
from seatrial.trial.compare.scoring import Scoring
from seatrial.trial.compare.transformations import Cause, is_tiny, margins, transformation

MOST_ROWS = 4_000
MOST_PAIRED = 500  # rows among which pairs that differ in one column are searched for
EFFECT = 1e-9
FEW = 12  # values of a column that are tried one by one
CLEAR = 0.9  # strength from which an explanation by a kind of row is preferred to all others
NAMED = 0.25  # share of a difference below which nothing is called its cause
NO_CAUSE = "no single column or kind of row explains it"
FAIR = 0.3  # strength from which one by a column's effect is preferred to one by groups


def find_cause(scoring: Scoring, columns: Columns, expected: Array, actual: Array, off: Array) -> Cause:
    """Name the likeliest cause, or return an empty Cause; `off` (n,) marks the rows that differ."""
    if len(expected) > MOST_ROWS:
        step = len(expected) // MOST_ROWS + 1
        columns = {name: values[::step] for name, values in columns.items()}
        expected, actual, off = expected[::step], actual[::step], off[::step]
        if not off.any():
            return Cause()
    if not np.isfinite(actual).all():
        bad = ~np.isfinite(actual.reshape(len(actual), -1)).all(axis=1)
        return Cause(f"{int(bad.sum())} scores are not finite")
    transformed = transformation(scoring, expected, actual)
    if transformed.words:
        return transformed
    kind = _kind_of_row(columns, off)
    if is_tiny(scoring, expected, actual):
        where = f", where {kind.words.removeprefix('it differs where ')}" if kind.strength >= CLEAR else ""
        return Cause(f"it lost precision: all differences are tiny{where}", kind.column if where else "", 0.5)
    single = _single_effects(scoring, columns, expected, actual)
    if kind.strength >= CLEAR:
        return kind
    if single.strength >= FAIR:
        return single
    grouped = _by_groups(scoring, columns, expected, actual)
    best = max((kind, single, grouped), key=lambda cause: cause.strength)
    return best if best.strength >= NAMED else Cause(NO_CAUSE, "", best.strength)


def _single_effects(scoring: Scoring, columns: Columns, expected: Array, actual: Array) -> Cause:
    """Compare pairs of rows that differ in one column only: the effect of that column, expected and actual.

    Effects are measured before the last squashing, where those of a linear model add up: a fault in one column leaves
    the effects of the others unchanged.
    """
    names = list(columns)
    start = max(0, len(expected) - MOST_PAIRED)  # generated rows come last
    coded = np.stack([_codes(columns[name][start:]) for name in names]).astype(np.int32)
    apart = np.zeros((coded.shape[1], coded.shape[1]), dtype=np.int16)
    for codes in coded:
        apart += codes[:, None] != codes[None, :]
    left, right = np.nonzero(np.triu(apart == 1))
    if len(left) < 3:
        return Cause()
    which = (coded[:, left] != coded[:, right]).argmax(axis=0)
    old, new = margins(scoring, expected[start:]), margins(scoring, actual[start:])
    wanted, observed = old[left] - old[right], new[left] - new[right]
    miss = np.abs(observed - wanted).max(axis=1)
    if miss.max() < EFFECT:
        return Cause()
    counts = np.maximum(np.bincount(which, minlength=len(names)), 1)
    wrong = np.bincount(which, miss, len(names)) / counts
    # A lost column's whole effect is wrong; that of another column only where both interact, as they do in trees.
    whole = np.bincount(which, np.abs(wanted).max(axis=1), len(names)) / counts
    wrong = wrong * np.minimum(1.0, wrong / np.maximum(whole, 1e-12))
    top = int(wrong.argmax())
    of_top = which == top
    name, strength = names[top], float(wrong[top] / wrong.sum())
    if float(np.abs(observed[of_top]).mean()) < 1e-3 * float(np.abs(wanted[of_top]).mean()):
        words = f"it ignores `{name}` (another value should change the prediction, but does not)"
        return Cause(words, name, strength)
    worst = np.flatnonzero(of_top)[int(miss[of_top].argmax())]
    pair, values = [left[worst], right[worst]], columns[name][start:]
    should, does = (float(np.diff(scoring.headline(scores[start:])[pair])[0]) for scores in (expected, actual))
    words = (
        f"`{name}` has a different effect (from {_shown(values[pair[0]])} to {_shown(values[pair[1]])}, the prediction "
        f"should change by {should:+.2g}, but changes by {does:+.2g}), which explains {strength:.0%} of the difference"
    )
    return Cause(words, name, strength)


def _shown(value: Any) -> str:
    if value is None or value != value:  # noqa: PLR0124 - NaN is missing
        return "missing"
    return repr(value) if isinstance(value, str) else f"{value:g}"


def _codes(values: Array) -> Array:
    if is_numeric(values):
        return np.asarray(np.unique(values, return_inverse=True, equal_nan=True)[1])
    return factorized(values)[0]


def _kind_of_row(columns: Columns, off: Array) -> Cause:
    """Find what only the rows that differ have in common: a missing value, a category, padding, an extreme value."""
    if off.all():
        return Cause()
    best = Cause()
    kinds = [("", "a value is missing", np.any([missing(values) for values in columns.values()], axis=0))]
    kinds += [(name, words, inside) for name, values in columns.items() for words, inside in _kinds(name, values)]
    for name, words, inside in kinds:
        hits = float((off & inside).sum())
        if hits == 0:
            continue
        # The correlation of both, since a kind that covers most rows explains as little as one that covers none.
        a, b = float(off.mean()), float(inside.mean())
        strength = (hits / len(off) - a * b) / float(np.sqrt(a * (1 - a) * b * (1 - b)) or 1.0)
        if strength > best.strength + 1e-9:
            best = Cause(f"it differs where {words}", name, strength)
    return best


def _kinds(name: str, values: Array) -> Iterator[tuple[str, Array]]:
    """Kinds of rows that one column defines: (words, mask)."""
    yield from _kinds_of_numbers(name, values) if is_numeric(values) else _kinds_of_texts(name, values)


def _kinds_of_numbers(name: str, values: Array) -> Iterator[tuple[str, Array]]:
    gone = missing(values)
    present = values[~gone]
    yield f"`{name}` is missing", gone
    yield f"`{name}` is not missing", ~gone
    if not present.size:
        return
    with np.errstate(invalid="ignore"):
        distinct = np.unique(present)
        if len(distinct) <= FEW:
            for value in distinct.tolist():
                yield f"`{name}` is {value:g}", values == value
        low, high = np.quantile(present, [0.05, 0.95]).tolist()
        yield f"`{name}` is above {high:g}", values > high
        yield f"`{name}` is below {low:g}", values < low
        yield f"`{name}` is not a whole number", ~gone & (values % 1 != 0)


def _kinds_of_texts(name: str, values: Array) -> Iterator[tuple[str, Array]]:
    texts = [("" if value is None else str(value)) for value in values.tolist()]
    tests: list[tuple[str, Callable[[str], bool]]] = [
        ("is missing", lambda text: text == ""),
        ("is padded", lambda text: text != text.strip()),
        ("is in upper case", str.isupper),
        ("is in lower case", str.islower),
    ]
    for words, test in tests:
        yield f"`{name}` {words}", np.array([test(text) for text in texts], dtype=bool)
    codes, known = factorized(values)
    counts = np.bincount(codes + 1, minlength=len(known) + 1)[1:]
    if len(known) > max(FEW, len(values) / 5):
        return  # nearly every row has a different text, and one of them always fits
    for k in np.argsort(-counts, kind="stable")[:20].tolist():
        yield f"`{name}` is {known[k]!r}", codes == k
    yield f"`{name}` has a rare value", np.isin(codes, np.flatnonzero(counts <= max(2, counts.max() / 50)))


def _by_groups(scoring: Scoring, columns: Columns, expected: Array, actual: Array) -> Cause:
    """Find the column whose groups explain most of how far the rows moved, by the share of variance (eta squared)."""
    moved = margins(scoring, actual) - margins(scoring, expected)
    total = float(((moved - moved.mean(axis=0)) ** 2).sum())
    if total < 1e-18:
        return Cause()
    best = Cause()
    for name, values in columns.items():
        grouping = group_column(name, values)
        if grouping is None or grouping.size < 2 or len(moved) <= grouping.size:
            continue
        between = sum(float((grouping.counts * grouping.means(part - part.mean()) ** 2).sum()) for part in moved.T)
        free = len(moved) - grouping.size
        adjusted = 1 - (1 - between / total) * (len(moved) - 1) / free  # more groups explain more by chance
        if adjusted > max(best.strength, NAMED):
            best = Cause(f"the difference depends on `{name}`, which explains {adjusted:.0%} of it", name, adjusted)
    return best
