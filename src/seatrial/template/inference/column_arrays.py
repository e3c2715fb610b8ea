"""A column's values as numpy arrays: numbers, or an integer for each distinct value."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from seatrial.template.inference.association import BINS, Floats, quantile_codes
from seatrial.template.records import ColumnFacts

NUMERIC = ("integer", "number", "date", "moment")  # kinds whose values have an order and a distance
SAMPLE = 20_000


def sample_rows(count: int) -> npt.NDArray[np.int64]:
    """The positions of the rows that are checked."""
    if count <= SAMPLE:
        return np.arange(count)
    return np.sort(np.random.default_rng(0).choice(count, SAMPLE, replace=False))


def numbers_of(column: ColumnFacts) -> Floats:
    """Doubles with NaN for missing; dates as days, moments as their units since 1970."""
    values = column.values
    if pa.types.is_date(values.type):
        values = values.cast(pa.int32())
    if pa.types.is_timestamp(values.type):
        values = values.cast(pa.int64())
    return np.asarray(values.cast(pa.float64()).to_numpy(zero_copy_only=False))


def codes_of(column: ColumnFacts, rows: npt.NDArray[np.int64]) -> Any:
    """An integer for each distinct value, in order of first appearance; one of them is for missing."""
    encoded = column.values.take(pa.array(rows)).dictionary_encode(null_encoding="encode")
    return encoded.indices.to_numpy().astype(np.int64)


def grouped(column: ColumnFacts, rows: npt.NDArray[np.int64]) -> tuple[Any, Floats | None]:
    """The column's groups, and its numbers if it has more of them than groups."""
    if column.kind in NUMERIC and column.distinct > BINS / 2:
        numbers = numbers_of(column)[rows]
        return quantile_codes(numbers), numbers
    return codes_of(column, rows), None
