"""Makes tables of the prediction log's records: a column for each input, in the schema's own type. Without any I/O."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import chain, groupby
from typing import Any, Literal

from seatrial.prediction_log.segments import Record

DAY = 86_400_000_000  # microseconds
Kind = Literal["predictions", "refused"]


@dataclass(frozen=True)
class LogTable:
    """Rows of one segment that belong together: of one release and one day (in UTC).

    `part` is "", or tells the tables of several wheels of the same version in one segment apart.
    """

    kind: Kind
    release: str
    version: str
    day: date
    data: Any  # a pyarrow.Table, sorted by time
    part: str = ""


def log_tables(schemas: Mapping[str, Mapping[str, Any]], chunks: Iterable[Sequence[Record]]) -> list[LogTable]:
    """The tables of a segment whose records come in chunks. Raises SeatrialError where a release's schema is unknown.

    `schemas` has what Records.facts says about each release, by the wheel's hash.
    """
    import pyarrow as pa

    pieces: dict[tuple[str, int, Kind], list[Any]] = {}
    for records in chunks:
        for key, group in _grouped(records).items():
            wheel, _, kind = key
            table = refused_table(group) if kind == "refused" else predictions_table(schemas[wheel], group)
            pieces.setdefault(key, []).append(table)
    tables = []
    for (wheel, day, kind), parts in sorted(pieces.items(), key=lambda item: item[0]):
        facts = schemas[wheel]
        data = _sorted_by_time(pa.concat_tables(parts))
        tables.append(LogTable(kind, facts["name"], facts["version"], _date(day), data, wheel))
    return _with_parts(tables)


def predictions_table(facts: Mapping[str, Any], records: Sequence[Record]) -> Any:
    """The rows of answered requests of one release, as a pyarrow.Table with the columns of docs/prediction-log.md."""
    import pyarrow as pa

    counts = [len(record["rows"]) for record in records]
    firsts = [record.get("first", 0) for record in records]
    numbers = [range(first, first + count) for first, count in zip(firsts, counts, strict=True)]
    head = _head(records, counts)
    columns = {
        "time": head.pop("time"),
        "request_id": head.pop("request_id"),
        "row": pa.array(chain.from_iterable(numbers), pa.int32(), size=sum(counts)),
        **head,
    }
    rows = list(chain.from_iterable(record["rows"] for record in records))
    by_column = list(zip(*rows, strict=True)) if rows else []
    others: dict[int, dict[str, Any]] = {}
    for position, column in enumerate(facts["columns"]):
        name, values = column["name"], by_column[position] if by_column else ()
        columns[f"input_{name}"] = _typed(values, column["type"], name, others)
    columns |= _answers(facts, records)
    columns["unseen"] = _unseen(records, counts)
    columns["other_values"] = pa.array(
        [json.dumps(others[row], ensure_ascii=False) if row in others else None for row in range(len(rows))]
        if others
        else [None] * len(rows),
        pa.string(),
    )
    return pa.table(columns)


def refused_table(records: Sequence[Record]) -> Any:
    """The errors of refused requests, a row for each; a request without any has one row with nulls."""
    import pyarrow as pa

    errors = [record["errors"] or [[None, None, None]] for record in records]
    counts = [len(each) for each in errors]
    columns = _head(records, counts)
    statuses = pa.array([record.get("status", 422) for record in records], pa.int32())
    columns["status"] = _repeated(statuses, counts)
    flat = list(chain.from_iterable(errors))
    columns["row"] = pa.array([row for row, _, _ in flat], pa.int32())
    columns["column"] = pa.array([column or None for _, column, _ in flat], pa.string())
    columns["rule"] = pa.array([rule for _, _, rule in flat], pa.string())
    return pa.table(columns)


def _head(records: Sequence[Record], counts: Sequence[int]) -> dict[str, Any]:
    """The columns that say which request a row belongs to."""
    import pyarrow as pa

    def column(name: str, kind: Any) -> Any:
        return _repeated(pa.array([record.get(name) for record in records], kind), counts)

    seconds = pa.array([record.get("us", 0) / 1e6 for record in records], pa.float64())
    text = pa.string()
    return {
        "time": column("t", pa.timestamp("us", "UTC")),
        "request_id": column("id", text),
        "wheel": column("w", text),
        "route": column("route", text),
        "key": column("key", text),
        "trace": column("trace", text),
        "seconds": _repeated(seconds, counts),
    }


def _repeated(values: Any, counts: Sequence[int]) -> Any:
    """Each value as often as its request has rows."""
    import numpy as np

    if all(count == 1 for count in counts):
        return values
    return values.take(np.repeat(np.arange(len(counts)), counts))


def _answers(facts: Mapping[str, Any], records: Sequence[Record]) -> dict[str, Any]:
    """The columns with what the model said."""
    import numpy as np
    import pyarrow as pa

    scores = list(chain.from_iterable(record["scores"] for record in records))
    if facts["task"] == "regression":
        return {"prediction": pa.array(scores, pa.float64())}
    classes = facts["classes"]
    decided = list(chain.from_iterable(record["decided"] for record in records))
    matrix = np.array(scores, dtype=np.float64).reshape(len(scores), len(classes))
    answers = {"prediction": _labels(classes).take(pa.array(decided, pa.int64()))}
    for position, label in enumerate(classes):
        answers[f"probability_{label}"] = pa.array(matrix[:, position])
    return answers


def _labels(classes: Sequence[Any]) -> Any:
    import pyarrow as pa

    kinds = {type(label) for label in classes}
    for kind, arrow in ((str, pa.string()), (bool, pa.bool_()), (int, pa.int64())):
        if kinds == {kind}:
            return pa.array(classes, arrow)
    return pa.array([json.dumps(label) for label in classes], pa.string())


def _unseen(records: Sequence[Record], counts: Sequence[int]) -> Any:
    """The names of the columns with values that the model has never seen, joined by commas; null in most rows."""
    import pyarrow as pa

    texts: list[str | None] = [None] * sum(counts)
    start = 0
    for record, count in zip(records, counts, strict=True):
        for row, column in record.get("unseen", ()):
            place = start + row - record.get("first", 0)
            before = texts[place]
            texts[place] = column if before is None else f"{before},{column}"
        start += count
    return pa.array(texts, pa.string())


def _typed(values: Sequence[Any], kind: str, name: str, others: dict[int, dict[str, Any]]) -> Any:
    """The values of a column. What its type cannot hold exactly goes into `others`, by row and name, as it was."""
    import pyarrow as pa

    arrow, fast = _FAST[kind]
    target = getattr(pa, arrow)(*(["us"] if arrow in ("timestamp", "time64") else []))
    try:
        array = pa.array(fast(values) if fast else values, pa.string() if kind in _PARSED else target)
        return array.cast(target) if kind in _PARSED else array
    except (pa.ArrowException, OverflowError, TypeError, ValueError):
        pass
    held = []
    for row, value in enumerate(values):
        kept, exact = _one(value, kind)
        held.append(kept)
        if not exact:
            others.setdefault(row, {})[name] = value
    return pa.array(held, target)


def _one(value: Any, kind: str) -> tuple[Any, bool]:
    """A value as its column holds it, and whether that is all of it."""
    if value is None:
        return None, True
    with suppress(ValueError, TypeError, OverflowError):
        if kind == "integer" and type(value) is int:
            return (value, True) if -(2**63) <= value < 2**63 else (None, False)
        if kind == "float" and type(value) in (int, float):
            return float(value), float(value) == value
        if kind == "boolean" and type(value) is bool:
            return value, True
        if kind == "date":
            return date.fromisoformat(value), True
        if kind == "datetime":
            moment = datetime.fromisoformat(value)
            return (moment, True) if moment.tzinfo is None else (moment.astimezone(UTC).replace(tzinfo=None), False)
        if kind == "time":
            return time.fromisoformat(value).replace(tzinfo=None), time.fromisoformat(value).tzinfo is None
        if kind in ("string", "duration") and type(value) is str:
            return value, True
    return None, False


def _json_texts(values: Sequence[Any]) -> list[str | None]:
    return [None if value is None else json.dumps(value, ensure_ascii=False) for value in values]


_PARSED = ("date", "datetime", "time")  # Arrow makes these from text
_FAST: dict[str, tuple[str, Callable[[Sequence[Any]], Sequence[Any]] | None]] = {
    "integer": ("int64", None),
    "float": ("float64", None),
    "boolean": ("bool_", None),
    "string": ("string", None),
    "date": ("date32", None),
    "datetime": ("timestamp", None),
    "time": ("time64", None),
    "duration": ("string", None),
    "json": ("string", _json_texts),
}


def _grouped(records: Sequence[Record]) -> dict[tuple[str, int, Kind], list[Record]]:
    """The records of each release and day, answered and refused ones apart."""

    def key(record: Record) -> tuple[str, int, Kind]:
        return record["w"], record["t"] // DAY, "predictions" if "rows" in record else "refused"

    groups: dict[tuple[str, int, Kind], list[Record]] = {}
    for found, run in groupby(records, key):
        groups.setdefault(found, []).extend(run)
    return groups


def _date(day: int) -> date:
    return date(1970, 1, 1) + timedelta(days=day)


def _sorted_by_time(table: Any) -> Any:
    import pyarrow.compute as pc

    times = table["time"]
    if pc.all(pc.less_equal(times[:-1], times[1:])).as_py() is not False:
        return table
    return table.sort_by([("time", "ascending"), ("request_id", "ascending"), ("row", "ascending")])


def _with_parts(tables: Sequence[LogTable]) -> list[LogTable]:
    """Clear `part`, which is the wheel, where it tells nothing apart."""

    def place(table: LogTable) -> tuple[Any, ...]:
        return table.kind, table.release, table.version, table.day

    places = [place(table) for table in tables]
    return [table if places.count(place(table)) > 1 else replace(table, part="") for table in tables]
