"""Streams of answers with outcomes, drawn from a known relation, for tests of the metrics."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from seatrial.model.decision import DecisionRule
from seatrial.watch.metric_windows import Look
from seatrial.watch.performance import PerformanceTallies, performance_tallies
from seatrial.watch.score_cells import KnownRows
from seatrial.watch.tallies import slot_of

BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
Changed = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Drawn:
    """Rows (n,): one input, a group, the scores of a model, and the outcomes."""

    x: Any
    sex: Any
    scores: Any
    truth: Any


def draw(task: str, rows: int, seed: int, shift: float = 0.0, relation: float = 1.0, wrong_for: str = "") -> Drawn:
    """Draw rows; `shift` moves the input, `relation` is the slope of the outcome, `wrong_for` a group that it left."""
    g = np.random.default_rng(seed)
    x, sex = g.normal(shift, 1, rows), g.choice(["f", "m"], rows)
    slope = np.where(sex == wrong_for, -relation, relation)
    if task == "regression":
        truth = 3 * x * slope + g.normal(0, 0.5 + 0.5 * (x > 0), rows)
        return Drawn(x, sex, 3 * x, truth)
    logits = np.stack([np.zeros(rows), 2 * x, *([-1.5 * x] if task == "multiclass" else [])], axis=1)
    scores = _softmax(logits)
    chances = _softmax(logits * slope[:, None])
    truth = (chances.cumsum(axis=1) < g.random(rows)[:, None]).sum(axis=1)
    return Drawn(x, sex, scores, np.minimum(truth, scores.shape[1] - 1))


def _softmax(logits: Any) -> Any:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def known(task: str, rows: int = 1500, seed: int = 1) -> KnownRows:
    """The held-out rows of a release whose answers are calibrated."""
    drawn = draw(task, rows, seed)
    classes = () if task == "regression" else tuple(range(drawn.scores.shape[1]))
    columns = {"x": drawn.x, "sex": drawn.sex.astype(object)}
    return KnownRows(DecisionRule(task, classes), drawn.scores, drawn.truth, columns)  # type: ignore[arg-type]


def batch(task: str, drawn: Drawn, day: int) -> pa.RecordBatch:
    """The rows of a day as the log has them."""
    rows = len(drawn.x)
    data = {"request_id": [f"{day}-{n}" for n in range(rows)], "row": pa.array(np.zeros(rows, np.int32))}
    if task == "regression":
        data["prediction"] = drawn.scores
    else:
        data |= {f"probability_{k}": np.ascontiguousarray(drawn.scores[:, k]) for k in range(drawn.scores.shape[1])}
    return pa.RecordBatch.from_pydict(
        {**data, "input_x": drawn.x, "input_sex": drawn.sex, "unseen": pa.nulls(rows, pa.string())}
    )


def labels_of(days: dict[int, Drawn], labelled: Callable[[int, Drawn], Any]) -> pa.Table:
    """The newest labels of these days; `labelled` marks the rows that have one."""
    requests, texts = [], []
    for day, drawn in days.items():
        for n in np.flatnonzero(labelled(day, drawn)).tolist():
            requests.append(f"{day}-{n}")
            texts.append(json.dumps(drawn.truth[n].item()))
    rows = pa.array(np.zeros(len(requests), np.int32))
    return pa.table({"request_id": pa.array(requests, pa.string()), "row": rows, "label": pa.array(texts, pa.string())})


def every(_: int, drawn: Drawn) -> Any:
    """All rows have a label."""
    return np.ones(len(drawn.x), bool)


def nobody(_: int, drawn: Drawn) -> Any:
    """No row has a label."""
    return np.zeros(len(drawn.x), bool)


def counted(
    task: str, days: dict[int, Drawn], labelled: Callable[[int, Drawn], Any] = every, rows: KnownRows | None = None
) -> PerformanceTallies:
    """Count these days of version 1."""
    tallies = performance_tallies({"1": rows or known(task)}, labels_of(days, labelled))
    for day, drawn in days.items():
        slots = np.full(len(drawn.x), slot_of(BEGIN) + 24 * day) + np.arange(len(drawn.x)) % 24
        for tally in (tallies.expected, tallies.measured):
            tally.add(batch(task, drawn, day), "1", slots)
    return tallies


def look(days: int, **settings: Any) -> Look:
    """A look at the end of that many days."""
    return Look(BEGIN + timedelta(days=days), **settings)
