"""Collects a release's answers: golden rows, repeats, probes, the rows in common."""

import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seatrial.model.carried_rows import REFERENCE_FILES
from seatrial.model.decision import decision_rule
from seatrial.model.features import Array, Columns
from seatrial.model.schema import Column
from seatrial.trial.compare.queries import Blocks
from seatrial.trial.compare.scoring import Scoring
from seatrial.trial.records import NotComparedError
from seatrial.trial.rows.probes import Probe
from seatrial.trial.sandbox.answers import Answers, Description, RepeatedPredictions, RowResult
from seatrial.trial.sandbox.queries import Describe, InjectedFault, Predict, Row, Score, Validate
from seatrial.trial.sandbox.sandbox import Sandbox
from seatrial.wheels.wheel import WheelInfo

ALONE = 12  # golden rows that are also asked one by one


@dataclass(frozen=True)
class GoldenRows:
    """A release's golden rows with the scores that training stored, (n, k) or (n,)."""

    rows: tuple[Row, ...]
    scores: Array


@dataclass(frozen=True)
class RepeatedAnswers:
    """The same `rows` rows asked in several ways; scores as they came, not yet checked.

    `alone` are the positions of those that were also asked one by one, `attempts` what the model tried and was refused.
    """

    predicted: RepeatedPredictions
    attempts: tuple[str, ...]
    rows: int
    alone: tuple[int, ...]


def repeated_answers(answers: Answers, query: Predict) -> RepeatedAnswers:
    """Pick the answers to one query of `repeated_query`."""
    return RepeatedAnswers(answers.predicted[query.name], answers.attempts, len(query.rows), tuple(query.alone or ()))


@dataclass(frozen=True)
class CollectedAnswers:
    """One release's answers to the blocks' table, and to the probes, and the seconds to load it.

    `scores` are (n, k), or (n,) for a regression. `refused` (n,) marks the rows that its schema rejects.
    """

    blocks: Blocks
    scores: Array
    refused: Array
    row_results: tuple[RowResult, ...] = ()
    load_seconds: float = 0.0

    def of(self, *names: str) -> Array:
        """The scores of some blocks."""
        return self.blocks.pick(self.scores, *names)

    def refused_in(self, *names: str) -> Array:
        """Which rows of some blocks were rejected."""
        return self.blocks.pick(self.refused, *names)


def read_golden(wheel: WheelInfo) -> GoldenRows:
    """Read the golden rows from a wheel."""
    document = json.loads(_artifact(wheel, "golden.json"))
    return GoldenRows(tuple(document["rows"]), np.array(document["scores"], dtype=np.float64))


def read_reference_text(wheel: WheelInfo) -> str:
    """Read the labelled reference rows from a wheel, as CSV."""
    return _artifact(wheel, REFERENCE_FILES["full"]).decode("utf-8")


def read_reference_hashes(wheel: WheelInfo) -> frozenset[str]:
    """Read the keyed hashes of the reference rows from a wheel."""
    return frozenset(json.loads(_artifact(wheel, REFERENCE_FILES["hashed"]))["hashes"])


def scoring_of(description: Description, scale: float) -> Scoring:
    """How a release's scores are read; `scale` is a regression's unit."""
    return Scoring(**vars(decision_rule(description.metadata)), scale=scale)


def repeated_query(rows: Sequence[Row], name: str = "golden", fault: InjectedFault | None = None) -> Predict:
    """Ask for rows together, again, in another order, and for some of them one by one."""
    count = len(rows)
    order = np.random.default_rng(5).permutation(count).tolist()
    alone = np.unique(np.linspace(0, count - 1, min(ALONE, count)).astype(int)).tolist()
    return Predict(name, rows, order=order, alone=alone, fault=fault)


def collect_answers(sandbox: Sandbox, blocks: Blocks, probes: Sequence[Probe]) -> CollectedAnswers:
    """Ask one release the blocks' table and the probes."""
    validate = Validate("probes", [probe.row for probe in probes])
    answers = sandbox.ask([Describe(), validate, Score("table", blocks.table)])
    scored = answers.scored["table"]
    if scored.errors:
        row, text = next(iter(scored.errors.items()))
        raise NotComparedError(
            f"The {sandbox.role} fails on {len(scored.errors)} rows that its schema accepts, first on row {row + 1}: "
            f"{text}",
            hint="Its feature functions must handle every row that the schema accepts.",
        )
    scores = flat(scored.scores, answers.description.metadata.task == "regression")
    row_results = answers.row_results["probes"]
    return CollectedAnswers(blocks, scores, scored.refused, row_results, answers.load_seconds)


def rows_as_columns(columns: Sequence[Column], rows: Sequence[Any]) -> Columns:
    """Turn JSON rows that the schema accepts into columns."""
    table: Columns = {}
    for column in columns:
        values = [row.get(column.name, column.default) for row in rows]
        if column.numeric:
            table[column.name] = np.array([np.nan if v is None else float(v) for v in values], dtype=np.float64)
        else:
            table[column.name] = np.fromiter((v or None for v in values), dtype=object, count=len(values))
    return table


def flat(scores: Array, regression: bool) -> Array:
    """Scores of a regression as (n,)."""
    return np.asarray(scores[:, 0]) if regression and scores.ndim == 2 else scores


def _artifact(wheel: WheelInfo, name: str) -> bytes:
    path = f"{wheel.package}/artifacts/{name}"
    if path not in wheel.record:
        raise NotComparedError(f"{wheel.filename} has no {path}.", hint="Build it again with `seatrial build`.")
    with zipfile.ZipFile(wheel.path) as archive:
        return archive.read(path)
