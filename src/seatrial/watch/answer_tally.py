"""What was answered, how fast, and what was refused, counted by version and hour."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from seatrial.model.features import Array
from seatrial.watch.release_reference import MISSING, QUANTILES, ReleaseReference
from seatrial.watch.tallies import SlotCounts

SECONDS = tuple(
    float(each) for each in np.geomspace(1e-4, 100, 37)
)  # edges of the histogram of latencies: six a decade
MOST_REFUSALS = 200  # pairs of a column and a rule
REFUSED = 0  # the bin of rows that were refused, each once; the others have those that break a rule


class AnswerTally:
    """Counts answers: of a classifier the labels, and for each of them its probability; of a regression the numbers."""

    def __init__(self, reference: ReleaseReference) -> None:
        self.reference = reference
        rule, metadata = reference.rule, reference.metadata
        self.labels = tuple(_text(each) for each in metadata.classes)
        self.scored = (
            "prediction" if metadata.task == "regression" else f"probability_{_shown(metadata, rule.positive)}"
        )
        if metadata.task == "multiclass":
            self.scored = ""
        self.edges = _edges(reference)
        self.label_counts = SlotCounts(len(self.labels) + 1) if self.labels else None
        self.score_counts = SlotCounts(len(self.edges) + 2) if self.scored and len(self.edges) else None

    @property
    def columns(self) -> Sequence[str]:
        """The prediction, and the probability that decides."""
        return [*dict.fromkeys(["prediction", *([self.scored] if self.scored else [])])]

    @property
    def label_names(self) -> tuple[str, ...]:
        """What each bin of the labels is."""
        return (*(f"= {label}" for label in self.labels), "another label")

    @property
    def score_names(self) -> tuple[str, ...]:
        """What each bin of the scores is."""
        return (MISSING, "lowest", *(f"from {edge:.3g}" for edge in self.edges))

    def expected(self) -> tuple[Array | None, Array | None]:
        """How many held-out rows are in each bin of the labels, and of the scores; None where that is not known."""
        scores = self.reference.scores
        if scores is None:
            return None, None
        labels = None
        if self.labels:
            labels = np.bincount(self.reference.rule.decide(scores), minlength=len(self.labels) + 1)
        values = _scored(self.reference)
        counted = None if values is None else np.bincount(self._codes(values), minlength=len(self.edges) + 2)
        return labels, counted

    def add(self, batch: Any, version: str, slots: Array) -> None:
        """Count a batch of the version that the reference is of; others are left out."""
        if version != self.reference.version:
            return
        import pyarrow as pa
        import pyarrow.compute as pc

        names = batch.schema.names
        if self.label_counts is not None and "prediction" in names:
            array = batch.column("prediction")
            if pa.types.is_floating(array.type):
                array = array.cast(pa.int64(), safe=False)
            found = pc.index_in(array.cast(pa.string()), pa.array(self.labels, pa.string()))
            self.label_counts.add(version, slots, pc.fill_null(found, len(self.labels)).to_numpy().astype(np.int64))
        if self.score_counts is not None and self.scored in names:
            values = pc.fill_null(batch.column(self.scored).cast(pa.float64()), float("nan"))
            self.score_counts.add(version, slots, self._codes(values.to_numpy(zero_copy_only=False)))

    def _codes(self, values: Array) -> Array:
        codes = np.searchsorted(np.array(self.edges), values, side="right") + 1
        codes[np.isnan(values)] = 0
        return np.asarray(codes, dtype=np.int64)


def _text(label: Any) -> str:
    return str(label).lower() if isinstance(label, bool) else str(label)


def _shown(metadata: Any, position: int) -> str:
    return str(metadata.classes[position]) if metadata.classes else ""


def _scored(reference: ReleaseReference) -> Array | None:
    scores = reference.scores
    if scores is None or reference.metadata.task == "multiclass":
        return None
    return scores if scores.ndim == 1 else np.asarray(scores[:, reference.rule.positive])


def _edges(reference: ReleaseReference) -> tuple[float, ...]:
    values = _scored(reference)
    if values is None:
        return () if reference.metadata.task == "multiclass" else tuple(np.linspace(0.1, 0.9, 9).tolist())
    return tuple(np.unique(np.quantile(values, np.linspace(0, 1, QUANTILES // 2 + 1)[1:-1])).tolist())


class LatencyTally:
    """Counts how long requests took."""

    columns: Sequence[str] = ("seconds",)

    def __init__(self) -> None:
        self.counts = SlotCounts(len(SECONDS) + 1)

    def add(self, batch: Any, version: str, slots: Array) -> None:
        """Count a batch; it is also what counts the rows of each hour."""
        values = np.zeros(batch.num_rows)
        if "seconds" in batch.schema.names:
            values = batch.column("seconds").fill_null(0).to_numpy(zero_copy_only=False)
        self.counts.add(version, slots, np.searchsorted(np.array(SECONDS), values, side="right"))


class RefusalTally:
    """Counts rows that were refused, by column and rule: `names` are (column, rule), from bin 1 on.

    The log has a line for each error, and a row may have one in each of its columns.
    """

    columns: Sequence[str] = ("column", "rule", "request_id", "row")

    def __init__(self) -> None:
        self.names: list[tuple[str, str]] = []
        self.counts = SlotCounts(MOST_REFUSALS + 2)

    def add(self, batch: Any, version: str, slots: Array) -> None:
        """Count a batch of refused requests."""
        lines = zip(*(batch.column(name).to_pylist() for name in self.columns), strict=True)
        seen: set[tuple[str, int | None, int]] = set()
        places, codes = [], []
        for place, (column, rule, request, row) in enumerate(lines):
            for code in (REFUSED, self._code(column or "", rule or "")):
                if (request, row, code) not in seen:
                    seen.add((request, row, code))
                    places.append(place)
                    codes.append(code)
        self.counts.add(version, slots[places], np.array(codes, dtype=np.int64))

    def _code(self, column: str, rule: str) -> int:
        if (column, rule) not in self.names:
            if len(self.names) >= MOST_REFUSALS:
                return MOST_REFUSALS + 1
            self.names.append((column, rule))
        return self.names.index((column, rule)) + 1
