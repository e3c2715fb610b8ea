"""The statistics of a change: what is measured between two models' scores, in families that share an error budget.

The same function measures candidate against baseline and replica against replica, so a limit learned from replicas
applies to exactly what is judged.
"""

from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal, get_args

import numpy as np

from seatrial.model.features import Array
from seatrial.trial.compare.groups import Grouping, grouped
from seatrial.trial.compare.metrics import metrics_of, worsening
from seatrial.trial.compare.queries import Queries, QueryScores

Family = Literal["changes", "flips", "shares", "losses", "metrics", "slices", "search", "sensitivity", "probes"]
FAMILIES: tuple[Family, ...] = get_args(Family)

# Smaller changes do not matter in practice: probabilities, shares of rows, or units of a regression's spread.
MINIMAL: dict[str, float] = {
    "changes": 0.01,
    "flips": 0.01,
    "shares": 0.02,
    "losses": 0.005,
    "metrics": 0.005,
    "slices": 0.03,
    "search": 0.03,
    "sensitivity": 0.02,
    "probes": 0.05,
}
FURTHEST = "the 99th percentile of the changes"
MOST_PAIRS = 5  # pairs of groups that a search takes from one half to the other
MOST_PAIRED = 30  # columns that are searched in pairs
MOST_SEARCHED = 200_000  # rows that the search looks at


@dataclass(frozen=True)
class FamilyStatistics:
    """One family's statistics: `members` names them, `values` are compared with limits, `effects` are for people.

    `effects` are in their own unit, to be compared with what matters. `old` and `new` are the two values behind each,
    if there are any. One-sided statistics are negative if the new model is better.
    """

    members: tuple[str, ...]
    values: Array
    effects: Array
    old: Array | None = None
    new: Array | None = None


@dataclass(frozen=True)
class Limit:
    """One family's limit: a member fails if its value exceeds `largest` times its own `noise`."""

    noise: dict[str, float]
    largest: float
    typical: float  # the noise of a member that no replica showed

    def widened(self, other: "Limit") -> "Limit":
        """The larger noise of each member, and the larger limit."""
        names = {**self.noise, **other.noise}
        noise = {n: max(self.noise.get(n, self.typical), other.noise.get(n, other.typical)) for n in names}
        return Limit(noise, max(self.largest, other.largest), max(self.typical, other.typical))

    def of(self, member: str) -> float:
        """The limit of one member, in the unit of its value."""
        return self.largest * self.noise.get(member, self.typical)


@dataclass(frozen=True)
class NoiseFloor:
    """How much harmless retraining changes: the limits by family, and the families without one, with the reason.

    `turned` is the share of decisions that replicas turn, for a regression the mean change in units of the answers'
    spread: an upper quantile of their pairs. A limit is wider, since it must hold for all statistics of its family.
    """

    limits: dict[str, Limit]
    dropped: dict[str, str]
    replicas: int
    share: float
    turned: float | None = None

    def widened(self, other: "NoiseFloor") -> "NoiseFloor":
        """The larger of two limits of each family."""
        limits = {
            family: limit.widened(other.limits[family]) if family in other.limits else limit
            for family, limit in self.limits.items()
        }
        turned = max((each.turned for each in (self, other) if each.turned is not None), default=None)
        return replace(self, limits=limits, turned=turned)

    def of_members(self, family: str) -> dict[str, float]:
        """The limit of each member of a family; empty if the family has none."""
        limit = self.limits.get(family)
        return {name: limit.of(name) for name in limit.noise} if limit else {}


NONE = FamilyStatistics((), np.zeros(0), np.zeros(0))


def measure(
    queries: Queries, groupings: list[Grouping], old: QueryScores, new: QueryScores, fewest: int
) -> dict[str, FamilyStatistics]:
    """Measure everything that these scores can show; a family without members is left out."""
    measured = {
        "changes": _changes(queries, old, new),
        "flips": _flips(queries, old, new),
        "shares": _shares(queries, old, new),
        "losses": _losses(queries, old, new),
        "metrics": _metrics(queries, old, new),
        "slices": slices(queries, groupings, old, new, fewest),
        "search": search(queries, groupings, old, new, fewest),
        "sensitivity": sensitivity(queries, old, new),
        "probes": _probes(queries, old, new),
    }
    return {family: statistics for family, statistics in measured.items() if statistics.members}


def groups_of(queries: Queries, only: list[str]) -> list[Grouping]:
    """The rows' groups, made once for all comparisons."""
    return grouped(queries.rows, only)


def _changes(queries: Queries, old: QueryScores, new: QueryScores) -> FamilyStatistics:
    moved = queries.scoring.change(old.rows, new.rows)
    values = np.array([moved.mean(), *np.quantile(moved, [0.5, 0.9, 0.99])])
    names = ("the mean change", "the median change", "the 90th percentile of the changes", FURTHEST)
    return FamilyStatistics(names, values, values)


def _flips(queries: Queries, old: QueryScores, new: QueryScores) -> FamilyStatistics:
    scoring, truth = queries.scoring, queries.truth
    if not scoring.classifies:
        return NONE
    before, after = scoring.decide(old.rows), scoring.decide(new.rows)
    values = {"label flips": before != after}
    if truth is not None:
        # Negative flips: the old label was right and the new one is wrong (Yan et al. 2021).
        values["negative flips"] = (before == truth) & (after != truth)
    shares = np.array([flipped.mean() for flipped in values.values()])
    return FamilyStatistics(tuple(values), shares, shares)


def _shares(queries: Queries, old: QueryScores, new: QueryScores) -> FamilyStatistics:
    scoring = queries.scoring
    if not scoring.classifies:
        shift = float((new.rows - old.rows).mean() / scoring.scale)
        spread = float((new.rows.std() - old.rows.std()) / scoring.scale)
        values = np.abs([shift, spread])
        return FamilyStatistics(("the mean prediction", "the spread of predictions"), values, values)
    count = len(scoring.classes)
    before, after = (np.bincount(scoring.decide(scores.rows), minlength=count) / queries.size for scores in (old, new))
    values = np.abs(after - before)
    return FamilyStatistics(tuple(f"the share of {c}" for c in scoring.classes), values, values, before, after)


def _losses(queries: Queries, old: QueryScores, new: QueryScores) -> FamilyStatistics:
    if queries.truth is None:
        return NONE
    before, after = (queries.scoring.losses(scores.rows, queries.truth).mean(keepdims=True) for scores in (old, new))
    name = "the Brier score" if queries.scoring.classifies else "the mean absolute error"
    return FamilyStatistics((name,), after - before, after - before, before, after)


def _metrics(queries: Queries, old: QueryScores, new: QueryScores) -> FamilyStatistics:
    if queries.truth is None:
        return NONE
    before, after = (metrics_of(queries.scoring, scores.rows, queries.truth, queries.weights) for scores in (old, new))
    values = np.array([worsening(b, a) for b, a in zip(before, after, strict=True)])
    values = np.where(np.isfinite(values), values, 0.0)
    return FamilyStatistics(tuple(metric.name for metric in before), values, values)


def slices(
    queries: Queries, groupings: list[Grouping], old: QueryScores, new: QueryScores, fewest: int
) -> FamilyStatistics:
    """How far predictions moved in each group of each column, and how much worse they became there."""
    scoring, truth = queries.scoring, queries.truth
    moved = scoring.signed(old.rows, new.rows)
    worse = None if truth is None else scoring.losses(new.rows, truth) - scoring.losses(old.rows, truth)
    members: list[str] = []
    values: list[Array] = []
    for grouping in groupings:
        counts = grouping.counts
        kept = np.flatnonzero(counts >= fewest)
        shift = np.abs(np.stack([grouping.means(column) for column in moved.T])).max(axis=0)
        members += [f"{grouping.names[k]} (moved)" for k in kept.tolist()]
        values.append(shift[kept])
        if worse is not None:
            members += [f"{grouping.names[k]} (worse)" for k in kept.tolist()]
            values.append(grouping.means(worse)[kept])
    every = np.concatenate(values) if values else np.zeros(0)
    return FamilyStatistics(tuple(members), every, every)


def search(
    queries: Queries, groupings: list[Grouping], old: QueryScores, new: QueryScores, fewest: int
) -> FamilyStatistics:
    """Search for the pair of groups that changed most: found on one half of the rows, measured on the other.

    Measuring on rows that had no part in the search keeps the best of hundreds of pairs from looking large by luck.
    What retraining alone does to such a pair is learned from replicas, with the same search.
    """
    part = np.arange(0, queries.size, max(1, queries.size // MOST_SEARCHED))
    if len(part) < 4 * fewest or len(groupings) < 2:
        return NONE
    scoring, before, after = queries.scoring, old.rows[part], new.rows[part]
    if queries.truth is None:
        effect = scoring.signed(before, after)[:, 0]
    else:
        truth = queries.truth[part]
        effect = scoring.losses(after, truth) - scoring.losses(before, truth)
    halves = np.random.default_rng(0).permutation(len(part)) % 2 == 0  # a fixed shuffle: rows may come in an order
    coded = [grouping.codes[part] for grouping in groupings]
    first, searched = [codes[halves] for codes in coded], effect[halves]
    centre, spread = searched.mean(), searched.std() + 1e-12
    best: list[tuple[float, int, int, int]] = []
    chosen = _most_telling(first, [grouping.size for grouping in groupings], searched)
    for a, b in combinations(chosen, 2):
        width = groupings[b].size
        cells = first[a] * width + first[b]
        counts = np.bincount(cells, minlength=groupings[a].size * width)
        sums = np.bincount(cells, searched, len(counts))
        score = (sums - centre * counts) / (spread * np.sqrt(np.maximum(counts, 1)))
        score = np.where(counts >= fewest / 2, score, -np.inf)
        top = int(score.argmax())
        best.append((float(score[top]), a, b, top))
    confirmed: list[tuple[float, str]] = []
    other_half = effect[~halves]
    for _, a, b, cell in sorted(best, reverse=True)[:MOST_PAIRS]:
        width = groupings[b].size
        inside = coded[a][~halves] * width + coded[b][~halves] == cell
        if inside.sum() >= fewest / 2:
            names = f"{groupings[a].names[cell // width]} and {groupings[b].names[cell % width]}"
            confirmed.append((float(other_half[inside].mean()), names))
    # One statistic, the best confirmed: which pairs are found varies between replicas, but the size of their effect
    # does not.
    if not confirmed:
        return NONE
    value, name = max(confirmed, key=lambda pair: pair[0])
    return FamilyStatistics((name,), np.array([value]), np.array([value]))


def _most_telling(coded: list[Array], sizes: list[int], effect: Array) -> list[int]:
    """The columns that are searched in pairs: all, or of many those whose groups explain most of the effect alone."""
    if len(coded) <= MOST_PAIRED:
        return list(range(len(coded)))
    centred = effect - effect.mean()
    explained = [
        float((np.bincount(codes, centred, size) ** 2 / np.maximum(np.bincount(codes, minlength=size), 1)).sum())
        for codes, size in zip(coded, sizes, strict=True)
    ]
    return sorted(np.argsort(explained)[-MOST_PAIRED:].tolist())


def sensitivity(queries: Queries, old: QueryScores, new: QueryScores) -> FamilyStatistics:
    """What shuffling each column does to the predictions of each model, as the logarithm of a ratio."""
    if not queries.columns or not len(queries.part):
        return NONE
    before, after = (
        np.array([queries.scoring.change(s.rows[queries.part], s.shuffled[n]).mean() for n in queries.columns])
        for s in (old, new)
    )
    least = _least_effect(before, after)
    ratios = np.abs(np.log((after + least) / (before + least)))
    return FamilyStatistics(queries.columns, ratios, np.abs(after - before), before, after)


def sensitivity_range(statistics: FamilyStatistics, limits: Array) -> tuple[Array, Array]:
    """The range that the new effect of shuffling each column may have, given the limits of `values`."""
    assert statistics.old is not None
    assert statistics.new is not None
    least = _least_effect(statistics.old, statistics.new)
    low, high = ((statistics.old + least) * np.exp(sign * limits) - least for sign in (-1, 1))
    return np.maximum(low, 0.0), high


def _least_effect(before: Array, after: Array) -> float:
    """Added to both effects of a ratio, so that columns that hardly matter do not look changed."""
    return float(0.1 * max(before.mean(), after.mean()) + 0.002)


def _probes(queries: Queries, old: QueryScores, new: QueryScores) -> FamilyStatistics:
    if not queries.probed:
        return NONE
    moved = queries.scoring.change(old.probes, new.probes)
    names, codes = np.unique(np.array(queries.probed), return_inverse=True)
    values = np.bincount(codes, moved) / np.bincount(codes)
    return FamilyStatistics(tuple(names.tolist()), values, values)
