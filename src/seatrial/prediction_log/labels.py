"""Labels: outcomes that come later, joined to the predictions of the log by request, or by a key and a time.

A label is a row of its own, with the time at which it was recorded. The newest one of a prediction counts, the others
stay. What was recorded already is not recorded again, so that a file can be given twice.
"""

import json
import math
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from seatrial.core.errors import SeatrialError
from seatrial.prediction_log.conditions import Condition, column_of, literal, unknown_column
from seatrial.prediction_log.log_query import LogPart, LogQuery, SeenNames
from seatrial.prediction_log.reading import PredictionLog

LABEL_SCHEMA = pa.schema(
    [
        ("time", pa.timestamp("us", "UTC")),
        ("request_id", pa.string()),
        ("row", pa.int32()),
        ("label", pa.string()),
        ("source", pa.string()),
    ]
)
MOST_EXAMPLES = 3
Prediction = tuple[str, int]  # the ID of its request, and its row in that


@dataclass(frozen=True)
class GivenLabel:
    """A row of a file of labels: `place` is its line; `by` is a request's ID or the value of a key column."""

    place: str
    by: str
    label: str
    row: int | None = None
    time: datetime | None = None


@dataclass(frozen=True)
class LabelsResult:
    """What became of a file of labels. `examples` has places of rows that were not joined, by the reason.

    `new` had no label before, `corrected` had another one, `known` had this one. `repeated` are rows about a prediction
    that another row of the file is about, too: the same label, or by a key an older one. `without_label` are rows whose
    label is missing.
    """

    rows: int
    new: int = 0
    corrected: int = 0
    known: int = 0
    not_found: int = 0
    ambiguous: int = 0
    repeated: int = 0
    without_label: int = 0
    examples: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def joined(self) -> int:
        """How many rows have found their prediction."""
        return self.new + self.corrected + self.known


@dataclass(frozen=True)
class _Row:
    """A prediction that a label may be of; the answer's type and the classes say which labels it may have."""

    prediction: Prediction
    time: datetime
    answers: "_Answers"


@dataclass(frozen=True)
class _Answers:
    """What the releases of one part of the log answer."""

    kind: pa.DataType
    classes: tuple[str, ...]

    def read(self, given: GivenLabel) -> str:
        """The label as JSON. Raises SeatrialError for one that the release cannot answer."""
        text = given.label.strip()
        if not self.classes:
            try:
                number = float(text)
            except ValueError:
                number = math.nan
            if not math.isfinite(number):
                raise SeatrialError(f"{given.place}: the label {text!r} is not a number.", hint="Correct the file.")
            return json.dumps(number)
        same = [each for each in self.classes if self._same(each, text)]
        if not same:
            known = ", ".join(self.classes[:20])
            raise SeatrialError(f"{given.place}: the label {text!r} is not one of {known}.", hint="Correct the file.")
        if pa.types.is_boolean(self.kind):
            return json.dumps(same[0].lower() == "true")
        return json.dumps(int(same[0]) if pa.types.is_integer(self.kind) else same[0], ensure_ascii=False)

    def _same(self, label: str, text: str) -> bool:
        if label == text:
            return True
        if pa.types.is_boolean(self.kind):
            return label.lower() == text.lower()
        if pa.types.is_integer(self.kind):  # a table has 1.0 where others are missing
            return text.replace(".", "", 1).removeprefix("-").isdecimal() and float(text) == float(label)
        return False


def add_labels(
    log: PredictionLog,
    query: LogQuery,
    given: Sequence[GivenLabel],
    source: str,
    *,
    key: str = "",
    within: timedelta | None = None,
    dry_run: bool = False,
) -> LabelsResult:
    """Join labels to predictions, and record those that are new or differ.

    Without a `key`, each is of one request, and of one row of it. With one, it is of the newest prediction of that key
    at the label's time or before it, and not earlier than `within` before. Raises SeatrialError, and records nothing,
    where a label cannot be one.
    """
    store = log.store
    labelled = [each for each in given if each.label.strip()]
    found = _predictions(log, query, key or "request_id", {each.by for each in labelled})
    chosen, problems = _by_key(labelled, found, within) if key else _by_request(labelled, found)
    counts = Counter(without_label=len(given) - len(labelled), **{name: len(each) for name, each in problems.items()})
    labels, repeated = _one_each(chosen, by_time=bool(key))
    counts["repeated"] = repeated
    table = store.read_labels()
    before = _texts(table)
    fresh = []
    for row, each in labels:
        label = row.answers.read(each)
        state = "new" if row.prediction not in before else "known" if before[row.prediction] == label else "corrected"
        counts[state] += 1
        if state != "known":
            fresh.append((*row.prediction, label))
    if fresh and not dry_run:
        store.add_labels(_recorded(fresh, source, table))
    examples = {name: [each.place for each in rows[:MOST_EXAMPLES]] for name, rows in problems.items() if rows}
    return replace(LabelsResult(len(given), examples=examples), **dict[str, Any](counts))


def newest_labels(table: pa.Table) -> pa.Table:
    """The rows that count, of a table of labels with the oldest first: one for each prediction."""
    if not table.num_columns:
        return LABEL_SCHEMA.empty_table()
    kept: dict[Prediction, int] = {}
    for number, place in enumerate(zip(table["request_id"].to_pylist(), table["row"].to_pylist(), strict=True)):
        kept[place] = number
    return table.take(pa.array(sorted(kept.values()), pa.int64()))


def _texts(table: pa.Table) -> dict[Prediction, str]:
    newest = newest_labels(table)
    columns = [newest[name].to_pylist() for name in ("request_id", "row", "label")]
    return {(request, row): label for request, row, label in zip(*columns, strict=True)}


def _recorded(rows: Sequence[tuple[str, int, str]], source: str, before: pa.Table) -> pa.Table:
    """New rows of the table of labels; they are later than all before, whatever the clock says."""
    now = datetime.now(UTC)
    if before.num_rows:
        now = max(now, before["time"][-1].as_py() + timedelta(microseconds=1))
    columns = [[now] * len(rows), *map(list, zip(*rows, strict=True)), [source] * len(rows)]
    return pa.Table.from_pydict(dict(zip(LABEL_SCHEMA.names, columns, strict=True)), LABEL_SCHEMA)


def _predictions(log: PredictionLog, query: LogQuery, name: str, wanted: set[str]) -> dict[str, list[_Row]]:
    """The predictions that labels may be of, by what they are joined by, as it is in the file."""
    found: dict[str, list[_Row]] = defaultdict(list)
    seen: list[str] = []
    for part in log.parts(query):
        seen += part.schema.names
        column = column_of(name, part.schema.names)
        if column is None:
            continue
        values = _values(part, column, wanted, query)
        classes = [each.removeprefix("probability_") for each in part.schema.names if each.startswith("probability_")]
        answers = _Answers(part.schema.field("prediction").type, tuple(classes))
        for value, request, row, time in _scan(part, column, replace(query, among=(column, [*values]))):
            for text in values.get(value, ()):
                found[text].append(_Row((request, row), time, answers))
    if seen and column_of(name, seen) is None:
        raise unknown_column(name, dict.fromkeys(seen))
    return found


def _values(part: LogPart, column: str, wanted: set[str], query: LogQuery) -> dict[Any, list[str]]:
    """What a column may have for each of the texts in a file, in its own type or hashed."""
    kind = part.schema.field(column).type
    values: dict[Any, list[str]] = defaultdict(list)
    for text in wanted:
        try:
            values[literal(Condition(column, "=", text), kind)].append(text)
        except ValueError:  # no row has such a value
            continue
        if pa.types.is_string(kind) and column != "request_id":
            for hashed in query.hashes(text):
                values[hashed].append(text)
    return values


def _scan(part: LogPart, column: str, query: LogQuery) -> Iterator[tuple[Any, str, int, datetime]]:
    names = list(dict.fromkeys((column, "request_id", "row", "time")))
    for batch in part.batches(names, query, SeenNames()):
        yield from zip(*(batch.column(name).to_pylist() for name in (column, "request_id", "row", "time")), strict=True)


Chosen = list[tuple[_Row, GivenLabel]]


def _by_request(
    given: Sequence[GivenLabel], found: Mapping[str, list[_Row]]
) -> tuple[Chosen, dict[str, list[GivenLabel]]]:
    chosen: Chosen = []
    problems: dict[str, list[GivenLabel]] = {"not_found": [], "ambiguous": []}
    for each in given:
        rows = [row for row in found.get(each.by, ()) if each.row in (None, row.prediction[1])]
        if len(rows) == 1:
            chosen.append((rows[0], each))
        else:
            problems["ambiguous" if rows else "not_found"].append(each)
    return chosen, problems


def _by_key(
    given: Sequence[GivenLabel], found: Mapping[str, list[_Row]], within: timedelta | None
) -> tuple[Chosen, dict[str, list[GivenLabel]]]:
    chosen: Chosen = []
    problems: dict[str, list[GivenLabel]] = {"not_found": [], "ambiguous": []}
    ordered = {key: sorted(rows, key=lambda row: row.time) for key, rows in found.items()}
    for each in given:
        rows = ordered.get(each.by, [])
        assert each.time is not None
        end = bisect_right(rows, each.time, key=lambda row: row.time)
        newest = rows[end - 1] if end else None
        if newest is None or (within and newest.time < each.time - within):
            problems["not_found"].append(each)
        elif end > 1 and rows[end - 2].time == newest.time:
            problems["ambiguous"].append(each)
        else:
            chosen.append((newest, each))
    return chosen, problems


def _one_each(chosen: Chosen, *, by_time: bool) -> tuple[Chosen, int]:
    """One label for each prediction: by a key the newest one. Raises SeatrialError where two rows contradict."""
    kept: dict[Prediction, tuple[_Row, GivenLabel]] = {}
    for row, each in sorted(chosen, key=lambda pair: pair[1].time) if by_time else chosen:  # type: ignore[arg-type, return-value]
        before = kept.get(row.prediction)
        if before and before[1].label.strip() != each.label.strip() and (not by_time or before[1].time == each.time):
            raise SeatrialError(
                f"{before[1].place} and {each.place} have different labels for the same prediction: "
                f"{before[1].label!r} and {each.label!r}.",
                hint="Leave one of them in the file.",
            )
        kept[row.prediction] = (row, each)
    return list(kept.values()), len(chosen) - len(kept)
