"""The training table, column by column: missing values, and how the values are distributed."""

from collections.abc import Iterator
from dataclasses import dataclass

from seatrial.pages.charts import Svg, small_bars
from seatrial.pages.words import DASH, cell, percent, plain, whole
from seatrial.train.evaluation import Name
from seatrial.train.profile import ColumnProfile, Fingerprint


@dataclass(frozen=True)
class ColumnSummary:
    """One column as a line of the report's table."""

    name: str
    kind: str
    missing: str
    distinct: str
    drawing: Svg | None
    values: str


def column_summaries(fingerprint: Fingerprint, name: Name) -> Iterator[ColumnSummary]:
    """Describe the target, then each column."""
    yield _summary(fingerprint.target, "target", name)
    for column in fingerprint.columns:
        yield _summary(column, column.kind, cell)


def _summary(column: ColumnProfile, kind: str, name: Name) -> ColumnSummary:
    shares = [share.share for share in column.shares]
    bars = column.histogram if len(set(column.histogram)) > 1 and not shares else tuple(shares)
    values = _shares(column, name) if shares else _range(column)
    return ColumnSummary(
        column.name,
        kind,
        percent(column.missing) if column.missing else DASH,
        f"{column.distinct:,}",
        small_bars(bars, f"Distribution of {column.name}: {values}") if bars else None,
        values,
    )


def _shares(column: ColumnProfile, name: Name) -> str:
    first = ", ".join(f"{name(share.value)} ({percent(share.share)})" for share in column.shares[:4])
    rest = sum(share.share for share in column.shares[4:]) + column.other
    return f"{first}, other ({percent(rest)})" if rest > 1e-9 else first


def _range(column: ColumnProfile) -> str:
    if column.deciles:
        written = whole if column.kind == "integer" else plain
        low, middle, high = (written(column.deciles[place]) for place in (0, 5, 10))
        return f"{low} to {high}, median {middle}"
    if column.lengths:
        low, _, high = (f"{length:.0f}" for length in column.lengths)
        return f"free text of {low} to {high} characters"
    return "empty" if not column.distinct else ""
