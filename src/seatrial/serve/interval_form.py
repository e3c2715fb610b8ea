"""Predictions with their intervals or sets: /api/v1/predict?interval=0.9."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs

from seatrial.http.messages import EncodedResponse
from seatrial.model.intervals import LevelError, PredictionIntervals
from seatrial.model.row_validation import RowError
from seatrial.serve.responses import PredictionWriter, Scored

INTERVAL = "interval"  # the parameter of the query


def level_in(query: bytes, intervals: PredictionIntervals) -> float | RowError | None:
    """The level that a query asks for, or the error where the release has none like it; None if it does not ask."""
    values = parse_qs(query.decode("latin-1"), keep_blank_values=True).get(INTERVAL) if query else None
    if not values:
        return None
    try:
        if len(values) > 1:
            raise LevelError("Give one level")
        intervals.numbers(values[0])
    except LevelError as error:
        kind = "literal_error" if intervals.levels else "no_intervals"
        return RowError([{"type": kind, "loc": ["query", INTERVAL], "msg": error.message}])
    return float(values[0])


class IntervalForm:
    """Writes the native answer and its intervals or sets; a `Form`, so that everything else is as without them."""

    media_types: frozenset[str] = frozenset()

    def __init__(self, writer: PredictionWriter, intervals: PredictionIntervals, level: float) -> None:
        self._writer = writer
        self._intervals = intervals
        self._level = level

    def read(self, body: bytes) -> bytes:
        """The body as it is."""
        return body

    def respond(self, rows: Sequence[Scored], request_id: str, more: Mapping[str, Any]) -> EncodedResponse:
        """Write the predictions of one request, with an interval or a set for each row."""
        intervals = self._intervals
        scores = [shares if intervals.classes else value for value, shares in rows]
        found = {intervals.name: intervals.of(scores, self._level)}
        return self._writer.respond(rows, request_id, {**found, **more})
