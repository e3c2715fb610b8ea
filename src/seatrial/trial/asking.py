"""What both sides are asked, in one go: golden rows, repeats, probes, the rows in common, and what it costs."""

import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seatrial.core.wheel import WheelInfo
from seatrial.model.features import Array, Columns
from seatrial.model.schema import Column
from seatrial.trial.answers import Answers, Description, Judged
from seatrial.trial.compare.meaning import Meaning
from seatrial.trial.compare.questions import Questions
from seatrial.trial.probes import Probe
from seatrial.trial.questions import Bad, Cost, Describe, Job, Predict, Row, Score
from seatrial.trial.records import NotComparedError
from seatrial.trial.sides import Side

REPEATED = 120  # rows that are asked several times over: together, again, permuted, and one by one
COSTED = 500  # rows of a batch whose time is taken


@dataclass(frozen=True)
class Golden:
    """A release's golden rows with the scores that training stored, (n, k) or (n,)."""

    rows: tuple[Row, ...]
    scores: Array


@dataclass(frozen=True)
class Asked:
    """One side's answers. Scores are (n, k), or (n,) for a regression; NaN where a row was refused."""

    answers: Answers
    golden: Array
    table: Array
    refused: Array
    judged: tuple[Judged, ...]

    @property
    def description(self) -> Description:
        """What the installed release says of itself."""
        return self.answers.description


def read_golden(wheel: WheelInfo) -> Golden:
    """Read the golden rows out of a wheel."""
    document = json.loads(_member(wheel, "golden.json"))
    return Golden(tuple(document["rows"]), np.array(document["scores"], dtype=np.float64))


def read_reference_text(wheel: WheelInfo) -> str:
    """Read the labelled reference out of a wheel, as CSV."""
    return _member(wheel, "reference.csv").decode("utf-8")


def meaning_of(description: Description, scale: float) -> Meaning:
    """How a side's scores are read; `scale` is a regression's unit."""
    meta = description.metadata
    positive = meta.classes.index(meta.positive) if meta.task == "binary" else 1
    return Meaning(meta.task, meta.classes, positive, meta.threshold, scale)


def ask(side: Side, golden: Golden, questions: Questions, probes: Sequence[Probe]) -> Asked:
    """Put everything to one side, in one process of its own."""
    table = questions.table
    repeated = list(golden.rows)[:REPEATED]
    jobs: list[Job] = [
        Describe(),
        Predict("golden", golden.rows, alone=False),
        Predict("repeated", repeated, order=np.random.default_rng(5).permutation(len(repeated)).tolist()),
        Bad("probes", [probe.row for probe in probes]),
        Score("table", table),
        Cost(repeated * (COSTED // max(len(repeated), 1) + 1)),
    ]
    answers = side.ask(jobs)
    scored = answers.scored["table"]
    for what, errors in (("table", scored.errors), ("golden rows", answers.predicted["golden"].together.errors)):
        if errors:
            row, text = next(iter(errors.items()))
            raise NotComparedError(
                f"The {side.role} fails on {len(errors)} of the {what}, first on row {row + 1}: {text}",
                hint="Its feature functions have to answer every row that its schema takes.",
            )
    return Asked(
        answers,
        _flat(answers.predicted["golden"].together.scores, answers),
        _flat(scored.scores, answers),
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


def _flat(scores: Array, answers: Answers) -> Array:
    return flat(scores, answers.description.metadata.task == "regression")


def _member(wheel: WheelInfo, name: str) -> bytes:
    path = f"{wheel.package}/artifacts/{name}"
    if path not in wheel.members:
        raise NotComparedError(f"{wheel.filename} has no {path}.", hint="Build it again with `seatrial build`.")
    with zipfile.ZipFile(wheel.path) as archive:
        return archive.read(path)
