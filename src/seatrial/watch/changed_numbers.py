"""Which known change explains a column's new values best: another unit, another sign, or a constant more.

Each change is applied to the values from before. The new values are a mixture of the old ones and the changed ones, in
shares that fit best; what has the highest likelihood is named. It needs no other columns, and no row is decided on.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from seatrial.model.features import Floats
from seatrial.pages.words import plain
from seatrial.trial.traits.explanations import FACTORS

CELLS = 40
FEWEST = 20  # values of either
LEAST_GAIN = 8.0  # nats
EXPLAINED = 0.6  # of what any change could explain
STEPS = 81  # constants and factors that are tried, of each sign
PRIOR = {"unit": 0.0, "sign": 0.0, "shifted": 6.0, "scaled": 7.0}  # nats that a kind must be better by
WHOLE = 8.0  # nats, that a part of the rows must explain better than all of them
UNUSUAL = 1.5  # nats, for factors that are not powers of ten

Kind = Literal["unit", "sign", "shifted", "scaled"]


@dataclass(frozen=True)
class NumberChange:
    """What was done to the numbers of a column, in words after its name, and to which share of the rows.

    `gain` is how much more likely (nats) the new values are than without it.
    """

    kind: Kind
    words: str
    apply: Callable[[Floats], Floats]
    share: float = 0.0
    gain: float = 0.0
    prior: float = 0.0


@dataclass(frozen=True)
class OtherUnit:
    """Another unit, in words after the column's name; how to get to it, and back."""

    words: str
    apply: Callable[[Floats], Floats]
    undo: Callable[[Floats], Floats]
    prior: float = UNUSUAL


UNITS = (
    *(
        OtherUnit(
            f"is {words} what it was (another unit?)",
            lambda v, f=factor: v * f,  # type: ignore[misc]
            lambda v, f=factor: v / f,  # type: ignore[misc]
            UNUSUAL if np.log10(factor) % 1 else 0.0,
        )
        for words, factor in FACTORS.items()
    ),
    OtherUnit("is in Fahrenheit, it was in Celsius", lambda v: v * 1.8 + 32, lambda v: (v - 32) / 1.8),
    OtherUnit("is in Celsius, it was in Fahrenheit", lambda v: (v - 32) / 1.8, lambda v: v * 1.8 + 32),
)


def changed_numbers(old: Floats, new: Floats) -> NumberChange | None:
    """Find what was done to some or all values: known ones from before (n,) and now (m,), without NaN.

    None if no change explains most of the difference.
    """
    if min(len(old), len(new)) < FEWEST:
        return None
    edges = cells_of(old, new)
    counts = counted(new, edges) * len(old) / (len(old) + len(new))  # the old values are a sample as well
    usual = smoothed(counted(old, edges))

    def fitted(changes: Sequence[NumberChange]) -> list[NumberChange]:
        moved = np.stack([smoothed(counted(each.apply(old), edges)) for each in changes])
        shares, gains = mixture_shares(counts, usual, moved)
        whole = (counts * np.log(moved / usual)).sum(axis=1)
        simpler = whole > gains - WHOLE
        shares, gains = np.where(simpler, 1.0, shares), np.where(simpler, whole + WHOLE, gains)
        return [
            NumberChange(each.kind, each.words, each.apply, float(share), float(gain), each.prior)
            for each, share, gain in zip(changes, shares, gains, strict=True)
        ]

    whole_numbers = all((each == np.floor(each)).all() for each in (old, new))
    known = _known_changes(old, np.floor if whole_numbers else np.asarray)
    found = fitted([*known, *_refined(fitted, old, _constants), *_refined(fitted, old, _factors)])
    best = max(found, key=lambda each: each.gain - each.prior)
    shown = counts / counts.sum()
    most = float((counts * np.log(np.maximum(shown, 1e-12) / usual)).sum()) - len(usual) / 2
    return best if best.gain - best.prior > max(LEAST_GAIN, EXPLAINED * most) else None


def _known_changes(old: Floats, written: Callable[[Floats], Floats]) -> list[NumberChange]:
    """Known changes; `written` is what becomes of numbers of another unit: whole ones may be cut off to such again."""
    found = [
        NumberChange("unit", each.words, lambda v, e=each: written(e.apply(v)), prior=each.prior)  # type: ignore[misc]
        for each in UNITS
    ]
    if (old > 0).mean() > 0.6 or (old < 0).mean() > 0.6:
        found.append(NumberChange("sign", "has the wrong sign", np.negative))
    if old.min() >= 0 and old.max() > 50:
        found.append(NumberChange("unit", "is the logarithm of what it was", np.log1p, prior=UNUSUAL))
    return found


def _constants(old: Floats, middle: float, width: float) -> list[NumberChange]:
    """Constants around one (in standard deviations of the values)."""
    unit = float(old.std()) or 1.0
    places = middle + width * np.linspace(-1, 1, STEPS)
    return [
        NumberChange(
            "shifted", f"is shifted: about {plain(abs(d * unit), 2)} {'more' if d > 0 else 'less'} than it was",
            lambda v, d=d * unit: v + d, prior=PRIOR["shifted"],  # type: ignore[misc]
        )
        for d in places.tolist() if abs(d) > 0.02
    ]  # fmt: skip


def _factors(old: Floats, middle: float, width: float) -> list[NumberChange]:  # noqa: ARG001 - as for constants
    """Factors around one (their logarithm)."""
    places = np.exp(middle + width * np.linspace(-1, 1, STEPS))
    return [
        NumberChange(
            "scaled", f"is about {plain(f, 2)} times what it was (another unit, or another currency?)",
            lambda v, f=f: v * f, prior=PRIOR["scaled"],  # type: ignore[misc]
        )
        for f in places.tolist() if abs(f - 1) > 0.02
    ]  # fmt: skip


def _refined(
    fitted: Callable[[Sequence[NumberChange]], list[NumberChange]],
    old: Floats,
    family: Callable[[Floats, float, float], list[NumberChange]],
) -> list[NumberChange]:
    """The best of a family of changes with one number, which is looked for twice."""
    middle, width = 0.0, 12.0 if family is _constants else 2.3
    best: list[NumberChange] = []
    for _ in range(2):
        tried = fitted(family(old, middle, width))
        best = [max(tried, key=lambda each: each.gain)] if tried else best
        probe = best[0].apply(np.ones(1))[0]
        middle = float((probe - 1) / (old.std() or 1.0)) if family is _constants else float(np.log(probe))
        width = 2 * width / (STEPS - 1)
    return best


def cells_of(old: Floats, new: Floats, cells: int = CELLS) -> Floats:
    """Edges of cells of about as many of the old and new values (n,), (m,) each, and of those beyond the old ones."""
    places = np.linspace(0, 1, cells // 2 + 1)[1:-1]
    parts = [old, new, new[new < old.min()], new[new > old.max()]]
    few = places[:: 1 + len(places) // 8]
    return np.unique(
        np.concatenate([np.quantile(v, q) for v, q in zip(parts, (places, places, few, few), strict=True) if len(v)])
    )


def counted(values: Floats, edges: Floats) -> Floats:
    """How many values are in each cell (cells,)."""
    return np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1).astype(np.float64)


def smoothed(counts: Floats) -> Floats:
    """Shares of cells (..., cells), none of which is zero."""
    return np.asarray((counts + 0.2) / (counts + 0.2).sum(axis=-1, keepdims=True))


def mixture_shares(counts: Floats, usual: Floats, other: Floats) -> tuple[Floats, Floats]:
    """The most likely share (k,) of rows from other distributions (k, cells), the rest from the usual one (cells,).

    With how much more likely (nats) the counts (cells,) are than by the usual one alone. The likelihood is concave in
    the share, so halving finds its top.
    """
    low, high = np.zeros(len(other)), np.ones(len(other))
    ratio = other / usual - 1
    for _ in range(30):
        middle = (low + high) / 2
        rising = (counts * ratio / (1 + middle[:, None] * ratio)).sum(axis=1) > 0
        low, high = np.where(rising, middle, low), np.where(rising, high, middle)
    share = (low + high) / 2
    return share, np.asarray((counts * np.log1p(share[:, None] * ratio)).sum(axis=1))
