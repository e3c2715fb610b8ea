"""Records become tables whose columns have the schema's own types, and no value is lost or changed."""

import datetime as dt
import json
import math
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.prediction_log.log_lines import FACTS, NOON, line, refusal

from seatrial.core.errors import SeatrialError
from seatrial.prediction_log.segments import parse_lines
from seatrial.prediction_log.tables import DAY, log_tables, predictions_table, refused_table

ODD = [
    "",
    " ",
    "a,b",
    'the "x"',
    "tab\t",
    "line\r\nbreak",
    "\0",
    "\\.",
    "é",
    "\U0001f6a2",
    "null",
    "NaN",
    "\ufeff",
    "'; --",
]


def facts(**types: str) -> dict[str, Any]:
    return {**FACTS, "columns": [{"name": name, "type": kind, "hashed": False} for name, kind in types.items()]}


def column(kind: str, *values: Any) -> tuple[Any, list[Any], list[Any]]:
    """The type, the values and the other values of a column, after the way through a segment's text."""
    text = json.dumps(line(1, [[value] for value in values])).encode() + b"\n"
    table = predictions_table(facts(x=kind), parse_lines([text])[0])
    others = [other and json.loads(other)["x"] for other in table["other_values"].to_pylist()]
    return table.schema.field("input_x").type, table["input_x"].to_pylist(), others


def test_the_columns_and_their_types() -> None:
    table = predictions_table(FACTS, [line(1, key="shop", trace="t")])
    assert [(field.name, str(field.type)) for field in table.schema] == [
        ("time", "timestamp[us, tz=UTC]"),
        ("request_id", "string"),
        ("row", "int32"),
        ("wheel", "string"),
        ("route", "string"),
        ("key", "string"),
        ("trace", "string"),
        ("seconds", "double"),
        ("input_size", "double"),
        ("input_count", "int64"),
        ("input_kind", "string"),
        ("prediction", "string"),
        ("probability_no", "double"),
        ("probability_yes", "double"),
        ("unseen", "string"),
        ("other_values", "string"),
    ]
    (row,) = table.to_pylist()
    assert row["time"] == dt.datetime(2025, 11, 30, 12, 0, 0, 1, dt.UTC)
    assert (row["seconds"], row["key"], row["trace"], row["prediction"]) == (0.00025, "shop", "t", "yes")


@pytest.mark.parametrize(
    ("kind", "arrow", "values"),
    [
        ("integer", pa.int64(), [1, None, -(2**63), 2**63 - 1]),
        ("float", pa.float64(), [1.5, None, -0.0, 5e-324, 1e308, 0.1]),
        ("boolean", pa.bool_(), [True, None, False]),
        ("string", pa.string(), [*ODD, None]),
        ("duration", pa.string(), ["P1DT2H", None]),
    ],
)
def test_values_of_each_type(kind: str, arrow: Any, values: list[Any]) -> None:
    assert column(kind, *values) == (arrow, values, [None] * len(values))


def test_dates_and_times() -> None:
    day, moment, hour = dt.date(2024, 2, 29), dt.datetime(2024, 2, 29, 1, 2, 3, 4), dt.time(1, 2, 3, 4)
    assert column("date", "2024-02-29", None, "0001-01-01") == (pa.date32(), [day, None, dt.date.min], [None] * 3)
    assert column("datetime", "2024-02-29T01:02:03.000004", None) == (pa.timestamp("us"), [moment, None], [None] * 2)
    assert column("datetime", "2024-02-29T01:02:03", "2024-02-29T01:02:03.000004")[1][1] == moment
    assert column("time", "01:02:03.000004", None) == (pa.time64("us"), [hour, None], [None] * 2)


def test_what_a_type_cannot_hold_is_kept_as_it_was() -> None:
    assert column("integer", 1, 2**63, -(10**30)) == (pa.int64(), [1, None, None], [None, 2**63, -(10**30)])
    aware = "2024-02-29T01:30:00+02:00"
    moments = [dt.datetime(2024, 2, 28, 23, 30), dt.datetime(2024, 1, 1)]
    assert column("datetime", aware, "2024-01-01T00:00:00") == (pa.timestamp("us"), moments, [aware, None])
    assert column("datetime", "2024-02-28T23:30:00Z")[1:] == (moments[:1], ["2024-02-28T23:30:00Z"])
    assert column("time", "10:00:00+01:00")[1:] == ([dt.time(10)], ["10:00:00+01:00"])
    assert column("float", 2**53 + 1, 0.5)[1:] == ([float(2**53), 0.5], [2**53 + 1, None])
    assert column("integer", "seven", 1)[1:] == ([None, 1], ["seven", None])


def test_other_values_are_json_texts_by_column() -> None:
    assert column("json", {"a": [1, "é"]}, None, "x")[1] == ['{"a": [1, "é"]}', None, '"x"']
    table = predictions_table(facts(a="integer", b="integer", c="integer"), [line(1, [[2**64, 1, -(2**64)]])])
    assert json.loads(table["other_values"][0].as_py()) == {"a": 2**64, "c": -(2**64)}


@given(st.lists(st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False)), min_size=1))
def test_floats_come_back_exactly(values: list[float | None]) -> None:
    found = column("float", *values)[1]
    assert [None if each is None else math.copysign(1, each) for each in found] == [
        None if each is None else math.copysign(1, each) for each in values
    ]
    assert found == values


@pytest.mark.parametrize(
    ("classes", "arrow"),
    [(["a", "b", "c"], pa.string()), ([0, 1, 2], pa.int64()), ([True, False], pa.bool_())],
)
def test_predictions_have_the_labels_type(classes: list[Any], arrow: Any) -> None:
    release = {**FACTS, "task": "multiclass", "classes": classes}
    scores = [[position == number for position in range(len(classes))] for number in range(len(classes))]
    rows = [[1.5, 2, "a"]] * len(classes)
    table = predictions_table(release, [line(1, rows, scores=scores, decided=list(range(len(classes))))])
    assert table["prediction"].type == arrow
    assert table["prediction"].to_pylist() == classes
    assert [table[f"probability_{label}"].to_pylist() for label in classes] == [
        [float(s) for s in row] for row in scores
    ]


def test_a_regression_has_numbers_and_no_probabilities() -> None:
    record = line(1, [[1.5, 2, "a"]] * 2, scores=[0.1, -3.0])
    del record["decided"]
    table = predictions_table({**FACTS, "task": "regression", "classes": []}, [record])
    assert table["prediction"].to_pylist() == [0.1, -3.0]
    assert not [name for name in table.column_names if name.startswith("probability")]


def test_rows_of_long_requests_keep_their_numbers_and_what_was_unseen() -> None:
    rows = [[float(number), number, "a"] for number in range(3)]
    records = [
        line(1, rows, unseen=[[1, "kind"], [1, "size"]]),
        line(2, rows[:1]),
        line(3, rows, part=2, first=100, unseen=[[102, "kind"]]),
    ]
    table = predictions_table(FACTS, records)
    assert table["row"].to_pylist() == [0, 1, 2, 0, 100, 101, 102]
    assert table["request_id"].to_pylist() == ["r1"] * 3 + ["r2"] + ["r3"] * 3
    assert table["unseen"].to_pylist() == [None, "kind,size", None, None, None, None, "kind"]
    assert table["input_count"].to_pylist() == [0, 1, 2, 0, 0, 1, 2]


def test_a_log_without_inputs_and_a_request_without_rows() -> None:
    table = predictions_table({**FACTS, "columns": []}, [line(1, [[], []]), line(2, [])])
    assert table["row"].to_pylist() == [0, 1]
    assert table["prediction"].to_pylist() == ["yes", "yes"]
    assert predictions_table(FACTS, [line(2, [])]).num_rows == 0


def test_refused_requests_have_a_row_for_each_error() -> None:
    table = refused_table([refusal(1, [[0, "size", "float_type"], [None, "", "extra_forbidden"]]), refusal(2, [])])
    assert [
        (row["request_id"], row["status"], row["row"], row["column"], row["rule"]) for row in table.to_pylist()
    ] == [
        ("r1", 422, 0, "size", "float_type"),
        ("r1", 422, None, None, "extra_forbidden"),
        ("r2", 422, None, None, None),
    ]


def test_a_segment_is_split_by_release_and_day() -> None:
    later = {**FACTS, "wheel": "w2", "version": "2.0", "columns": [*FACTS["columns"], {"name": "new", "type": "date"}]}  # type: ignore[misc]
    other = {**FACTS, "wheel": "w3", "name": "else"}
    schemas = {"w1": FACTS, "w2": later, "w3": other}
    chunks = [
        [line(DAY), line(3), line(1), refusal(2)],
        [line(2), line(4, [[1.0, 1, "a", "2024-01-31"]], w="w2"), line(5, w="w3")],
    ]
    tables = log_tables(schemas, chunks)
    assert [(t.kind, t.release, t.version, str(t.day), t.data["request_id"].to_pylist(), t.part) for t in tables] == [
        ("predictions", "shop", "1.0", "2025-11-30", ["r1", "r2", "r3"], ""),
        ("refused", "shop", "1.0", "2025-11-30", ["r2"], ""),
        ("predictions", "shop", "1.0", "2025-12-01", [f"r{DAY}"], ""),
        ("predictions", "shop", "2.0", "2025-11-30", ["r4"], ""),
        ("predictions", "else", "1.0", "2025-11-30", ["r5"], ""),
    ]
    with pytest.raises(KeyError):
        log_tables({}, chunks)


def test_two_wheels_of_one_version_in_a_segment_are_told_apart() -> None:
    tables = log_tables({"w1": FACTS, "w2": {**FACTS, "wheel": "w2"}}, [[line(1), line(2, w="w2")]])
    assert [table.part for table in tables] == ["w1", "w2"]


def test_a_release_that_is_unknown_is_an_error_that_says_so(tmp_path: Any) -> None:
    from seatrial.prediction_log.segments import Schemas

    with pytest.raises(SeatrialError, match=r"w1\.json does not exist"):
        log_tables(Schemas(tmp_path), [[line(1)]])


def test_the_day_is_that_of_utc() -> None:
    midnight = NOON + DAY // 2
    days = [str(table.day) for table in log_tables({"w1": FACTS}, [[line(midnight - 1 - NOON), line(midnight - NOON)]])]
    assert days == ["2025-11-30", "2025-12-01"]
