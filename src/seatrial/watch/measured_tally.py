"""Counts labelled rows: outcomes by cell and hour, how many have a label by what was answered, and some rows whole."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from seatrial.model.features import Array, Columns
from seatrial.trial.compare.scoring import Scoring
from seatrial.watch.expected_metrics import answer_columns, scores_of
from seatrial.watch.label_lookup import LabelLookup
from seatrial.watch.score_cells import KnownRows, ScoreCells
from seatrial.watch.tallies import SlotCounts

MOST_ROWS = 100_000  # labelled rows of a version that are kept whole, for groups
THIRDS = ("the lowest third", "the middle third", "the highest third")  # of a regression's predictions


@dataclass
class WholeRows:
    """Some of the labelled rows, whole: the hour, the loss, whether the answer was right, and the inputs.

    `right` is the absolute error of a regression. `kept` is their share of all.
    """

    slots: list[Array] = field(default_factory=list)
    losses: list[Array] = field(default_factory=list)
    right: list[Array] = field(default_factory=list)
    columns: dict[str, list[Array]] = field(default_factory=dict)
    kept: float = 1.0

    @property
    def rows(self) -> int:
        """The number of rows."""
        return sum(map(len, self.slots))

    def joined(self) -> tuple[Array, Array, Array, Columns]:
        """Hours, losses, what was right, and the inputs by their names."""
        if not self.slots:
            return np.empty(0, np.int64), np.empty(0), np.empty(0), {}
        columns = {name: np.concatenate(parts) for name, parts in self.columns.items()}
        return np.concatenate(self.slots), np.concatenate(self.losses), np.concatenate(self.right), columns


class MeasuredTally:
    """Counts labelled rows of each version: `tables` has outcomes by cell and hour, `shares` labels by the decision."""

    def __init__(
        self, cells: Mapping[str, ScoreCells], known: Mapping[str, KnownRows], labels: LabelLookup, seed: int = 16
    ) -> None:
        self.cells, self.known, self.labels = dict(cells), dict(known), labels
        self.tables = {version: SlotCounts(each.size * each.outcomes) for version, each in cells.items()}
        self.shares = {version: SlotCounts(2 * len(self.decisions(version))) for version in cells}
        self.rows = {version: WholeRows() for version in cells}
        self._truth = {version: labels.truth(each.rule) for version, each in cells.items()}
        self._thirds = {version: _thirds(known[version]) for version in cells}
        self._generator = np.random.default_rng(seed)

    @property
    def columns(self) -> Sequence[str]:
        """The columns of the log that it needs; without labels, only those with the answers."""
        if not len(self.labels):
            return answer_columns(self.cells.values())
        inputs = dict.fromkeys(f"input_{name}" for each in self.known.values() for name in each.columns)
        return [*answer_columns(self.cells.values()), "request_id", "row", *inputs]

    def decisions(self, version: str) -> Sequence[str]:
        """What the answers of a version are counted by, for people."""
        rule = self.cells[version].rule
        return THIRDS if rule.task == "regression" else [str(label) for label in rule.classes]

    def add(self, batch: Any, version: str, slots: Array) -> None:
        """Count the rows of a pyarrow.RecordBatch; `slots` (rows,) are hours since 1970."""
        cells = self.cells.get(version)
        if cells is None:
            return
        scores, whole = scores_of(batch, cells.rule)
        places = self.labels.positions(batch)
        truth = np.where(places >= 0, self._truth[version][places] if len(self.labels) else 0, -1)
        labelled = whole & (places >= 0) & (np.isfinite(truth) if not cells.classifies else truth >= 0)
        decided = cells.rule.decide(scores[whole])
        kinds = np.searchsorted(self._thirds[version], decided) if not cells.classifies else decided
        self.shares[version].add(version, slots[whole], kinds * 2 + labelled[whole])
        if not labelled.any():
            return
        scores, truth, slots = scores[labelled], truth[labelled], slots[labelled]
        outcomes = cells.outcome_of(scores, truth)
        self.tables[version].add(version, slots, cells.cell_of(scores) * cells.outcomes + outcomes)
        self._keep(version, batch, np.flatnonzero(labelled), scores, truth, slots)

    def _keep(self, version: str, batch: Any, positions: Array, scores: Array, truth: Array, slots: Array) -> None:
        rows, known = self.rows[version], self.known[version]
        if rows.kept < 1:
            drawn = self._generator.random(len(positions)) < rows.kept
            positions, scores, truth, slots = positions[drawn], scores[drawn], truth[drawn], slots[drawn]
        losses, right = row_losses(known, scores, truth)
        rows.slots.append(slots)
        rows.losses.append(losses)
        rows.right.append(right)
        for name, values in known.columns.items():
            rows.columns.setdefault(name, []).append(_input(batch, name, positions, numeric=values.dtype.kind == "f"))
        if rows.rows > MOST_ROWS:
            self._thin(rows)

    def _thin(self, rows: WholeRows) -> None:
        """Keep every second row, drawn at random."""
        slots, losses, right, columns = rows.joined()
        drawn = self._generator.random(len(slots)) < 0.5
        rows.slots, rows.losses, rows.right = [slots[drawn]], [losses[drawn]], [right[drawn]]
        rows.columns = {name: [values[drawn]] for name, values in columns.items()}
        rows.kept /= 2


def row_losses(known: KnownRows, scores: Array, truth: Array) -> tuple[Array, Array]:
    """How wrong each row is (Brier's distance, or the error in standard deviations), and what people are shown.

    That is whether the answer was right, or the absolute error.
    """
    rule = known.rule
    scale = (float(np.std(known.truth)) or 1.0) if rule.task == "regression" else 1.0
    scoring = Scoring(rule.task, rule.classes, rule.positive, rule.threshold, scale)
    losses = scoring.losses(scores, truth)
    shown = np.abs(scores - truth) if rule.task == "regression" else (rule.decide(scores) == truth).astype(np.float64)
    return losses, shown


def _thirds(known: KnownRows) -> Array:
    if known.rule.task != "regression":
        return np.empty(0)
    return np.quantile(known.scores, [1 / 3, 2 / 3])


def _input(batch: Any, name: str, positions: Array, *, numeric: bool) -> Array:
    """Values of an input as a table's columns have them: numbers with NaN, or objects with None."""
    column = f"input_{name}"
    if column not in batch.schema.names:
        return np.full(len(positions), np.nan) if numeric else np.full(len(positions), None, dtype=object)
    values = batch.column(column).take(positions)
    if numeric:
        try:
            return np.asarray(values.to_numpy(zero_copy_only=False), dtype=np.float64)
        except (TypeError, ValueError):  # another version had texts there
            return np.full(len(positions), np.nan)
    return np.array([None if value is None else str(value) for value in values.to_pylist()], dtype=object)
