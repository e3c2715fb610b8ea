"""Rows that production was asked, with what it answered, as the releases' columns."""

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
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
HASH, HASH_LENGTH = re.compile("[0-9a-f]{32}"), 32  # of what the log has of a column that it hashes
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
    found, names, hashed = None, [column.name for column in columns], _HashedRows(columns)
    for batch in batches:
        if found is None:
            logged = [name for name in names if INPUT + name in batch.schema.names]
            found = RowDraw(logged, version, limit, seed=seed, labelled={request for request, _ in labels})
        found.add(hashed.left_out(batch))
    if found is None or not found.logged:
        return LoggedRows({}, missing=hashed.words("so none can be asked again"))
    table, weights, first, distinct = found.drawn()
    notes = [hashed.words("and are left out")] if hashed.rows else []
    rows = _as_rows(table, columns, classes, labels, version, notes)
    return replace(
        rows, weights=weights, first=first, logged=found.logged, distinct=distinct, by_version=found.by_version
    )


def all_rows(
    batches: Iterable["pa.RecordBatch"],
    columns: Sequence[Column],
    classes: Sequence[Any],
    version: str,
    *,
    labels: Mapping[tuple[str, int], Any],
) -> LoggedRows:
    """All rows, as `draw_rows` gives them; `first` and `weights` are not known."""
    import pyarrow as pa

    hashed = _HashedRows(columns)
    found = [batch for each in batches if (batch := hashed.left_out(each)).num_rows]
    if not found:
        return LoggedRows({})
    rows = _as_rows(pa.Table.from_batches(found), columns, classes, labels, version, [])
    return replace(rows, logged=rows.size)


class _HashedRows:
    """Leaves out rows that were logged while a column was hashed: no text of 32 hexadecimal digits is an input."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._names = [c.name for c in columns if not any(HASH.fullmatch(str(value)) for value in c.categories)]
        self._hashed: dict[str, None] = {}
        self.rows = 0

    def left_out(self, batch: "pa.RecordBatch") -> "pa.RecordBatch":
        """The batch without such rows."""
        import pyarrow as pa
        import pyarrow.compute as pc

        gone = np.zeros(batch.num_rows, dtype=bool)
        for name in self._names:
            values = batch.column(INPUT + name) if INPUT + name in batch.schema.names else None
            if values is None or not pa.types.is_string(values.type):
                continue
            if pc.any(pc.equal(pc.binary_length(values), HASH_LENGTH)).as_py():
                matches = np.asarray(pc.fill_null(pc.match_substring_regex(values, f"^{HASH.pattern}$"), False))
                if matches.any():
                    self._hashed[name] = None
                    gone |= matches
        self.rows += int(gone.sum())
        return batch.filter(pa.array(~gone)) if gone.any() else batch

    def words(self, what: str) -> str:
        """What a person should know; nothing where there was no such row."""
        names = ", ".join(f"`{name}`" for name in self._hashed)
        return f"{self.rows:,} rows were logged while {names} was hashed, {what}" if self.rows else ""


def _as_rows(
    table: "pa.Table",
    columns: Sequence[Column],
    classes: Sequence[Any],
    labels: Mapping[tuple[str, int], Any],
    version: str,
    notes: list[str],
) -> LoggedRows:
    requests = list(zip(table["request_id"].to_pylist(), table["row"].to_pylist(), strict=True))
    times = table["time"].to_pylist()
    newest = {requests[k]: k for k in sorted(range(len(times)), key=times.__getitem__)}  # of a request sent again
    mixed = len({type(label) for label in classes}) > 1  # the log has such labels as JSON
    wheels = table["wheel"].to_pylist() if "wheel" in table.column_names else [""] * len(requests)
    later = _came_later(table, columns, version)
    notes += [f"`{name}` is in no row of {each}, and has its default there" for name, each in sorted(later)]
    return LoggedRows(
        columns=_as_columns(table, columns, later),
        scores=_scores(table, classes),
        answers=[json.loads(each) if mixed and each else each for each in table["prediction"].to_pylist()],
        versions=np.array(table["version"].to_pylist(), dtype=object),
        wheels=[each or "" for each in wheels],
        times=[each.astimezone(UTC) for each in times],
        requests=requests,
        labels=[labels.get(place) if newest[place] == k else None for k, place in enumerate(requests)],
        notes=notes,
    )


def _came_later(table: "pa.Table", columns: Sequence[Column], version: str) -> set[tuple[str, str]]:
    """Which columns came after a version, (column, version): the log is null there, and they have a default.

    What `version` itself was asked stays as it is where null may be a value: its answers are compared.
    """
    versions = np.array(table["version"].to_pylist(), dtype=object)
    found = set()
    for column in columns:
        if column.default is None or INPUT + column.name not in table.column_names:
            continue
        null = np.asarray(table[INPUT + column.name].is_null())
        for each in np.unique(versions[null]).tolist():
            if null[versions == each].all() and not (column.nullable and each == version):
                found.add((column.name, each))
    return found


def _scores(table: "pa.Table", classes: Sequence[Any]) -> Array:
    if not classes:
        return np.asarray(table["prediction"].to_numpy(), dtype=np.float64)
    gone = np.full(table.num_rows, np.nan)
    names = [f"probability_{label}" for label in classes]
    known = set(table.column_names)
    return np.stack([table[name].to_numpy() if name in known else gone for name in names], axis=1).astype(np.float64)


def _as_columns(table: "pa.Table", columns: Sequence[Column], later: Collection[tuple[str, str]]) -> Columns:
    """The inputs as the schema's columns; what a column's type in the log cannot hold exactly is put back."""
    known = set(table.column_names)
    others = {
        place: json.loads(text)
        for place, text in enumerate(table["other_values"].to_pylist() if "other_values" in known else ())
        if text
    }
    read: Columns = {}
    versions = table["version"].to_pylist() if later else []
    for column in columns:
        name = INPUT + column.name
        values = table[name].to_pylist() if name in known else [column.default] * table.num_rows
        if olds := {version for each, version in later if each == column.name}:
            pairs = zip(values, versions, strict=True)
            values = [column.default if version in olds else value for value, version in pairs]
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
