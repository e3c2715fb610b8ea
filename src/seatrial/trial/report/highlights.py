"""What a verdict shows beside its checks: the rows that changed most, and the data of the page's charts."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np

from seatrial.model.features import Array
from seatrial.trial.compare.queries import Queries, QueryScores
from seatrial.trial.compare.statistics import FURTHEST, NoiseFloor, groups_of, sensitivity, sensitivity_range
from seatrial.trial.compare.total import answered_by_both
from seatrial.trial.compare.training_data import chance, named_shares
from seatrial.trial.policy import Policy
from seatrial.trial.report.evidence import BeforeAfter, ChangeHistogram, LabelFlips

WORST = 10
BINS = 40
DRIVEN = 0.5  # of a row's change disappears with another value in a column that drives it
MOST_DRIVERS = 3


def worst_rows(queries: Queries, old: QueryScores, new: QueryScores) -> tuple[dict[str, Any], ...]:
    """The rows whose prediction changed most, with their values, their labels and the columns that drive the change."""
    scoring = queries.scoring
    moved = np.nan_to_num(scoring.change(old.rows, new.rows), nan=0.0)
    order = np.argsort(-moved, kind="stable")[:WORST]
    before, after = scoring.headline(old.rows), scoring.headline(new.rows)
    return tuple(
        {
            "row": {name: _plain(values[row]) for name, values in queries.rows.items()},
            "old": float(before[row]),
            "new": float(after[row]),
            "label": _label(queries, row),
            "drivers": _drivers(queries, old, new, row, float(moved[row])),
        }
        for row in order.tolist()
        if moved[row] > 0
    )


def _drivers(queries: Queries, old: QueryScores, new: QueryScores, row: int, moved: float) -> list[str]:
    """The columns in which another row's value makes most of the change disappear, the strongest first.

    The shuffled rows are used, so it is known for the rows among these only.
    """
    (places,) = np.nonzero(queries.part == row)
    if not len(places):
        return []
    left = {
        name: queries.scoring.change(old.shuffled[name][places], new.shuffled[name][places])[0]
        for name in queries.columns
    }
    names = sorted((name for name, rest in left.items() if rest < DRIVEN * moved), key=lambda name: left[name])
    return names[:MOST_DRIVERS]


def pictures(
    queries: Queries,
    old: QueryScores,
    new: QueryScores,
    floor: NoiseFloor | None,
    policy: Policy,
    tables: tuple[dict[str, Any], dict[str, Any]],
) -> dict[str, Any]:
    """The data of the page's charts, by the keys that `report.sections` draws.

    `tables` are the fingerprints of both training tables. A chart without data has no key.
    """
    queries, old, new = answered_by_both(queries, old, new)
    data: dict[str, Any] = {"change": asdict(_change(queries, old, new, floor))}
    if queries.scoring.classifies:
        data["flips"] = asdict(_flips(queries, old, new))
    if queries.truth is not None:
        data["slices"] = [asdict(each) for each in _slices(queries, old, new, policy)]
        data["slices_label"] = queries.scoring.loss_name
    data["sensitivity"] = [asdict(each) for each in _sensitivity(queries, old, new, floor)]
    data["shares"] = [asdict(each) for each in _shares(*tables)]
    return {key: value for key, value in data.items() if value}


def _change(queries: Queries, old: QueryScores, new: QueryScores, floor: NoiseFloor | None) -> ChangeHistogram:
    signed = queries.scoring.signed(old.rows, new.rows)
    one = signed.shape[1] == 1
    moved = signed[:, 0] if one else queries.scoring.change(old.rows, new.rows)
    reach = max(float(np.abs(moved).max(initial=0.0)), 1e-6)
    counts, edges = np.histogram(moved, bins=BINS, range=(-reach if one else 0.0, reach))
    unit = "change in probability" if queries.scoring.classifies else "change, in units of the labels' spread"
    limit = floor.limits.get("changes") if floor else None
    usual = limit.noise[FURTHEST] if limit else 0.0  # how far 99 % of the rows move in a usual retrain
    noise = (-usual if one else 0.0, usual) if usual else None
    return ChangeHistogram(tuple(edges.tolist()), tuple((counts / max(len(moved), 1)).tolist()), unit, noise)


def _flips(queries: Queries, old: QueryScores, new: QueryScores) -> LabelFlips:
    scoring, truth = queries.scoring, queries.truth
    before, after = scoring.decide(old.rows), scoring.decide(new.rows)
    size = len(scoring.classes)
    counts = np.bincount(before * size + after, minlength=size * size).reshape(size, size)
    worse = better = None
    if truth is not None:
        worse = int(((before == truth) & (after != truth)).sum())
        better = int(((before != truth) & (after == truth)).sum())
    return LabelFlips(tuple(map(str, scoring.classes)), tuple(tuple(row) for row in counts.tolist()), worse, better)


def _slices(queries: Queries, old: QueryScores, new: QueryScores, policy: Policy) -> Iterator[BeforeAfter]:
    """Each group's mean loss before and after, with the 95 % interval of the latter."""
    assert queries.truth is not None
    before, after = (queries.scoring.losses(scores.rows, queries.truth) for scores in (old, new))
    for grouping in groups_of(queries, policy.slices):
        first, second = grouping.means(before), grouping.means(after)
        variance = np.maximum(grouping.means(after**2) - second**2, 0.0)
        error = 1.96 * np.sqrt(variance / np.maximum(grouping.counts, 1))
        for k in np.flatnonzero(grouping.counts >= policy.min_slice).tolist():
            low, high = float(second[k] - error[k]), float(second[k] + error[k])
            count = int(grouping.counts[k])
            yield BeforeAfter(grouping.names[k], float(first[k]), float(second[k]), max(low, 0.0), high, count)


def _sensitivity(
    queries: Queries, old: QueryScores, new: QueryScores, floor: NoiseFloor | None
) -> Iterator[BeforeAfter]:
    """What shuffling each column does, before and after, and the range of harmless retraining."""
    statistics = sensitivity(queries, old, new)
    if statistics.old is None or statistics.new is None:
        return
    limit = floor.limits.get("sensitivity") if floor else None
    ends: list[Array] | None = None
    if limit is not None:
        ends = list(sensitivity_range(statistics, np.array([limit.of(name) for name in statistics.members])))
    for k, name in enumerate(statistics.members):
        low, high = (float(end[k]) for end in ends) if ends else (None, None)
        yield BeforeAfter(name, float(statistics.old[k]), float(statistics.new[k]), low, high)


def _shares(old: dict[str, Any], new: dict[str, Any]) -> Iterator[BeforeAfter]:
    """The shares of missing values, categories and labels in both training tables, and where chance leaves them."""
    if not old.get("columns") or not new.get("columns"):
        return
    before, after = named_shares(old), named_shares(new)
    for name, share in before.items():
        now = after.get(name, 0.0)
        if max(share, now) > 0:
            reach = chance(share, int(old["rows"]), int(new["rows"]))
            yield BeforeAfter(name, share, now, max(share - reach, 0.0), min(share + reach, 1.0))


def _label(queries: Queries, row: int) -> Any:
    if queries.truth is None:
        return None
    truth = queries.truth[row].item()
    return queries.scoring.classes[truth] if queries.scoring.classifies else truth


def _plain(value: Any) -> Any:
    value = value.item() if isinstance(value, np.generic) else value
    return None if value is None or value != value else value  # noqa: PLR0124 - NaN is missing
