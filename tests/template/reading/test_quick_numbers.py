"""Columns of plain numbers that are read at once give what reading their cells one by one gives, with the same words."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.core.errors import SeatrialError
from seatrial.template.reading import conversion
from seatrial.template.reading.conversion import read_export
from seatrial.template.reading.quick_numbers import quick_numbers
from seatrial.template.reading.rules import ReadingRules
from seatrial.template.records import ColumnRules, DecimalMark, TableSource

PLAIN = ["1", "-2", "0", "3.0", "0.5", "-1.25", "12", "1e3", "+4", ".5", "7."]
OTHER = [
    "",
    "NA",
    "nan",
    "-999",
    " 1",
    "1,5",
    "1.234",
    "1.234.567",
    "007",
    "inf",
    "-inf",
    "1e999",
    "5 kg",
    "50 %",
    "x",
    "9" * 20,
]
COLUMNS = st.one_of(
    st.lists(st.sampled_from(PLAIN), min_size=1, max_size=6),
    st.lists(st.sampled_from([*PLAIN[:6], "", "NA", "-999"]), min_size=1, max_size=6),
    st.lists(st.sampled_from([*PLAIN, *OTHER]), min_size=1, max_size=6),
)
RULES = st.builds(
    ColumnRules,
    st.just("x"),
    st.sampled_from(["integer", "number"]),
    also_missing=st.sampled_from([(), ("-999",), ("0",)]),
    decimal=st.sampled_from(["", ".", ","]),
    thousands=st.sampled_from(["", ".", ","]),
    unit=st.sampled_from(["", "%", "kg"]),
)


def outcome(read: Callable[[], Any]) -> Any:
    try:
        export = read()
    except SeatrialError as error:
        return error.message
    return [
        export.notes,
        export.plain,
        *([plain(value) for value in column.as_array()] for column in export.columns.values()),
    ]


def plain(value: Any) -> Any:
    missing = value is None or value != value  # noqa: PLR0124 - NaN
    return None if missing else float(value) if isinstance(value, int) else value


@settings(max_examples=300, deadline=None)
@given(COLUMNS, RULES, COLUMNS, RULES, st.sampled_from(["", ".", ","]), st.sampled_from(["", ".", ","]), st.booleans())
def test_the_same_is_read_and_said(
    one: list[str],
    rule: ColumnRules,
    two: list[str],
    other: ColumnRules,
    shown: str,
    mark: str,
    certain: bool,
) -> None:
    rows = min(len(one), len(two))
    table = pa.table({"x": one[:rows], "y": two[:rows]})
    rules = ReadingRules(columns={"x": rule, "y": replace(other, source="y")}, decimal=shown)
    source = TableSource("rows.csv", table, decimal=DecimalMark(mark, certain and bool(mark)), separator=",")
    quickly = outcome(lambda: read_export(source, rules, []))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conversion, "quick_numbers", lambda *_: None)
        assert quickly == outcome(lambda: read_export(source, rules, []))


def test_plain_numbers_are_read_at_once() -> None:
    source, rules = TableSource("rows.csv", pa.table({})), ReadingRules()
    column = ColumnRules("x", "number", decimal=".")
    found = quick_numbers(pa.array(["1", "NA", "2.5", "1", ""]), source, rules, column, frozenset({"", "na"}))
    assert found is not None
    assert [found.distinct[code] for code in found.codes] == [1.0, None, 2.5, 1.0, None]
    assert found.missing_text == "NA"
