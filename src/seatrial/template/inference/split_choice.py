"""How the rows of a table should be split: by the time of each row, by what several rows are about, or at random.

A random split flatters where the rows of one customer are on both sides, or where a model is to predict rows that come
later than those it was trained on. What is proposed can be carried out: each side has enough of every label.
"""

import re
from collections.abc import Sequence

import numpy as np

from seatrial.core.errors import SeatrialError
from seatrial.core.split_settings import SplitSettings
from seatrial.template.inference.column_arrays import NUMERIC, codes_of, numbers_of
from seatrial.template.inference.identifiers import repeated_identifier
from seatrial.template.records import ColumnFacts, Decision, Overrides, TargetFacts

FEWEST_ROWS = 120
FEWEST_TIMES, FEWEST_GROUPS = 20, 40
MOST_GROUPS = 0.9  # of the rows: with more, hardly any value repeats
HELD_OUT = (0.2, 0.3)  # the share of the newest rows that the times allow
LARGEST_GROUP = 0.1  # of the rows
GROUPS_OF_A_LABEL = 8
ROWS_OF_A_LABEL = 5  # before the newest quarter
# The time at which a row came about, and not one that is known before, or that follows.
_ROW_TIME = re.compile(
    r"(?i)(^|_)(date|time|datetime|timestamp|day|sold|sale|sales|order|ordered|purchase|purchased|transaction|event|visit|"
    r"invoice|recorded|measured|observed|created|booked|booking|issued|submitted|received|reported|datum)(_|$)|_at$"
)
_OTHER_TIME = re.compile(
    r"(?i)(^|_)(birth|born|dob|death|expir\w*|end|ended|due|until|next|last|first|clos\w*|resol\w*|updated|modified|"
    r"deliver\w*|return\w*|renew\w*|manufactur\w*|built|start\w*|signup|registered|hire\w*|join\w*)(_|$)"
)
WORDS = "rows, time:COLUMN or group:COLUMN"


def choose_split(
    columns: Sequence[ColumnFacts], target: TargetFacts, overrides: Overrides
) -> tuple[SplitSettings, list[Decision]]:
    """How to split the rows, with the decision about it if they are not split at random."""
    if overrides.split:
        return _requested(columns, overrides.split)
    groups = [column for column in columns if repeated_identifier(column) and _groups_split(column, target)]
    times = [column for column in columns if _tells_time(column) and _times_split(column, target)]
    if times:
        others = f"; or all rows with the same {groups[0].name}, by --split group:{groups[0].name}" if groups else ""
        why = "a model predicts later rows than it was trained on, so a random split flatters"
        what = f"the newest rows are held out, by {times[0].name}"
        evidence = f"{_ends(times[0])}{others}"
        return SplitSettings(by="time", column=times[0].name), [Decision("split", "", what, why, evidence)]
    if groups:
        column = groups[0]
        why = "a model can recognize a value that it was trained on, so a random split flatters"
        what = f"all rows with the same {column.name} are on one side of the split"
        evidence = f"{column.distinct:,} distinct values in {len(column.values):,} rows"
        return SplitSettings(by="group", column=column.name), [Decision("split", "", what, why, evidence)]
    return SplitSettings(), []


def _requested(columns: Sequence[ColumnFacts], text: str) -> tuple[SplitSettings, list[Decision]]:
    by, _, name = text.partition(":")
    by, name = by.strip().lower(), name.strip()
    if by == "rows" and not name:
        return SplitSettings(), []
    if by not in ("time", "group") or not name:
        raise SeatrialError(f"{text!r} is not a way to split the rows.", hint=f"Write {WORDS}.")
    column = next((column for column in columns if name in (column.name, column.source)), None)
    if column is None:
        listed = ", ".join(column.name for column in columns[:20])
        raise SeatrialError(f"The rows cannot be split by `{name}`, which is not a column.", hint=f"Columns: {listed}.")
    if by == "time" and column.kind not in NUMERIC:
        raise SeatrialError(f"The rows cannot be split by time: `{name}` has neither numbers nor dates.")
    settings = SplitSettings(by="time" if by == "time" else "group", column=column.name)
    return settings, [Decision("split", "", f"split by {settings.words}", "as requested")]


def _tells_time(column: ColumnFacts) -> bool:
    """Whether a column of dates says when each row came about, judging by its name."""
    if column.kind not in ("date", "moment") or column.missing or column.distinct < FEWEST_TIMES:
        return False
    names = re.sub(r"(?<=[a-z])(?=[A-Z])|[\W_]+", "_", column.source)
    return bool(_ROW_TIME.search(names)) and not _OTHER_TIME.search(names)


def _times_split(column: ColumnFacts, target: TargetFacts) -> bool:
    """Whether about a quarter of the rows is newer than the others, and every label occurs before."""
    times = numbers_of(column)
    if len(times) < FEWEST_ROWS:
        return False
    distinct, counts = np.unique(times, return_counts=True)
    newer = np.cumsum(counts[::-1])[::-1] / len(times)
    best = int(np.abs(newer - sum(HELD_OUT) / 2).argmin())
    older = times < distinct[best]
    if not HELD_OUT[0] <= newer[best] <= HELD_OUT[1]:
        return False
    labels = _labels(target)
    fewest = min(int((labels[older] == label).sum()) for label in np.unique(labels))
    return target.task == "regression" or (fewest >= ROWS_OF_A_LABEL and len(np.unique(labels[~older])) > 1)


def _groups_split(column: ColumnFacts, target: TargetFacts) -> bool:
    """Whether there are enough groups, none too large, and each label occurs in several."""
    rows = len(column.values)
    if column.missing or rows < FEWEST_ROWS or not FEWEST_GROUPS <= column.distinct <= MOST_GROUPS * rows:
        return False
    codes, labels = codes_of(column, np.arange(rows)), _labels(target)
    largest = np.bincount(codes).max() / rows
    fewest = min(len(np.unique(codes[labels == label])) for label in np.unique(labels))
    return bool(largest <= LARGEST_GROUP and (target.task == "regression" or fewest >= GROUPS_OF_A_LABEL))


def _labels(target: TargetFacts) -> np.ndarray:
    """A number for each label; of a regression, the same for all rows."""
    if target.task == "regression":
        return np.zeros(len(target.values), dtype=np.int64)
    return np.asarray(target.values.dictionary_encode().indices.to_numpy())


def _ends(column: ColumnFacts) -> str:
    return f"{column.minimum} to {column.maximum}" if column.minimum is not None else f"{column.distinct:,} times"
