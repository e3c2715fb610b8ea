"""What both sides are asked, in one go: golden rows, repeats, probes, the rows in common, and what it costs."""

import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seatrial.model.features import Array, Columns
from seatrial.model.schema import Column
from seatrial.trial.compare.queries import Queries
from seatrial.trial.compare.scoring import Scoring
from seatrial.trial.records import NotComparedError
from seatrial.trial.rows.probes import Probe
from seatrial.trial.sandbox.answers import Answers, Description, RowResult
from seatrial.trial.sandbox.queries import Describe, InjectedFault, MeasureCost, Predict, Row, Score, Validate
from seatrial.trial.sandbox.sandbox import Sandbox
from seatrial.wheels.wheel import WheelInfo

ALONE = 12  # golden rows that are also asked one by one
COSTED = 500  # rows of a batch whose time is taken


@dataclass(frozen=True)
class GoldenRows:
    """A release's golden rows with the scores that training stored, (n, k) or (n,)."""

    rows: tuple[Row, ...]
    scores: Array


@dataclass(frozen=True)
class RepeatedAnswers:
    """The same rows asked in several ways; scores as they came, before anybody knows whether they are right."""

    answers: Answers
    rows: int
    alone: tuple[int, ...]


@dataclass(frozen=True)
class CollectedAnswers:
    """One side's answers to the questions' table and to the crossed rows behind it, and to probes.

    Scores are (n, k), or (n,) for a regression.
    """

    answers: Answers
    table: Array
    refused: Array
    judged: tuple[RowResult, ...]


def read_golden(wheel: WheelInfo) -> GoldenRows:
    """Read the golden rows out of a wheel."""
    document = json.loads(_member(wheel, "golden.json"))
    return GoldenRows(tuple(document["rows"]), np.array(document["scores"], dtype=np.float64))


def read_reference_text(wheel: WheelInfo) -> str:
    """Read the labelled reference out of a wheel, as CSV."""
    return _member(wheel, "reference.csv").decode("utf-8")


def scoring_of(description: Description, scale: float) -> Scoring:
    """How a side's scores are read; `scale` is a regression's unit."""
    meta = description.metadata
    positive = meta.classes.index(meta.positive) if meta.task == "binary" else 1
    return Scoring(meta.task, meta.classes, positive, meta.threshold, scale)


def ask_repeatedly(side: Sandbox, golden: GoldenRows) -> RepeatedAnswers:
    """Ask the golden rows together, again, permuted, and some of them one by one, through predict()."""
    query = repeated_query(golden.rows)
    return RepeatedAnswers(side.ask([Describe(), query]), len(golden.rows), tuple(query.alone or ()))


def repeated_query(rows: Sequence[Row], name: str = "golden", fault: InjectedFault | None = None) -> Predict:
    """Ask for rows together, again, in another order, and for some of them one by one."""
    count = len(rows)
    order = np.random.default_rng(5).permutation(count).tolist()
    alone = np.unique(np.linspace(0, count - 1, min(ALONE, count)).astype(int)).tolist()
    return Predict(name, rows, order=order, alone=alone, fault=fault)


def collect_answers(
    side: Sandbox, golden: GoldenRows, queries: Queries, probes: Sequence[Probe], crossed: Columns | None = None
) -> CollectedAnswers:
    """Put the questions' table, with the crossed rows behind it, and the probes to one side, and take its time."""
    batch = [dict(golden.rows[i % len(golden.rows)]) for i in range(COSTED)]
    table = queries.table
    if crossed:
        table = {name: np.concatenate([values, crossed[name]]) for name, values in table.items()}
    answers = side.ask(
        [Describe(), Validate("probes", [probe.row for probe in probes]), Score("table", table), MeasureCost(batch)]
    )
    scored = answers.scored["table"]
    if scored.errors:
        row, text = next(iter(scored.errors.items()))
        raise NotComparedError(
            f"The {side.role} fails on {len(scored.errors)} rows that its schema takes, first on row {row + 1}: {text}",
            hint="Its feature functions have to answer every row that the schema takes.",
        )
    regression = answers.description.metadata.task == "regression"
    return CollectedAnswers(
        answers,
        flat(scored.scores, regression),
        scored.refused,
        answers.judged["probes"],
    )


def rows_as_columns(columns: Sequence[Column], rows: Sequence[Any]) -> Columns:
    """Give JSON rows that the schema takes as columns."""
    found: Columns = {}
    for column in columns:
        values = [row.get(column.name, column.default) for row in rows]
        if column.numeric:
            found[column.name] = np.array([np.nan if v is None else float(v) for v in values], dtype=np.float64)
        else:
            found[column.name] = np.fromiter((v or None for v in values), dtype=object, count=len(values))
    return found


def flat(scores: Array, regression: bool) -> Array:
    """Scores of a regression as (n,)."""
    return np.asarray(scores[:, 0]) if regression and scores.ndim == 2 else scores


def _member(wheel: WheelInfo, name: str) -> bytes:
    path = f"{wheel.package}/artifacts/{name}"
    if path not in wheel.members:
        raise NotComparedError(f"{wheel.filename} has no {path}.", hint="Build it again with `seatrial build`.")
    with zipfile.ZipFile(wheel.path) as archive:
        return archive.read(path)
