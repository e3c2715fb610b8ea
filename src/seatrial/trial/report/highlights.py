"""What a verdict shows beside its checks: the rows that changed most, and what its page draws."""

from dataclasses import asdict
from typing import Any

import numpy as np

from seatrial.trial.compare.queries import Questions
from seatrial.trial.report.evidence import Change, Flips
from seatrial.trial.rows.answer_collection import Asked

WORST = 10
BINS = 40


def worst_rows(questions: Questions, old: Asked, new: Asked) -> tuple[dict[str, Any], ...]:
    """The rows whose prediction moved most, with their values and labels."""
    meaning = questions.meaning
    before, after = questions.split(old.table).rows, questions.split(new.table).rows
    moved = np.nan_to_num(meaning.change(before, after), nan=0.0)
    order = np.argsort(-moved, kind="stable")[:WORST]
    found = []
    for row in order.tolist():
        if moved[row] == 0:
            break
        was, now = (_told(meaning, scores[row]) for scores in (before, after))
        found.append(
            {
                "row": {name: _plain(values[row]) for name, values in questions.rows.items()},
                "old": was,
                "new": now,
                "label": _label(questions, row),
                "changed": [],
            }
        )
    return tuple(found)


def pictures(questions: Questions, old: Asked, new: Asked) -> dict[str, Any]:
    """How far rows moved, and which labels flipped."""
    meaning = questions.meaning
    before, after = questions.split(old.table).rows, questions.split(new.table).rows
    signed = meaning.signed(before, after)
    moved = signed[:, 0] if signed.shape[1] == 1 else meaning.change(before, after)
    moved = moved[np.isfinite(moved)]
    reach = max(float(np.abs(moved).max()) if len(moved) else 0.0, 1e-6)
    shares, edges = np.histogram(moved, bins=BINS, range=(-reach if signed.shape[1] == 1 else 0.0, reach))
    unit = "change in probability" if meaning.classifies else "change, in units of the labels' spread"
    drawn: dict[str, Any] = {
        "change": asdict(Change(tuple(edges.tolist()), tuple((shares / max(len(moved), 1)).tolist()), unit))
    }
    if meaning.classifies:
        first, second = meaning.decide(before), meaning.decide(after)
        size = len(meaning.classes)
        counts = np.bincount(first * size + second, minlength=size * size).reshape(size, size)
        worse = better = None
        if questions.truth is not None:
            worse = int(((first == questions.truth) & (second != questions.truth)).sum())
            better = int(((first != questions.truth) & (second == questions.truth)).sum())
        table = tuple(tuple(row) for row in counts.tolist())
        drawn["flips"] = asdict(Flips(tuple(map(str, meaning.classes)), table, worse, better))
    return drawn


def _told(meaning: Any, scores: Any) -> float:
    if not meaning.classifies:
        return float(scores)
    return float(scores[meaning.positive] if meaning.task == "binary" else scores.max())


def _label(questions: Questions, row: int) -> Any:
    if questions.truth is None:
        return None
    truth = questions.truth[row].item()
    if not questions.meaning.classifies:
        return truth
    return questions.meaning.classes[truth] if truth >= 0 else None


def _plain(value: Any) -> Any:
    value = value.item() if isinstance(value, np.generic) else value
    return None if value is None or value != value else value  # noqa: PLR0124 - NaN is missing
