"""Compares what a SELECT answers with what the release answers, on the same rows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from seatrial.core.errors import SeatrialError
from seatrial.export.sql_operators import Dialect
from seatrial.export.sql_release import release_as_sql
from seatrial.model.features import Array, Columns, Floats
from seatrial.model.release import Release
from seatrial.model.schema import Column

TOLERANCE = 1e-9
KEY, TABLE = "seatrial_row", "seatrial_rows"
# Runs a SELECT over a table of these columns (Arrow), and returns its answer's columns, in the order of KEY.
Database = Callable[[str, Any], Mapping[str, list[Any]]]


@dataclass(frozen=True)
class SqlProof:
    """What was compared: the largest difference of a score, and labels that differ; ties are rows on the threshold."""

    dialect: str
    rows: int
    largest_difference: float
    labels_differ: int
    ties: int


def prove_sql(release: Release, columns: Columns, *, dialect: Dialect, database: Database) -> SqlProof:
    """Run the release's SELECT on checked columns, and compare every score and label with the release's own.

    Raises SeatrialError with the first row that differs.
    """
    model = release_as_sql(release, table=TABLE, keep=[KEY], dialect=dialect)
    answer = database(model.text, arrow_rows(release.columns, columns))
    scores = release.score_table(columns)
    rows = len(scores)
    found = _scores(release, answer)
    difference = np.abs(found - scores) / np.maximum(np.abs(scores), 1.0)
    difference[np.isnan(difference)] = np.inf
    worst = difference if difference.ndim == 1 else difference.max(axis=1)
    expected = release.decide(scores)
    labels = answer["prediction"]
    differs = np.array([str(a) != str(b) for a, b in zip(labels, expected, strict=True)])
    if release.metadata.task == "regression":
        ties = differs = np.zeros(rows, dtype=bool)
    else:
        ties = differs & (release.decision.margin(scores) <= TOLERANCE)
    wrong = (worst > TOLERANCE) | (differs & ~ties)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise SeatrialError(
            f"The SELECT answers {int(wrong.sum()):,} of {rows:,} rows differently in {dialect}: "
            f"{labels[row]!r} ({np.round(found[row], 6)}) instead of {expected[row]!r} ({np.round(scores[row], 6)}) "
            f"for {_shown(release, columns, row)}; bad_column is {answer['bad_column'][row]!r}.",
            hint="Nothing was written. A feature function is the most likely cause: see what docs/exports.md says of "
            "texts.",
        )
    return SqlProof(dialect, rows, float(worst.max(initial=0.0)), int((differs & ~ties).sum()), int(ties.sum()))


def _scores(release: Release, answer: Mapping[str, list[Any]]) -> Floats:
    """The scores in the shape that the release has them."""
    if release.metadata.task == "regression":
        return np.array(answer["prediction"], dtype=np.float64)
    names = [f"probability_{label}" for label in release.metadata.classes]
    return np.stack([np.array(answer[name], dtype=np.float64) for name in names], axis=1)


def _shown(release: Release, columns: Columns, row: int) -> str:
    used = [column.name for column in release.columns if column.name in release.used_columns]
    return ", ".join(f"{name}={columns[name][row]!r}" for name in used)[:300]


def arrow_rows(columns: tuple[Column, ...], table: Columns) -> Any:
    """Checked columns as an Arrow table with a key, in the types that a database would have them in."""
    import pyarrow as pa

    rows = len(next(iter(table.values())))
    made: dict[str, Any] = {KEY: pa.array(np.arange(rows))}
    for column in columns:
        if column.kind == "other":
            continue
        values: Array = table[column.name]
        if not column.numeric:
            made[column.name] = pa.array([None if each is None else str(each) for each in values.tolist()], pa.string())
            continue
        missing = np.isnan(values)
        kind = pa.bool_() if column.kind == "boolean" else pa.float64() if column.kind == "number" else pa.int64()
        plain = np.where(missing, 0, values).astype(kind.to_pandas_dtype())
        made[column.name] = pa.array(plain, kind, mask=missing)
    return pa.table(made)


def duckdb_database(text: str, rows: Any) -> Mapping[str, list[Any]]:
    """Run a SELECT in a DuckDB of its own, in memory. Raises ImportError where DuckDB is not installed."""
    import duckdb

    with duckdb.connect() as connection:
        connection.register("given", rows)
        connection.execute(f"CREATE TABLE {TABLE} AS SELECT * FROM given")  # noqa: S608 - a constant
        found = connection.sql(text).to_arrow_table()
    order = np.argsort(found[KEY].to_numpy())
    return {name: found[name].take(order).to_pylist() for name in found.column_names}
