"""Finds the columns that name a row, or the person or thing that several rows are about."""

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from seatrial.template.inference.column_arrays import codes_of
from seatrial.template.records import ColumnFacts, Reason

FEW_GROUPS = 40  # as many may be categories of a closed list, such as five shops
PAIRS = 2_000
_ENTITY = (
    "customer|client|user|passenger|order|product|account|patient|employee|member|session|transaction|record|row|subject|"
    "person|student|device|household|participant|driver|machine|vehicle|policyholder|borrower|donor|tenant|merchant|card|"
    "store|shop|branch|kunden?|patienten|auftrags?|vertrags?|mitglieds?"
)
_NAMED_ID = re.compile(
    r"(?i:(^|[_\W])(ids?|uuid|guid|key|pk|index|rownames?|rowid|row_?number)($|[_\W]))|[a-z]I[dD]$|^Unnamed|"
    # Words that are written together with "id"; `paid`, `grid` and `valid` end in "id" too.
    rf"(?i:({_ENTITY})id$)"
)
# A key of something that may have several rows. An index, such as that of prices, is a quantity.
_NAMED_KEY = re.compile(
    rf"(?i:(^|[_\W])(ids?|uuid|guid|pk)($|[_\W]))|[a-z]I[dD]$|(?i:^({_ENTITY})[_\W]?(id|no|nr|num|number|nummer|key|code)?$)"
)


def identifier(column: ColumnFacts) -> Reason | None:
    """The reason if it identifies the row: (nearly) every value is unique, and its name or form says so."""
    rows = len(column.values) - column.missing
    if rows < 10 or column.kind in ("boolean", "date", "moment", "number"):
        return None
    share = column.distinct / rows
    evidence = f"{column.distinct:,} distinct values in {rows:,} rows"
    named = _NAMED_ID.search(column.source) is not None
    if share > 0.95 and named:
        return "an identifier, judging by its name", evidence
    if column.kind == "integer" and share == 1:
        values = column.values.drop_null().to_numpy()
        steps = np.diff(values)
        if (steps > 0).all() and values[-1] - values[0] < 2 * rows:
            return "a row number", f"it rises by {np.median(steps):.0f} from row to row"
    if column.kind == "code" and share > 0.99 and rows >= 20:
        return "an identifier: it is different in every row", evidence
    return None


def named_key(column: ColumnFacts) -> bool:
    """Whether its name says that it is a key, and its values may be one."""
    return column.kind in ("integer", "code", "text") and _NAMED_KEY.search(column.source) is not None


def repeated_identifier(column: ColumnFacts) -> Reason | None:
    """The reason if it identifies what several rows are about, such as a patient with two visits."""
    rows = len(column.values) - column.missing
    if rows < 10 or not named_key(column) or (column.distinct <= FEW_GROUPS and column.distinct < rows / 5):
        return None
    return "an identifier that repeats: a group of rows", (
        f"{column.distinct:,} distinct values in {rows:,} rows; split by it, or the rows of one value may be on both "
        "sides of the split, and the score is too good"
    )


def named_category(column: ColumnFacts) -> bool:
    """Whether it is a whole number that names one of a few things, such as a shop, so that its size means nothing."""
    named = column.kind == "integer" and _NAMED_ID.search(column.source) is not None and named_key(column)
    return named and 2 < column.distinct <= FEW_GROUPS and repeated_identifier(column) is None


def unnamed_group(column: ColumnFacts, others: Sequence[ColumnFacts], rows: npt.NDArray[np.int64]) -> tuple[str, ...]:
    """The columns that are the same in nearly all rows with the same value here, but differ otherwise."""
    if column.kind not in ("integer", "code") or column.distinct < 20:
        return ()
    codes = codes_of(column, rows)
    order = np.argsort(codes, kind="stable")
    same = np.flatnonzero(np.diff(codes[order]) == 0)
    if len(same) < max(20, len(rows) / 10) or column.distinct < len(rows) / 50:
        return ()
    same = same[:: max(1, len(same) // PAIRS)]
    random = np.random.default_rng(0).permutation(len(rows))
    found = []
    for other in others:
        values = codes_of(other, rows)
        within = float((values[order[same]] == values[order[same + 1]]).mean())
        if other is not column and within >= 0.95 and float((values == values[random]).mean()) <= 0.7:
            found.append(other.name)
    return tuple(found)
