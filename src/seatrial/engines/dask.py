"""Predict a Dask DataFrame, partition by partition, in Dask's workers.

The release is sent to them by its name, version and hash: the same wheel must be installed there. Dask keeps the order
of rows and their index.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from seatrial.core.errors import UsageError
from seatrial.model.arrow_sources import names_of
from seatrial.model.arrow_tables import REASONS
from seatrial.model.bad_rows import OnBadRows

if TYPE_CHECKING:
    from seatrial.model.release import Release

NULLABLE = {"int64": "Int64", "bool": "boolean"}  # pandas types by those that have no missing values


def predict(release: "Release", frame: Any, *, key: str | Sequence[str] = (), on_bad_rows: OnBadRows = "fail") -> Any:
    """Return a Dask DataFrame with the key's columns and the predictions of each row, which is computed when asked.

    Only the key's columns and those of the schema are read. Raises SeatrialError for what is not a Dask DataFrame, and
    for a key that it does not have; what "fail", "drop" and "keep" do is said at `Release.predict_table`. Under "fail"
    the task of a partition that has bad rows fails with their keys.
    """
    import pyarrow as pa

    if type(frame).__module__.partition(".")[0] != "dask" or not hasattr(frame, "map_partitions"):
        raise UsageError(
            f"Not a Dask DataFrame: {type(frame).__name__}.", hint="For other tables call release.predict_table."
        )
    key = list(names_of(key))
    names = list(frame.columns)
    source = pa.Schema.from_pandas(frame._meta, preserve_index=False)
    answers = release.output_schema(key, on_bad_rows, source).empty_table().to_pandas().drop(columns=key)
    if on_bad_rows == "keep":
        kind = str(answers["prediction"].dtype)
        answers = answers.astype({"prediction": NULLABLE.get(kind, kind)})
    needed = {*key, *(column.name for column in release.columns)}
    some = frame[[name for name in names if name in needed]]
    meta = _joined(some._meta, key, answers.set_index(some._meta.index[:0]))
    return some.map_partitions(_score, release, key, on_bad_rows, dict(answers.dtypes), meta=meta)


def _score(part: Any, release: "Release", key: list[str], on_bad_rows: OnBadRows, types: dict[str, Any]) -> Any:
    table = release.predict_table(part, keep=key, on_bad_rows="keep" if on_bad_rows == "drop" else on_bad_rows)
    good = table[REASONS[-1]].is_null().to_pandas().to_numpy() if on_bad_rows == "drop" else slice(None)
    answers = table.select(list(types)).to_pandas(integer_object_nulls=True).set_index(part.index)
    return _joined(part[good], key, answers[good].astype(types))


def _joined(part: Any, key: list[str], answers: Any) -> Any:
    import pandas as pd

    return pd.concat([part[key], answers], axis=1)
