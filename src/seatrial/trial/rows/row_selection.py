"""The rows of a trial: what both sides have not seen, what the user gives, and probes; and the questions about them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seatrial.core.errors import SeatrialError
from seatrial.model.features import Columns
from seatrial.model.schema import Column
from seatrial.trial.compare.queries import Queries, make_queries
from seatrial.trial.compare.scoring import Scoring
from seatrial.trial.records import NotComparedError
from seatrial.trial.rows.answer_collection import GoldenRows, read_reference_text, rows_as_columns
from seatrial.trial.rows.probes import Probe, probe_rows
from seatrial.trial.rows.reference import LabelledRows, held_out, joined, read_rows
from seatrial.trial.sandbox.answers import Description
from seatrial.trial.sandbox.sandbox import Sandbox

PROBED = 40  # rows that probes are made from
GIVEN = "the rows given"


@dataclass(frozen=True)
class Rows:
    """What is compared: labelled rows that neither side was trained on, and probes."""

    labelled: LabelledRows
    probes: tuple[Probe, ...]
    counted: dict[str, int]
    unlabelled: Columns | None = None


def gather_rows(sides: Sequence[tuple[Sandbox, Description]], golden: GoldenRows, data: Path | None) -> Rows:
    """Put the rows together: the baseline's reference, without what the candidate was trained on, and what is given.

    The candidate's own reference serves where there is no other: its labels may carry the very fault that is sought.
    The candidate comes first in `sides`; its columns are read. Raises NotComparedError where no rows are left.
    """
    mine = sides[0][1]
    target = mine.metadata.target
    parts: list[LabelledRows] = []
    counted: dict[str, int] = {}
    for side, _ in reversed(sides):  # both are read: the candidate's will be needed when it is the baseline
        text = read_reference_text(side.wheel)
        if not _covers(text, mine.columns):
            continue  # it has not the columns that the candidate needs
        found = read_rows(text, mine.columns, target, f"The {side.role}'s reference")
        for other, description in sides:
            if other is not side and found.rows and _covers(text, description.columns):
                whole = read_rows(text, description.columns, target, f"The {side.role}'s reference")
                found = found.take(held_out(whole, description.metadata.split))
        parts.append(found)
    given = read_rows(_text(data), mine.columns, target, data.name, labelled=False) if data else None
    parts = [part for part in parts if part.rows][:1]
    counted["reference"] = sum(part.rows for part in parts)
    counted["given"] = given.rows if given else 0
    # Rows without labels are compared as probes are: nobody knows which answer to them is right.
    parts += [given] if given and len(given.target) else []
    labelled = joined(parts)
    if not labelled.rows:
        raise NotComparedError(
            "No rows are left to compare: none was held out from the training of both.",
            hint="Give rows with --data, or train both with the same [tool.seatrial] seed.",
        )
    made = probe_rows(mine.columns, [dict(row) for row in golden.rows[:PROBED]])
    counted["probes"] = len(made)
    return Rows(labelled, tuple(made), counted, given.columns if given and not len(given.target) else None)


def _covers(text: str, columns: Sequence[Column]) -> bool:
    return set(_names(columns, needed=True)) <= set(text.partition("\n")[0].strip().split(","))


def _names(columns: Sequence[Column], *, needed: bool = False) -> list[str]:
    return [column.name for column in columns if column.required or not needed]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SeatrialError(f"{path} cannot be read: {error}", hint="Give a CSV file in UTF-8.") from None


def make_trial_queries(scoring: Scoring, rows: Rows, columns: Sequence[Column]) -> Queries:
    """Ask about the rows, the probes that could be valid, and shuffled columns."""
    names = {column.name for column in columns}
    whole = [probe for probe in rows.probes if set(probe.row) == names and _fits(probe.row, columns)]
    made, probed = rows_as_columns(columns, [probe.row for probe in whole]), tuple(probe.column for probe in whole)
    if rows.unlabelled:
        made = {name: np.concatenate([made[name], values]) for name, values in rows.unlabelled.items()}
        probed += (GIVEN,) * (len(next(iter(made.values()))) - len(probed))
    truth = scoring.codes(rows.labelled.target)
    known = truth >= 0 if scoring.classifies else np.isfinite(truth)  # other labels have no place among the classes
    if not known.any():
        raise NotComparedError("None of the rows has a label that the candidate knows.", hint="Look at the reference.")
    labelled = rows.labelled.take(known)
    return make_queries(scoring, labelled.columns, truth[known], made, probed)


def _fits(row: Any, columns: Sequence[Column]) -> bool:
    """Whether a probe can stand in a table: each value of the column's own type."""
    for column in columns:
        value = row[column.name]
        if value is None:
            fitting = column.nullable
        elif column.kind == "category":
            fitting = value in column.categories and not isinstance(value, bool)
        elif column.kind == "boolean":
            fitting = isinstance(value, bool)
        elif column.numeric:
            whole = isinstance(value, int) or column.kind == "number"
            low, high = column.minimum, column.maximum
            inside = (
                isinstance(value, (int, float)) and (low is None or value >= low) and (high is None or value <= high)
            )
            fitting = whole and inside and not isinstance(value, bool)
        else:
            longest = column.max_length
            fitting = isinstance(value, str) and value != "" and (longest is None or len(value) <= longest)
        if not fitting:
            return False
    return True


def _inside(column: Column, value: Any) -> bool:
    kinds: Any = int if column.kind == "integer" else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds):
        return False
    low, high = column.minimum, column.maximum
    return (low is None or value >= low) and (high is None or value <= high)
