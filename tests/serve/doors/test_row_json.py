"""Tables as rows in JSON: the parser finds the same values, whatever the form in which they came."""

import datetime as dt
import json
import math
from types import SimpleNamespace
from typing import Any, Literal

import pytest
from pydantic import Field

from seatrial import Schema
from seatrial.model.row_validation import RowError, RowParser
from seatrial.model.schema import columns_of
from seatrial.serve.doors.row_json import from_columns, from_lists, from_rows, from_split
from seatrial.serve.doors.tensors import TensorReader, plain_tensors
from seatrial.serve.doors.texts import read_csv, read_json_lines


class Mixed(Schema):
    """A column of every kind."""

    ratio: float
    whole: int | None
    flag: bool | None
    level: Literal[1, 2, 3]
    kind: Literal["a", "b"] | None
    day: dt.date
    text: str | None = None
    parts: list[int] = Field(default_factory=list)


RELEASE: Any = SimpleNamespace(schema=Mixed, columns=columns_of(Mixed), row_limit=4)
NAMES = list(Mixed.model_fields)
ROW = {"ratio": 0.1, "whole": 3, "flag": True, "level": 2, "kind": "b", "day": "2024-01-31", "text": "é", "parts": [1]}
GAPS = {**ROW, "whole": None, "flag": None, "kind": None, "text": None, "parts": []}


def parsed(body: bytes) -> list[Schema]:
    return RowParser(Mixed).parse(body)


@pytest.fixture
def expected() -> list[Schema]:
    return [Mixed.model_validate_json(json.dumps(row)) for row in (ROW, GAPS)]


def test_rows_columns_and_lists_are_the_same_table(expected: list[Schema]) -> None:
    columns = {name: [ROW[name], GAPS[name]] for name in NAMES}
    lists = [list(ROW.values()), list(GAPS.values())]
    assert parsed(from_rows(RELEASE, [ROW, GAPS])) == expected
    assert parsed(from_rows(RELEASE, lists)) == expected
    assert parsed(from_columns(RELEASE, NAMES, list(columns.values()))) == expected
    assert parsed(from_lists(RELEASE, NAMES, lists)) == expected
    assert parsed(from_split(RELEASE, {"columns": NAMES, "index": ["x", "y"], "data": lists})) == expected
    assert parsed(from_split(RELEASE, {"data": lists})) == expected


def test_numbers_may_have_the_other_type_where_they_are_whole(expected: list[Schema]) -> None:
    assert parsed(from_rows(RELEASE, [{**ROW, "whole": 3.0, "level": 2.0}])) == expected[:1]
    assert parsed(from_columns(RELEASE, NAMES, [[v] for v in {**ROW, "ratio": 3}.values()]))[0].ratio == 3.0  # type: ignore[attr-defined]
    for wrong in ({"whole": 3.5}, {"whole": True}, {"ratio": True}, {"flag": 1}, {"level": "2"}, {"whole": "3"}):
        with pytest.raises(RowError) as caught:
            parsed(from_rows(RELEASE, [{**ROW, **wrong}]))
        assert caught.value.errors[0]["loc"] == ["body", 0, *wrong]


def test_nan_is_missing_and_an_infinity_is_not(expected: list[Schema]) -> None:
    nan = math.nan
    gaps = {name: nan if GAPS[name] is None else GAPS[name] for name in NAMES}
    assert parsed(from_rows(RELEASE, [gaps])) == expected[1:]
    assert parsed(from_columns(RELEASE, NAMES, [[value] * 2 for value in gaps.values()])) == [expected[1]] * 2
    for value in (math.inf, -math.inf):
        with pytest.raises(RowError, match="finite number"):
            parsed(from_rows(RELEASE, [{**ROW, "ratio": value}]))


@pytest.mark.parametrize("value", [0.1, 1 / 3, 5e-324, 1e22, 123456789.123456789, -0.0, 2.0**53, 1e-7])
def test_a_number_arrives_bit_by_bit(value: float) -> None:
    for body in (from_rows(RELEASE, [{**ROW, "ratio": value}]), from_columns(RELEASE, ["ratio"], [[value, value]])):
        found = body.decode().partition('"ratio":')[2].partition(",")[0].rstrip("}]")
        assert math.copysign(1, float(found)) == math.copysign(1, value)
        assert float(found) == value


def test_more_rows_than_the_limit_are_refused_in_every_form() -> None:
    lists = [list(ROW.values())] * 5
    csv = (",".join(["1"] * len(NAMES)) + "\n") * 5
    for translate in (
        lambda: from_rows(RELEASE, [ROW] * 5),
        lambda: from_columns(RELEASE, ["ratio"], [[1.0] * 5]),
        lambda: from_lists(RELEASE, NAMES, lists),
        lambda: read_csv(RELEASE, csv.encode()),
        lambda: read_json_lines(RELEASE, b"{}\n" * 5),
    ):
        with pytest.raises(RowError, match="at most 4 items after validation, not 5"):
            translate()


def test_csv_cells_have_the_types_of_their_columns(expected: list[Schema]) -> None:
    text = "ratio,whole,flag,level,kind,day,text\n0.1,3,yes,2,b,2024-01-31,é\n0.1,,,2.0,,2024-01-31,\n"
    rows = parsed(read_csv(RELEASE, text.encode()))
    assert [row.model_copy(update={"parts": []}) for row in rows] == [
        row.model_copy(update={"parts": []}) for row in expected
    ]


def tensor(name: str, kind: str, data: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "datatype": kind, "shape": [len(data)], "data": data, **more}


def test_plain_tensors_are_read_at_once_and_others_are_left_to_the_reader() -> None:
    good = [tensor("flag", "BOOL", [True, None]), tensor("ratio", "FP64", [1.5, 2])]
    assert plain_tensors(good) == (["flag", "ratio"], [[True, None], [1.5, 2]])
    assert [TensorReader(b"").read(each) for each in good] == [("flag", [True, None]), ("ratio", [1.5, 2])]
    for other in (
        tensor("flag", "BOOL", [True, True], parameters={}),
        tensor("flag", "BOOL", [True, True], shape=[2, 1]),
        tensor("flag", "BOOL", [True]),
        tensor("flag", "BOOL", [True], shape=[True]),
        tensor("flag", "BOOL", [True], shape=[1.0]),
        tensor("flag", "BOOLEAN", [True, True]),
        tensor("flag", ["BOOL"], [True, True]),  # type: ignore[arg-type]
        tensor(7, "BOOL", [True, True]),  # type: ignore[arg-type]
        "flag",
    ):
        assert plain_tensors([good[1], other]) is None  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("kind", "data", "values"),
    [
        ("BOOL", b"\0\1\2", [False, True, True]),
        ("INT8", b"\xff\0\x7f", [-1, 0, 127]),
        ("UINT16", b"\xff\xff\0\0\1\0", [65535, 0, 1]),
        ("UINT64", b"\xff" * 8, [2**64 - 1]),
        ("FP16", b"\0\x3c", [1.0]),
        ("FP32", b"\0\0\0\x3f\0\0\xc0\x7f", [0.5, math.nan]),
        ("BYTES", b"\2\0\0\0\xc3\xa9\0\0\0\0", ["é", None]),
    ],
)
def test_binary_data_is_little_endian(kind: str, data: bytes, values: list[Any]) -> None:
    one = {"name": "x", "datatype": kind, "shape": [len(values)], "parameters": {"binary_data_size": len(data)}}
    reader = TensorReader(data)
    assert repr(reader.read(one)) == repr(("x", values))
    reader.finish()
