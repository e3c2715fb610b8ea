"""Tables and streams in, Arrow out: the answers that rows get, whatever the kind of table and the size of its batches."""

import datetime as dt
import itertools
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conftest import TITANIC

from seatrial import Schema
from seatrial.core.errors import DataError, SeatrialError
from seatrial.model.arrow_sources import rechunked
from seatrial.model.bad_rows import BadRows
from seatrial.model.table_files import from_arrow
from seatrial.model.table_validation import TableChecker, rows_of

FRAME = pd.read_csv(TITANIC / "data" / "titanic.csv").drop(columns=["survived"]).head(150).assign(key=range(1000, 1150))
TABLE = pa.Table.from_pandas(FRAME, preserve_index=False)
BAD = TABLE.set_column(
    TABLE.column_names.index("age"), "age", pa.array([-1.0, *FRAME["age"][1:-1], 200.0], from_pandas=True)
)
KINDS = {
    "Arrow table": lambda: TABLE,
    "Arrow stream": lambda: TABLE.to_reader(7),
    "pandas": lambda: FRAME,
    "polars": lambda: pl.from_pandas(FRAME),
    "arrays": lambda: {name: FRAME[name].to_numpy() for name in FRAME},
    "Arrow dictionaries": lambda: pa.table({n: _encoded(TABLE[n]) for n in TABLE.column_names}),
}


def _encoded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.dictionary_encode() if pa.types.is_string(column.type) else column


@pytest.fixture(scope="module")
def answers(titanic) -> list[dict]:
    """What the rows get, one by one."""
    return titanic.predict(TABLE.select([column.name for column in titanic.columns]).to_pylist())


@pytest.mark.parametrize("kind", KINDS)
def test_a_table_of_any_kind_gets_what_its_rows_get(titanic, answers, kind: str):
    predicted = titanic.predict_table(KINDS[kind](), keep=["key"])
    assert predicted.column_names == ["key", "prediction", "probability_0", "probability_1", "warnings"]
    assert predicted["key"].to_pylist() == FRAME["key"].tolist()
    assert predicted["prediction"].to_pylist() == [answer["prediction"] for answer in answers]
    expected = np.array([answer["probabilities"]["1"] for answer in answers])
    assert np.abs(predicted["probability_1"].to_numpy() - expected).max() <= 1e-12
    if kind == "Arrow table":
        assert predicted.schema == titanic.output_schema(["key"], source=TABLE.schema)


@settings(max_examples=25, deadline=None)
@given(sizes=st.lists(st.integers(0, 60), max_size=8), size=st.integers(1, 70))
def test_batches_are_put_together_and_divided_without_losing_a_row(sizes: list[int], size: int):
    ends = np.minimum(np.cumsum([0, *sizes, 1000]), len(FRAME))
    batches = [TABLE.slice(a, b - a).combine_chunks().to_batches() for a, b in itertools.pairwise(ends)]
    parts = list(rechunked((batch for part in batches for batch in part), size))
    assert all(part.num_rows == size for part in parts[:-1])
    assert pa.Table.from_batches(parts, schema=TABLE.schema).equals(TABLE)


@settings(max_examples=10, deadline=None)
@given(size=st.integers(1, 150), policy=st.sampled_from(["drop", "keep"]))
def test_a_stream_gets_what_the_whole_table_gets(titanic, size: int, policy: str):
    whole = titanic.predict_table(BAD, keep=["key"], on_bad_rows=policy)
    parts = list(titanic.predict_batches(iter(BAD.to_batches(size)), keep=["key"], on_bad_rows=policy))
    assert pa.Table.from_batches(parts).equals(whole)
    assert whole.schema == titanic.output_schema(["key"], policy, source=BAD.schema)


TYPES = pa.schema({"pclass": pa.int32(), "name": pa.string(), "sex": pa.string(), "age": pa.float64()})
TYPES = pa.unify_schemas([TYPES, pa.schema({"sibsp": pa.int64(), "parch": pa.uint8(), "fare": pa.float64()})])
ROWS = st.fixed_dictionaries(
    {
        "pclass": st.integers(0, 4),
        "name": st.sampled_from(["Rose, Miss. A", "", "x" * 121, "Ærø, Dr. B", "no title"]),
        "sex": st.sampled_from(["female", "male", "x"]),
        "age": st.none() | st.floats(-1, 131),
        "sibsp": st.integers(-1, 2**53 + 2),
        "parch": st.integers(0, 9),
        "fare": st.none() | st.floats(-1, 1e150) | st.sampled_from([-0.0, 5e-324, 1e151]),
    }
)


@settings(max_examples=25, deadline=None)
@given(rows=st.lists(ROWS, min_size=1, max_size=30), size=st.integers(1, 30))
def test_rows_of_all_kinds_get_in_streams_what_they_get_alone(titanic, rows: list[dict], size: int):
    table = pa.Table.from_pylist(rows, schema=TYPES)
    parts = titanic.predict_batches(table.to_batches(size), on_bad_rows="keep")
    for row, found in zip(rows, pa.Table.from_batches(parts).to_pylist(), strict=True):
        try:
            (alone,) = titanic.predict([row])
        except SeatrialError:
            assert found["prediction"] is None
            assert found["bad_column"] in row
        else:
            assert found["bad_column"] is None
            assert found["prediction"] == alone["prediction"]
            assert abs(found["probability_1"] - alone["probabilities"]["1"]) <= 1e-12


def test_a_bad_row_is_named_by_its_key_dropped_or_kept_with_the_reason(titanic):
    with pytest.raises(DataError, match=r"2 of 150 rows break the schema.*\n.*key 1000, column age: '-1.0'"):
        titanic.predict_table(BAD, keep=["key"])
    with pytest.raises(DataError, match="row 1, column age"):
        titanic.predict_table(BAD)
    bad = BadRows()
    dropped = titanic.predict_table(BAD, keep=["key"], on_bad_rows="drop", bad=bad)
    assert (dropped.num_rows, bad.rows, dropped["key"][0].as_py()) == (148, 2, 1001)
    kept = titanic.predict_table(BAD, keep=["key"], on_bad_rows="keep").to_pylist()
    assert (kept[0]["prediction"], kept[0]["bad_column"], kept[0]["bad_value"]) == (None, "age", "-1.0")
    assert kept[0]["bad_rule"] == "Input should be greater than or equal to 0"
    assert (kept[1]["prediction"], kept[1]["bad_rule"]) == (dropped["prediction"][0].as_py(), None)


def test_a_table_without_rows_gives_one_without_rows(titanic):
    empty = titanic.predict_table(TABLE.slice(0, 0), keep=["key"])
    assert empty.schema == titanic.output_schema(["key"], source=TABLE.schema)
    assert empty.num_rows == 0
    assert list(titanic.predict_batches([])) == []


def test_a_column_that_the_model_does_not_need_is_not_converted(titanic):
    class Unreadable(pa.ExtensionType):
        def __init__(self):
            super().__init__(pa.int64(), "unreadable")

        def __arrow_ext_serialize__(self):
            return b""

    strange = pa.ExtensionArray.from_storage(Unreadable(), pa.array(range(150)))
    assert titanic.predict_table(TABLE.append_column("strange", strange)).num_rows == 150


REFUSED = {
    "no column 'id' to keep": lambda release: release.predict_table(TABLE, keep=["id"]),
    "no column 'ids' to keep": lambda release: release.predict_table(FRAME, keep=["ids"]),
    "has no column `sex`": lambda release: release.predict_table(TABLE.drop_columns("sex")),
    "no column `pclass`": lambda release: release.predict_table(TABLE.select(["age"]).slice(0, 0)),
    "two columns called 'sex'": lambda release: release.predict_table(TABLE.append_column("sex", TABLE["sex"])),
    "on_bad_rows is 'ignore'": lambda release: release.predict_table(TABLE, on_bad_rows="ignore"),
    "Not a record batch: Table": lambda release: list(release.predict_batches([TABLE])),
    "Not a record batch: NoneType": lambda release: list(release.predict_batches(None)),
    "cannot be read: .* children": lambda release: list(
        release.predict_batches([TABLE.to_batches()[0], TABLE.drop_columns("age").to_batches()[0]])
    ),
    "cannot be read: .* tried to convert": lambda release: release.predict_table(
        {"age": np.array([1, "a"], dtype=object)}
    ),
    "cannot be read: 'int' object is not iterable": lambda release: release.predict_table({"pclass": 1}),
    r"cannot be read: .* can't encode character": lambda release: release.predict_table({"age": ["\ud800"]}),
    "cannot be read: Could not convert": lambda release: release.predict_table(FRAME.assign(k=[1, "a"] * 75), keep="k"),
    "Not a table: list": lambda release: release.predict_table([{"age": 1}]),
    "would have two columns called 'key'": lambda release: release.predict_table(TABLE, keep=["key", "key"]),
    "types of the kept columns key are not known": lambda release: release.output_schema(["key"]),
    "two columns called 'prediction'": lambda release: release.predict_table(
        TABLE.rename_columns({"key": "prediction"}), keep=["prediction"]
    ),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_cannot_be_predicted_is_refused_with_what_to_do(titanic, message: str):
    with pytest.raises(SeatrialError, match=message) as raised:
        REFUSED[message](titanic)
    assert raised.value.hint


class Typed(Schema):
    """A column of each type."""

    x: float | None = None
    n: int | None = None
    b: bool | None = None
    d: dt.date | None = None
    t: dt.datetime | None = None
    s: str | None = None


NOON = dt.datetime(2024, 1, 2, 12)
COLUMNS = [
    ("x", pa.array([Decimal("1.50"), None], pa.decimal128(10, 2)), [1.5, None]),
    ("x", pa.array([1.5, None], pa.float16()), [1.5, None]),
    ("x", pa.array([True, None]), "row 1, column x: 'True': Input should be a number"),
    ("x", pa.array([np.inf]), "row 1, column x: 'inf': Input should be a finite number"),
    ("x", pa.nulls(2), [None, None]),
    ("n", pa.array([Decimal("7"), None], pa.decimal128(10, 0)), [7, None]),
    ("n", pa.array([2**63 + 5], pa.uint64()), "row 1, column n: '9223372036854775813': Input should be less than"),
    ("n", pa.array([2**53 + 1, None]), "row 1, column n: '9007199254740993': Input should be less than"),
    ("n", pa.array([2**53, None]), [2**53, None]),
    ("n", pa.array([1, None, 1]).dictionary_encode(), [1, None, 1]),
    ("n", pa.array([1.0, None]), [1, None]),
    ("n", pa.array([1.5, None]), "row 1, column n: '1.5': Input should be a valid integer"),
    ("b", pa.array([True, None, False]), [True, None, False]),
    ("d", pa.array([NOON.date(), None], pa.date64()), [NOON.date(), None]),
    ("t", pa.array([NOON, None], pa.timestamp("s")), [NOON, None]),
    ("t", pa.array([1_704_196_800_000_000_001, None], pa.timestamp("ns")), [NOON, None]),
    ("s", pa.array(["a", None], pa.large_string()), ["a", None]),
    ("s", pa.array(["a", None], pa.string_view()), ["a", None]),
    ("s", pa.array(["a", None, "a"]).dictionary_encode(), ["a", None, "a"]),
    ("s", pa.DictionaryArray.from_arrays(pa.array([0, None], pa.int8()), list(map(str, range(128)))), ["0", None]),
    ("s", pa.array([b"a"]), "row 1, column s: \"b'a'\": Input should be a valid string"),
]


@pytest.mark.parametrize(("name", "values", "expected"), COLUMNS, ids=lambda part: str(getattr(part, "type", "")))
def test_columns_of_every_arrow_type_are_read_as_a_user_expects(name: str, values: pa.Array, expected):
    checker = TableChecker(Typed)
    columns, problems = checker.check(
        {**{c.name: [None] * len(values) for c in checker.columns}, name: from_arrow(values, name)}
    )
    if isinstance(expected, str):
        assert str(problems[0]).startswith(expected)
        return
    found = [row[name] for row in rows_of(checker.columns, columns)]
    assert (problems, found) == ([], expected)
    assert [type(value) for value in found] == [type(value) for value in expected]


UNREADABLE = [
    (pa.array([2**62], pa.timestamp("s")), r"Column `s` has values of timestamp\[s\] that cannot be read"),
    (pa.array([2**30], pa.date32()), r"Column `s` has values of date32\[day\] that cannot be read"),
    (pa.array([b"\xff"]).view(pa.string()), r"Column `s` has values of string that cannot be read: 'utf-8' codec"),
]


@pytest.mark.parametrize(("values", "message"), UNREADABLE, ids=lambda part: str(getattr(part, "type", "")))
def test_values_that_python_does_not_have_are_an_error_with_their_column(values: pa.Array, message: str) -> None:
    with pytest.raises(SeatrialError, match=message):
        from_arrow(values, "s")
