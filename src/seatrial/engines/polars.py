"""Predict a polars frame: a DataFrame at once, a LazyFrame batch by batch where the query runs.

Polars keeps the order of rows, so a key is optional. Its optimizer may not move filters, columns or slices past the
model: it would take a prediction's row for one that it can choose, or columns for unused that the model reads.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from seatrial.core.errors import UsageError
from seatrial.model.arrow_sources import names_of
from seatrial.model.arrow_tables import REASONS
from seatrial.model.bad_rows import OnBadRows

if TYPE_CHECKING:
    from seatrial.model.release import Release

ROW = "row"  # names the rows of a LazyFrame without a key, from 1


def predict(release: "Release", frame: Any, *, key: str | Sequence[str] = (), on_bad_rows: OnBadRows = "fail") -> Any:
    """Return a frame of the same kind with the key's columns and the predictions of each row.

    Only the key's columns and those of the schema are read. A LazyFrame stays lazy, and streams with
    `collect(engine="streaming")` and the `sink_` methods. Raises SeatrialError for what is not a frame, and for a key
    that it does not have; what "fail", "drop" and "keep" do is said at `Release.predict_table`.
    """
    import polars as pl

    if not isinstance(frame, pl.DataFrame | pl.LazyFrame):
        raise UsageError(
            f"Not a polars frame: {type(frame).__name__}.", hint="For other tables call release.predict_table."
        )
    key = names_of(key)
    types = frame.collect_schema()
    source = pl.DataFrame(schema=types).to_arrow().schema
    answers = pl.DataFrame(release.output_schema(key, on_bad_rows, source).empty_table()).schema
    needed = {*key, *(column.name for column in release.columns)}
    frame = frame.select([name for name in types if name in needed])
    named_by = key
    if not key and ROW not in frame.collect_schema():
        frame, named_by = frame.with_row_index(ROW, offset=1), (ROW,)

    def score(part: Any) -> Any:
        table = release.predict_table(part, keep=named_by, on_bad_rows="keep" if on_bad_rows == "drop" else on_bad_rows)
        predicted = pl.concat([part.select(key), pl.DataFrame(table.drop_columns(list(named_by)))], how="horizontal")
        if on_bad_rows == "drop":
            predicted = predicted.filter(pl.col(REASONS[-1]).is_null()).drop(REASONS)
        return predicted

    if isinstance(frame, pl.DataFrame):
        return score(frame)
    return frame.map_batches(
        score,
        predicate_pushdown=False,
        projection_pushdown=False,
        slice_pushdown=False,
        schema={**answers, **{name: types[name] for name in key}},
        streamable=True,
    )
