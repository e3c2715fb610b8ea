"""What a verdict shows beside its checks: the rows that changed most, and what its page draws."""

from dataclasses import asdict
from typing import Any

import numpy as np

from seatrial.trial.compare.queries import Queries
from seatrial.trial.report.evidence import ChangeHistogram, LabelFlips
from seatrial.trial.rows.answer_collection import CollectedAnswers

WORST = 10
BINS = 40


def worst_rows(queries: Queries, old: CollectedAnswers, new: CollectedAnswers) -> tuple[dict[str, Any], ...]:
    """The rows whose prediction moved most, with their values and labels."""
    scoring = queries.scoring
    before, after = queries.split(old.table).rows, queries.split(new.table).rows
    moved = np.nan_to_num(scoring.change(before, after), nan=0.0)
    order = np.argsort(-moved, kind="stable")[:WORST]
    found = []
    for row in order.tolist():
        if moved[row] == 0:
            break
        was, now = (_told(scoring, scores[row]) for scores in (before, after))
        found.append(
            {
                "row": {name: _plain(values[row]) for name, values in queries.rows.items()},
                "old": was,
                "new": now,
                "label": _label(queries, row),
                "changed": [],
            }
        )
    return tuple(found)


def pictures(queries: Queries, old: CollectedAnswers, new: CollectedAnswers) -> dict[str, Any]:
    """How far rows moved, and which labels flipped."""
    scoring = queries.scoring
    before, after = queries.split(old.table).rows, queries.split(new.table).rows
    signed = scoring.signed(before, after)
    moved = signed[:, 0] if signed.shape[1] == 1 else scoring.change(before, after)
    moved = moved[np.isfinite(moved)]
    reach = max(float(np.abs(moved).max()) if len(moved) else 0.0, 1e-6)
    shares, edges = np.histogram(moved, bins=BINS, range=(-reach if signed.shape[1] == 1 else 0.0, reach))
    unit = "change in probability" if scoring.classifies else "change, in units of the labels' spread"
    drawn: dict[str, Any] = {
        "change": asdict(ChangeHistogram(tuple(edges.tolist()), tuple((shares / max(len(moved), 1)).tolist()), unit))
    }
    if scoring.classifies:
        first, second = scoring.decide(before), scoring.decide(after)
        size = len(scoring.classes)
        counts = np.bincount(first * size + second, minlength=size * size).reshape(size, size)
        worse = better = None
        if queries.truth is not None:
            worse = int(((first == queries.truth) & (second != queries.truth)).sum())
            better = int(((first != queries.truth) & (second == queries.truth)).sum())
        table = tuple(tuple(row) for row in counts.tolist())
        drawn["flips"] = asdict(LabelFlips(tuple(map(str, scoring.classes)), table, worse, better))
    return drawn


def _told(scoring: Any, scores: Any) -> float:
    if not scoring.classifies:
        return float(scores)
    return float(scores[scoring.positive] if scoring.task == "binary" else scores.max())


def _label(queries: Queries, row: int) -> Any:
    if queries.truth is None:
        return None
    truth = queries.truth[row].item()
    if not queries.scoring.classifies:
        return truth
    return queries.scoring.classes[truth] if truth >= 0 else None


def _plain(value: Any) -> Any:
    value = value.item() if isinstance(value, np.generic) else value
    return None if value is None or value != value else value  # noqa: PLR0124 - NaN is missing
