"""Rows that production was asked, with what it answered, as the releases' columns."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from seatrial.model.features import Array, Columns, Floats
from seatrial.model.schema import Column
from seatrial.trial.rows.row_draw import INPUT, RowDraw

if TYPE_CHECKING:
    import pyarrow as pa

HEAD = ("time", "version", "wheel", "request_id", "row", "prediction", "other_values")
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class LoggedRows:
    """Rows of the log, with what was answered; (n,) each.

    `scores` are as logged, (n, k) or (n,), NaN where a version did not have a class. `weights` say how many distinct
    rows each stands for. `first` marks each row once; others were asked with the same inputs and answered differently
    by the same version. `labels` are None where none came. `missing` says why no rows can be replayed; `notes` are
    worth saying. `logged` and `distinct` count all rows of the window, `by_version` the logged ones.
    """

    columns: Columns
    scores: Array = field(default_factory=lambda: np.empty(0))
    answers: Sequence[Any] = ()
    versions: Array = field(default_factory=lambda: np.empty(0, dtype=object))
    wheels: Sequence[str] = ()
    times: Sequence[datetime] = ()
    requests: Sequence[tuple[str, int]] = ()
    labels: Sequence[Any] = ()
    weights: Floats = field(default_factory=lambda: np.empty(0))
    first: Mask = field(default_factory=lambda: np.empty(0, dtype=bool))
    logged: int = 0
    distinct: float = 0.0
    by_version: dict[str, int] = field(default_factory=dict)
    window: str = ""
    missing: str = ""
    notes: Sequence[str] = ()

    @property
    def size(self) -> int:
        """The number of drawn rows."""
        return len(self.times)


def draw_rows(
    batches: Iterable["pa.RecordBatch"],
    columns: Sequence[Column],
    classes: Sequence[Any],
    version: str,
    *,
    limit: int,
    labels: Mapping[tuple[str, int], Any],
    seed: int = 0,
) -> LoggedRows:
    """Draw rows of these columns; `labels` are by request and row. Columns that no batch has are missing, or default.

    Without `classes` the scores are those of a regression.
    """
    found, names = None, [column.name for column in columns]
    for batch in batches:
        if found is None:
            logged = [name for name in names if INPUT + name in batch.schema.names]
            found = RowDraw(logged, version, limit, seed=seed, labelled={request for request, _ in labels})
        found.add(batch)
    if found is None or not found.logged:
        return LoggedRows({})
    table, weights, first, distinct = found.drawn()
    requests = list(zip(table["request_id"].to_pylist(), table["row"].to_pylist(), strict=True))
    mixed = len({type(label) for label in classes}) > 1  # the log has such labels as JSON
    wheels = table["wheel"].to_pylist() if "wheel" in table.column_names else [""] * len(requests)
    return LoggedRows(
        columns=_as_columns(table, columns),
        scores=_scores(table, classes),
        answers=[json.loads(each) if mixed and each else each for each in table["prediction"].to_pylist()],
        versions=np.array(table["version"].to_pylist(), dtype=object),
        wheels=[each or "" for each in wheels],
        times=[each.astimezone(UTC) for each in table["time"].to_pylist()],
        requests=requests,
        labels=[labels.get(place) for place in requests],
        weights=weights,
        first=first,
        logged=found.logged,
        distinct=distinct,
        by_version=found.by_version,
    )


def _scores(table: "pa.Table", classes: Sequence[Any]) -> Array:
    if not classes:
        return np.asarray(table["prediction"].to_numpy(), dtype=np.float64)
    gone = np.full(table.num_rows, np.nan)
    names = [f"probability_{label}" for label in classes]
    known = set(table.column_names)
    return np.stack([table[name].to_numpy() if name in known else gone for name in names], axis=1).astype(np.float64)


def _as_columns(table: "pa.Table", columns: Sequence[Column]) -> Columns:
    """The inputs as the schema's columns; what a column's type in the log cannot hold exactly is put back."""
    known = set(table.column_names)
    others = {
        place: json.loads(text)
        for place, text in enumerate(table["other_values"].to_pylist() if "other_values" in known else ())
        if text
    }
    read: Columns = {}
    for column in columns:
        name = INPUT + column.name
        values = table[name].to_pylist() if name in known else [column.default] * table.num_rows
        for place, other in others.items():
            if column.name in other:
                values[place] = other[column.name]
        if column.numeric:
            read[column.name] = np.array([_number(value) for value in values], dtype=np.float64)
        else:
            texts = (None if value is None else _text(value) for value in values)
            read[column.name] = np.fromiter(texts, dtype=object, count=len(values))
    return read


def _number(value: Any) -> float:
    """A value of a column of numbers; those of mixed types are JSON in the log."""
    if value is None:
        return np.nan
    try:
        return float(json.loads(value) if isinstance(value, str) else value)
    except (ValueError, TypeError):
        return np.nan


def _text(value: Any) -> str | None:
    """A value of any other column, as a request has it."""
    return str(value.isoformat() if hasattr(value, "isoformat") else value) or None
