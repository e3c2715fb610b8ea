"""Made-up rows of a log, as tables and as drawn rows, for the tests of replays."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from seatrial.model.schema import Column
from seatrial.trial.compare.scoring import Scoring
from seatrial.trial.rows.logged_rows import LoggedRows

START = datetime(2026, 11, 1, tzinfo=UTC)
SCORING = Scoring("binary", ("no", "yes"), 1, 0.5)
COLUMNS = (Column("x", "number", nullable=True, required=True), Column("sex", "text", nullable=True, required=True))


def sigmoid(xs: Any, scale: float = 1.0, shift: float = 0.0) -> Any:
    """The scores (n, 2) of a release."""
    yes = 1 / (1 + np.exp(-(scale * np.asarray(xs, dtype=float) + shift)))
    return np.stack([1 - yes, yes], axis=1)


def logged_table(
    xs: Sequence[float | None], sexes: Sequence[str | None], version: str = "0.1.0", **more: Any
) -> pa.Table:
    """A minute between two rows; the answers are those of `sigmoid`."""
    scores = sigmoid([0.0 if x is None else x for x in xs])
    count = len(xs)
    columns = {
        "time": pa.array([START + timedelta(minutes=k) for k in range(count)], pa.timestamp("us", "UTC")),
        "version": [version] * count,
        "wheel": ["w"] * count,
        "request_id": [f"{version}-{k}" for k in range(count)],
        "row": pa.array([0] * count, pa.int32()),
        "input_x": pa.array(xs, pa.float64()),
        "input_sex": pa.array(sexes, pa.string()),
        "prediction": ["yes" if yes >= 0.5 else "no" for yes in scores[:, 1]],
        "probability_no": scores[:, 0],
        "probability_yes": scores[:, 1],
        **more,
    }
    return pa.table(columns)


def logged_rows(xs: Any, labels: Sequence[Any] | None = None, **changes: Any) -> LoggedRows:
    """Rows that 0.1.0 has answered by `sigmoid`; the sexes alternate."""
    count = len(xs)
    scores = sigmoid(xs)
    given: dict[str, Any] = {
        "columns": {"x": np.asarray(xs, float), "sex": np.array(["f", "m"] * count, dtype=object)[:count]},
        "scores": scores,
        "answers": ["yes" if yes >= 0.5 else "no" for yes in scores[:, 1]],
        "versions": np.array(["0.1.0"] * count, dtype=object),
        "wheels": ["w"] * count,
        "times": [START + timedelta(minutes=k) for k in range(count)],
        "requests": [(f"r{k}", 0) for k in range(count)],
        "labels": labels or [None] * count,
        "weights": np.ones(count),
        "first": np.ones(count, dtype=bool),
        "logged": count,
        "distinct": float(count),
        "by_version": {"0.1.0": count},
        "window": "since 2026-11-01 00:00 (UTC)",
    }
    return LoggedRows(**{**given, **changes})
