"""The likely cause of a difference between scores that should be equal: a transformation, a column, or a kind of row.

Asked in the order of how much the answer tells. Scores that are one another's permutation, or a function of one another,
point at what comes after the model. Then rows that differ in one column only: the effect that this column should have
had, and has. At last, what the rows that differ have in common.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from seatrial.model.features import Array, Columns
from seatrial.trial.compare.groups import factorized, group_column
from seatrial.trial.compare.meaning import Meaning

MOST_ROWS = 4_000
MOST_PAIRED = 500  # rows among which pairs that differ in one column are looked for
EFFECT = 1e-9
FEW = 12  # values of a column that are asked after one by one
CLEAR = 0.9  # from which strength on an explanation by a kind of row is told first
FAIR = 0.3  # and one by a column's effect second


@dataclass(frozen=True)
class Cause:
    """What is to blame: `words` for people, the `column` if it is one, and how well it explains, 0 to 1."""

    words: str = ""
    column: str = ""
    strength: float = 0.0


def find_cause(meaning: Meaning, columns: Columns, expected: Array, given: Array, off: Array) -> Cause:
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
    for ask in (_order, _class_order, _function):
        found = ask(meaning, expected, given)
        if found.words:
            return found
    kind = _kind_of_row(columns, off)
    if _tiny(meaning, expected, given):
        where = f", where {kind.words.removeprefix('it differs where ')}" if kind.strength >= CLEAR else ""
        return Cause(f"it lost precision: all differences are tiny{where}", kind.column if where else "", 0.5)
    single = _single_effects(meaning, columns, expected, given)
    if kind.strength >= CLEAR:
        return kind
    if single.strength >= FAIR:
        return single
    spread = _by_groups(meaning, columns, expected, given)
    return max((kind, single, spread), key=lambda cause: cause.strength)


def _flat(meaning: Meaning, scores: Array) -> Array:
    """One telling number a row."""
    if scores.ndim == 1:
        return scores
    return np.asarray(scores[:, meaning.positive] if meaning.task == "binary" else scores.max(axis=1))


def _order(meaning: Meaning, expected: Array, given: Array) -> Cause:
    for shift in (1, -1, 2, -2):
        if len(expected) > 8 and np.allclose(np.roll(expected, shift, axis=0), given, rtol=0, atol=1e-9):
            return Cause(
                f"its answers are shifted by {abs(shift)} row{'s' * (abs(shift) > 1)}: the order is lost", strength=1
            )
    if len(expected) > 8 and len(np.unique(_flat(meaning, expected))) > 4:
        old, new = np.sort(_flat(meaning, expected)), np.sort(_flat(meaning, given))
        if np.allclose(old, new, rtol=0, atol=1e-9) and np.abs(_flat(meaning, expected) - _flat(meaning, given)).max() > 1e-6:
            return Cause("the answers are the same in another order", strength=1)
    return Cause()


def _class_order(meaning: Meaning, expected: Array, given: Array) -> Cause:
    if expected.ndim != 2 or expected.shape[1] < 2:
        return Cause()
    for shift in range(1, expected.shape[1]):
        if np.allclose(np.roll(expected, shift, axis=1), given, rtol=0, atol=1e-9):
            return Cause("the probabilities belong to other classes: the order of the classes changed", strength=1)
    if np.allclose(np.sort(expected, axis=1), np.sort(given, axis=1), rtol=0, atol=1e-9):
        return Cause("the probabilities belong to other classes: the order of the classes changed", strength=1)
    return Cause()


def _function(meaning: Meaning, expected: Array, given: Array) -> Cause:
    """Whether what is given is one rising function of what is expected: rounded, scaled, cut."""
    x, y = _flat(meaning, expected), _flat(meaning, given)
    if len(np.unique(x)) < 8:
        return Cause()
    if float(np.ptp(given, axis=0).max()) < 1e-12:
        return Cause("it gives every row the same answer", strength=1)
    if meaning.task == "multiclass":
        # Each row's classes in the same order as before, or equal: else it is more than another scale.
        order = np.argsort(expected, axis=1, kind="stable")
        if (np.diff(np.take_along_axis(given, order, axis=1), axis=1) < -1e-12).any():
            return Cause()
    for digits in range(7):
        rounded = np.round(x, digits)
        if np.abs(y - rounded).max() < 1e-9 and np.abs(x - rounded).max() > 1e-9:
            return Cause(f"its scores are rounded to {digits} digits", strength=1)
    if np.abs(y - x.astype(np.float16)).max() < 1e-9 or np.abs(y - x.astype(np.float32)).max() < 1e-12:
        return Cause("its scores have lost precision", strength=1)
    if np.abs(y - np.clip(x, y.min(), y.max())).max() < 1e-9:
        return Cause("its scores are cut at the ends", strength=1)
    if expected.ndim == 2:
        a, b = _margins(meaning, expected), _margins(meaning, given)
        slope = float((a * b).sum() / max(float((a * a).sum()), 1e-12))
        if slope > 0 and np.abs(b - slope * a).max() < 1e-3 * np.abs(b - a).max():
            return Cause(f"its scores are the right ones on another scale (a temperature of {1 / slope:.3g})", strength=1)
    if not _smooth(x, y):
        return Cause()
    order = np.argsort(x, kind="stable")
    steps_x, steps_y = np.diff(x[order]), np.diff(y[order])
    same = steps_x < 1e-12
    if (np.abs(steps_y[same]) < 1e-9).all() and (steps_y > -1e-12).all() and (steps_y[~same] > 0).mean() > 0.3:
        return Cause(
            "its scores are the right ones on another scale (a temperature, a cut or a calibration)", strength=1
        )
    if (np.abs(steps_y[same]) < 1e-9).all() and (steps_y < 1e-12).all() and (steps_y[~same] < 0).mean() > 0.9:
        return Cause("its scores fall where they should rise: the sign or the class is reversed", strength=1)
    return Cause()


def _smooth(x: Array, y: Array) -> bool:
    """Whether each row's y follows from its neighbours in x: what is left is small against how far y is from x."""
    order = np.argsort(x, kind="stable")
    x, y = x[order], y[order]
    wide = np.maximum(x[2:] - x[:-2], 1e-15)
    between = y[:-2] + (y[2:] - y[:-2]) * (x[1:-1] - x[:-2]) / wide
    return bool(np.mean(np.abs(y[1:-1] - between)) < 0.25 * np.mean(np.abs(y - x)))


def _tiny(meaning: Meaning, expected: Array, given: Array) -> bool:
    """Whether all differences are small against the spread of what is expected."""
    x, y = _flat(meaning, expected), _flat(meaning, given)
    return bool(np.abs(y - x).max() < 5e-4 * (float(np.ptp(x)) or 1.0))


def _single_effects(meaning: Meaning, columns: Columns, expected: Array, given: Array) -> Cause:
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
    old, new = _margins(meaning, expected[start:]), _margins(meaning, given[start:])
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
    ends = [_flat(meaning, scores[start:])[row] for scores in (expected, given) for row in (left[worst], right[worst])]
    return Cause(
        f"`{name}` has another effect ({told} should move the answer by {ends[1] - ends[0]:+.2g}, and moves it by "
        f"{ends[3] - ends[2]:+.2g})",
        name,
        strength,
    )


def _margins(meaning: Meaning, scores: Array) -> Array:
    """Scores before they are squashed into probabilities (n, k): log odds, or predictions in units of the spread."""
    if scores.ndim == 1:
        return np.asarray(scores[:, None] / meaning.scale)
    logs = np.log(np.clip(scores, 1e-12, 1.0))
    return np.asarray(logs - logs.mean(axis=1, keepdims=True))


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


def _by_groups(meaning: Meaning, columns: Columns, expected: Array, given: Array) -> Cause:
    """The column whose groups explain most of how far the rows moved, by the share of variance (eta squared)."""
    moved = _margins(meaning, given) - _margins(meaning, expected)
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
