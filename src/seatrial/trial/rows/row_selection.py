"""Selects the rows of a trial: those that neither release was trained on, rows from the user, and probes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seatrial.core.errors import SeatrialError
from seatrial.model.carried_rows import carried_rows
from seatrial.model.features import Columns
from seatrial.model.schema import Column
from seatrial.trial.compare.queries import USER_ROWS, Queries, make_queries
from seatrial.trial.compare.scoring import Scoring
from seatrial.trial.records import NotComparedError
from seatrial.trial.rows.answer_collection import GoldenRows, rows_as_columns
from seatrial.trial.rows.probes import Probe, probe_rows
from seatrial.trial.rows.reference import HeldOutRows, LabelledRows, held_out, joined, read_rows
from seatrial.trial.sandbox.answers import Description
from seatrial.trial.sandbox.sandbox import Sandbox

FindRows = Callable[[Sandbox, Description], HeldOutRows]  # the rows held out from a release's training
PROBED = 40  # rows that probes are made from
ENOUGH = 0.5  # of the baseline's held-out rows, if the candidate was not trained on them


@dataclass(frozen=True)
class Rows:
    """What is compared: labelled rows that neither release was trained on, probes, and the user's rows without labels.

    `counts` has the number of rows of each kind. `missing` says why there are no rows of the baseline's, empty if there
    are; `shown` whether the wheels carry their rows, so that a verdict may show some. `by_group` says whether the keys
    of the labelled rows are groups.
    """

    labelled: LabelledRows
    probes: tuple[Probe, ...]
    counts: dict[str, int]
    unlabelled: Columns | None = None
    missing: str = ""
    shown: bool = True
    by_group: bool = False


def gather_rows(
    releases: Sequence[tuple[Sandbox, Description]], golden: GoldenRows, data: Path | None, find: FindRows
) -> Rows:
    """Gather the rows: the baseline's reference without the candidate's training rows, and the rows in `data`.

    The candidate's own reference is used only without a baseline, since its labels may carry the very fault that is
    searched for; and besides the baseline's, where the candidate was trained on most of that because time has gone on.
    The candidate comes first in `releases`, and its columns are read. Raises NotComparedError if no rows
    are left. `find` finds the labelled rows that were held out from a release's training.
    """
    columns, target = releases[0][1].columns, releases[0][1].metadata.target
    references: list[LabelledRows] = []
    left = 1.0  # of the first of them
    missing = ""
    for sandbox, described in reversed(releases):  # both are read: the candidate's is needed when it is the baseline
        found = find(sandbox, described)
        text, where, missing = found.text, found.where, missing or found.missing
        if not _covers(text, columns):
            continue
        part = read_rows(text, columns, target, where)
        whole_size = part.rows
        for other, description in releases:
            if other is not sandbox and part.rows and _covers(text, description.columns):
                whole = read_rows(text, description.columns, target, where)
                part = part.take(held_out(whole, description.metadata.split, described.metadata.split))
        left = part.rows / max(whole_size, 1) if not references else left
        references.append(part)
    user_rows = read_rows(_text(data), columns, target, data.name, labelled=False) if data else None
    gone_on = left < ENOUGH and all(described.metadata.split.get("by") == "time" for _, described in releases)
    labelled = [part for part in references if part.rows][: 2 if gone_on else 1]
    counts = {"reference": sum(part.rows for part in labelled), "given": user_rows.rows if user_rows else 0}
    # Rows without labels are compared like probes: nobody knows which prediction is right.
    has_labels = user_rows is not None and len(user_rows.target) > 0
    together = joined([*labelled, user_rows] if user_rows and has_labels else labelled)
    if not together.rows:
        raise NotComparedError(
            f"No rows are left to compare: none was held out from the training of both releases. {missing}".strip(),
            hint="Give rows with --data, or train both with the same [tool.seatrial] seed.",
        )
    by_group = all(described.metadata.split.get("by") == "group" for _, described in releases)
    probes = probe_rows(columns, [dict(row) for row in golden.rows[:PROBED]])
    unlabelled = user_rows.columns if user_rows and not has_labels else None
    carried = {carried_rows(described.metadata.carries).reference for _, described in releases}
    counts["probes"] = len(probes)
    return Rows(together, tuple(probes), counts, unlabelled, missing, carried == {"full"}, by_group)


def _covers(text: str, columns: Sequence[Column]) -> bool:
    """Whether a CSV has the columns that a schema requires."""
    return {column.name for column in columns if column.required} <= set(text.partition("\n")[0].strip().split(","))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SeatrialError(f"{path} cannot be read: {error}", hint="Give a CSV file in UTF-8.") from None


def make_trial_queries(scoring: Scoring, rows: Rows, columns: Sequence[Column]) -> Queries:
    """Make the queries of a trial: the rows, the probes that could be valid, and shuffled columns."""
    names = {column.name for column in columns}
    valid = [p for p in rows.probes if set(p.row) == names and all(_fits(p.row[c.name], c) for c in columns)]
    probes, probed = rows_as_columns(columns, [probe.row for probe in valid]), tuple(probe.column for probe in valid)
    if rows.unlabelled:
        probes = {name: np.concatenate([probes[name], values]) for name, values in rows.unlabelled.items()}
        probed += (USER_ROWS,) * (len(next(iter(probes.values()))) - len(probed))
    truth = scoring.positions(rows.labelled.target)
    known = truth >= 0 if scoring.classifies else np.isfinite(truth)  # other labels have no score
    if not known.any():
        raise NotComparedError("No row has a label that the candidate knows.", hint="Look at the reference rows.")
    labelled = rows.labelled.take(known)
    groups = labelled.keys if rows.by_group else None
    asked = scoring, labelled.columns, truth[known], probes, probed
    return make_queries(*asked, weights=labelled.weights, groups=groups)


def _fits(value: Any, column: Column) -> bool:
    """Whether a probe's value can be part of a table: it has its column's own type."""
    if value is None:
        return column.nullable
    if column.kind == "boolean" or isinstance(value, bool):
        return column.kind == "boolean" and isinstance(value, bool)
    if column.kind == "category":
        known = {type(category) for category in column.categories}
        return value in column.categories or (column.open and type(value) in known)
    if column.numeric:
        kinds = int if column.kind == "integer" else (int, float)
        low, high = column.minimum, column.maximum
        return isinstance(value, kinds) and (low is None or value >= low) and (high is None or value <= high)
    longest = column.max_length
    return isinstance(value, str) and value != "" and (longest is None or len(value) <= longest)
