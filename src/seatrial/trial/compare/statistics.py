"""The figures of a change: what is measured between two sides' answers, in families that share an error budget.

The same function measures candidate against baseline and replica against replica, so a limit learnt from replicas is a
limit on exactly what is judged.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from seatrial.model.features import Array
from seatrial.trial.compare.groups import Grouping, grouped
from seatrial.trial.compare.metrics import metrics_of, worsening
from seatrial.trial.compare.queries import Queries, QueryScores

Family = Literal["changes", "flips", "shares", "losses", "metrics", "slices", "search", "sensitivity", "probes"]
FAMILIES: tuple[Family, ...] = get_args(Family)

# Below these, a change matters to nobody: probabilities, shares of rows, or units of a regression's spread.
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
FOUND = 5  # pairs of groups that a search takes from one half to the other
MOST_SEARCHED = 200_000  # rows that the search looks at


@dataclass(frozen=True)
class Figures:
    """One family's figures: `members` name them, `values` are what limits are put on, `plain` is for people.

    `plain` is the effect in its own unit, to be compared with what matters; `old` and `new` are its two sides, where
    there are any. One-sided figures are negative where the new side is better.
    """

    members: tuple[str, ...]
    values: Array
    plain: Array
    old: Array | None = None
    new: Array | None = None


def measure(
    queries: Queries, groupings: list[Grouping], old: QueryScores, new: QueryScores, fewest: int
) -> dict[str, Figures]:
    """Measure everything that these answers can tell; a family without members is left out."""
    found = {
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
    return {family: figures for family, figures in found.items() if len(figures.members)}


def groups_of(queries: Queries, only: list[str]) -> list[Grouping]:
    """The rows' groups, made once for all comparisons."""
    return grouped(queries.rows, only)


def _none() -> Figures:
    return Figures((), np.zeros(0), np.zeros(0))


def _changes(queries: Queries, old: QueryScores, new: QueryScores) -> Figures:
    moved = queries.scoring.change(old.rows, new.rows)
    values = np.array([moved.mean(), *np.quantile(moved, [0.5, 0.9, 0.99])])
    return Figures(("the mean change", "the median change", "the 90 % change", "the 99 % change"), values, values)


def _flips(queries: Queries, old: QueryScores, new: QueryScores) -> Figures:
    scoring = queries.scoring
    if not scoring.classifies:
        return _none()
    before, after = scoring.decide(old.rows), scoring.decide(new.rows)
    members, values = ["label flips"], [float((before != after).mean())]
    if queries.truth is not None:
        # Negative flips: the old side was right and the new one is not (Yan et al. 2021).
        members.append("negative flips")
        values.append(float(((before == queries.truth) & (after != queries.truth)).mean()))
    return Figures(tuple(members), np.array(values), np.array(values))


def _shares(queries: Queries, old: QueryScores, new: QueryScores) -> Figures:
    scoring = queries.scoring
    if not scoring.classifies:
        shift = float((new.rows - old.rows).mean() / scoring.scale)
        spread = float((new.rows.std() - old.rows.std()) / scoring.scale)
        values = np.abs([shift, spread])
        return Figures(("the mean prediction", "the spread of predictions"), values, values)
    count = len(scoring.classes)
    before = np.bincount(scoring.decide(old.rows), minlength=count) / queries.size
    after = np.bincount(scoring.decide(new.rows), minlength=count) / queries.size
    values = np.abs(after - before)
    return Figures(tuple(f"the share of {c}" for c in scoring.classes), values, values, before, after)


def _losses(queries: Queries, old: QueryScores, new: QueryScores) -> Figures:
    if queries.truth is None:
        return _none()
    scoring, truth = queries.scoring, queries.truth
    before, after = scoring.losses(old.rows, truth), scoring.losses(new.rows, truth)
    value = np.array([after.mean() - before.mean()])
    name = "the Brier score" if scoring.classifies else "the mean absolute error"
    return Figures((name,), value, value, before.mean(keepdims=True), after.mean(keepdims=True))


def _metrics(queries: Queries, old: QueryScores, new: QueryScores) -> Figures:
    if queries.truth is None:
        return _none()
    before = metrics_of(queries.scoring, old.rows, queries.truth)
    after = metrics_of(queries.scoring, new.rows, queries.truth)
    values = np.array([worsening(b, a) for b, a in zip(before, after, strict=True)])
    values = np.where(np.isfinite(values), values, 0.0)
    return Figures(tuple(metric.name for metric in before), values, values)


def slices(queries: Queries, groupings: list[Grouping], old: QueryScores, new: QueryScores, fewest: int) -> Figures:
    """How predictions moved in each group of each column, and how much worse they became there."""
    scoring, truth = queries.scoring, queries.truth
    moved = scoring.signed(old.rows, new.rows)
    worse = None if truth is None else scoring.losses(new.rows, truth) - scoring.losses(old.rows, truth)
    members: list[str] = []
    values: list[Array] = []
    for grouping in groupings:
        counts = np.bincount(grouping.codes, minlength=grouping.size)
        kept = np.flatnonzero(counts >= fewest)
        sums = [np.bincount(grouping.codes, column, grouping.size) for column in moved.T]
        shift = np.abs(np.stack(sums) / np.maximum(counts, 1)).max(axis=0)
        members += [f"{grouping.names[k]} (moved)" for k in kept.tolist()]
        values.append(shift[kept])
        if worse is not None:
            members += [f"{grouping.names[k]} (worse)" for k in kept.tolist()]
            values.append((np.bincount(grouping.codes, worse, grouping.size) / np.maximum(counts, 1))[kept])
    told = np.concatenate(values) if values else np.zeros(0)
    return Figures(tuple(members), told, told)


def search(queries: Queries, groupings: list[Grouping], old: QueryScores, new: QueryScores, fewest: int) -> Figures:
    """Search pairs of groups for the one that changed most: found on one half of the rows, told by the other half.

    Telling by rows that had no part in the finding keeps the best of hundreds of pairs from looking large by luck; what
    retraining alone does to such a pair is learnt from replicas, for which the same search is made.
    """
    step = max(1, queries.size // MOST_SEARCHED)
    part = np.arange(0, queries.size, step)
    if len(part) < 4 * fewest or len(groupings) < 2:
        return _none()
    truth = queries.truth
    if truth is None:
        figure = queries.scoring.signed(old.rows[part], new.rows[part])[:, 0]
    else:
        scoring = queries.scoring
        figure = scoring.losses(new.rows[part], truth[part]) - scoring.losses(old.rows[part], truth[part])
    halves = np.random.default_rng(0).permutation(len(part)) % 2 == 0  # a fixed shuffle: rows may come in an order
    coded = [grouping.codes[part] for grouping in groupings]
    first = [codes[halves] for codes in coded]
    here = figure[halves]
    centre, spread = here.mean(), here.std() + 1e-12
    best: list[tuple[float, int, int, int]] = []
    for a in range(len(groupings)):
        for b in range(a + 1, len(groupings)):
            width = groupings[b].size
            cells = first[a] * width + first[b]
            counts = np.bincount(cells, minlength=groupings[a].size * width)
            sums = np.bincount(cells, here, len(counts))
            score = np.where(
                counts >= fewest / 2, (sums - centre * counts) / (spread * np.sqrt(np.maximum(counts, 1))), -np.inf
            )
            top = int(score.argmax())
            best.append((float(score[top]), a, b, top))
    best.sort(reverse=True)
    members, values = [], []
    there = figure[~halves]
    for _, a, b, cell in best[:FOUND]:
        width = groupings[b].size
        inside = coded[a][~halves] * width + coded[b][~halves] == cell
        if inside.sum() >= fewest / 2:
            members.append(f"{groupings[a].names[cell // width]} and {groupings[b].names[cell % width]}")
            values.append(float(there[inside].mean()))
    # One figure, the best confirmed: which pairs are found differs from replica to replica, how far they go does not.
    if not values:
        return _none()
    top = int(np.argmax(values))
    return Figures((members[top],), np.array([values[top]]), np.array([values[top]]))


def sensitivity(queries: Queries, old: QueryScores, new: QueryScores) -> Figures:
    """What shuffling each column does to the predictions of either side, as a ratio."""
    if not queries.columns or not len(queries.part):
        return _none()
    scoring = queries.scoring
    before = np.array([scoring.change(old.rows[queries.part], old.shuffled[n]).mean() for n in queries.columns])
    after = np.array([scoring.change(new.rows[queries.part], new.shuffled[n]).mean() for n in queries.columns])
    least = 0.1 * max(before.mean(), after.mean()) + 0.002
    ratios = np.abs(np.log((after + least) / (before + least)))
    return Figures(queries.columns, ratios, np.abs(after - before), before, after)


def _probes(queries: Queries, old: QueryScores, new: QueryScores) -> Figures:
    if not queries.probed:
        return _none()
    moved = queries.scoring.change(old.probes, new.probes)
    names, codes = np.unique(np.array(queries.probed), return_inverse=True)
    values = np.bincount(codes, moved) / np.bincount(codes)
    return Figures(tuple(names.tolist()), values, values)
