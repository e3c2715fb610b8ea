"""A Parquet file that is read batch by batch gives what reading it at once gives."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.steps.export_streams import streamed_chunks, streamed_columns
from seatrial.template.reading.arrow_types import plain_table
from seatrial.template.reading.conversion import read_export
from seatrial.template.reading.rules import ReadingRules
from seatrial.template.records import ColumnRules, TableSource

COLUMNS = {
    "age": ColumnRules("Age", "number", also_missing=("-999", "99.5")),
    "count": ColumnRules("count", "integer"),
    "plan": ColumnRules("plan", "category"),
    "zip": ColumnRules("zip", "code", width=5),
    "note": ColumnRules("note", "text"),
    "open": ColumnRules("open", "boolean"),
}
RULES = ReadingRules(columns=COLUMNS)
NUMBERS = st.one_of(
    st.none(), st.sampled_from([-999.0, 99.5, 0.0, -0.0, np.inf, -np.inf, np.nan]), st.floats(-1e6, 1e6)
)
TEXTS = st.one_of(st.none(), st.sampled_from(["NA", " na ", "", "x", " x", "12", "007.0", "ü\n", "None", "true"]))
ROWS = st.lists(
    st.tuples(
        NUMBERS,
        st.one_of(st.none(), st.integers(-1000, 2**53)),
        TEXTS,
        TEXTS,
        TEXTS,
        st.sampled_from([True, None, False]),
    ),
    min_size=1,
    max_size=20,
)
TYPES = [pa.float64(), pa.int64(), pa.string(), pa.large_string(), pa.string(), pa.bool_()]


def table_of(rows: list[tuple[object, ...]]) -> pa.Table:
    names = ["Age", "count", "plan", "zip", "note", "open"]
    return pa.table(
        [pa.array(column, kind) for column, kind in zip(zip(*rows, strict=True), TYPES, strict=True)], names
    )


def plain(values: object) -> list[object]:
    return [None if value is None or value != value else value for value in list(values)]  # type: ignore[call-overload] # noqa: PLR0124 - NaN


@settings(max_examples=60, deadline=None)
@given(ROWS)
def test_every_cell_is_read_as_when_the_file_is_read_at_once(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[object, ...]]
) -> None:
    path = tmp_path_factory.mktemp("streams") / "rows.parquet"
    pq.write_table(table_of(rows), path)
    columns = streamed_columns(pq.read_schema(path), path.name, RULES, list(COLUMNS), {})
    assert columns is not None
    (chunk,) = streamed_chunks(path, columns, RULES, [], keep=["zip"])
    at_once = read_export(TableSource(path.name, plain_table(pq.read_table(path))), RULES, [])
    for name in COLUMNS:
        assert plain(chunk.columns[name]) == plain(at_once.columns[name].as_array()), name
    assert chunk.kept["zip"].to_pylist() == [row[3] for row in rows]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("count", ["1", "2"]),  # texts of numbers: their decimal mark is found in all of them
        ("open", [1.5, 0.0]),
        ("since", ["2024-01-31", "2024-02-01"]),  # dates: so is their format
        ("share", [0.5, 0.1]),  # in %: fractions are refused
    ],
)
def test_columns_that_are_understood_together_are_not_streamed(name: str, values: list[object]) -> None:
    rules = ReadingRules(
        columns={**COLUMNS, "since": ColumnRules("since", "date"), "share": ColumnRules("share", "number", unit="%")}
    )
    schema = pa.table({name: values}).schema
    assert streamed_columns(schema, "rows", rules, [name], {}) is None


def test_partitions_are_columns_and_are_read_by_the_rules(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"Age": [1.5, 2.5]}), path)
    columns = streamed_columns(pq.read_schema(path), path.name, RULES, list(COLUMNS), {"count": "7", "plan": "NA"})
    assert columns is not None
    notes: list[str] = []
    (chunk,) = streamed_chunks(path, columns, RULES, notes)
    assert chunk.columns["age"].tolist() == [1.5, 2.5]
    assert list(chunk.columns["count"]) == [7, 7]
    assert list(chunk.columns["plan"]) == [None, None]


@pytest.mark.parametrize("groups", [100, 3])
def test_distinct_texts_that_batches_share_are_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, groups: int
) -> None:
    path = tmp_path / "rows.parquet"
    plans = ["a", "NA", "b ", None, "a", "b ", "c", "a", "c"]
    pq.write_table(pa.table({"plan": plans, "zip": [f"{n % 2}" for n in range(9)]}), path, row_group_size=groups)
    columns = streamed_columns(pq.read_schema(path), path.name, RULES, list(COLUMNS), {})
    assert columns is not None
    read: list[TableSource] = []
    monkeypatch.setattr("seatrial.steps.export_streams.CHUNK", 2)
    monkeypatch.setattr(
        "seatrial.steps.export_streams.read_export",
        lambda source, *given: read.append(source) or read_export(source, *given),
    )
    notes: list[str] = []
    chunks = list(streamed_chunks(path, columns, RULES, notes))
    assert len(chunks) > 3
    assert [value for chunk in chunks for value in plain(chunk.columns["plan"])] == [
        None if plan in ("NA", None) else plan.strip() for plan in plans
    ]
    assert [value for chunk in chunks for value in plain(chunk.columns["zip"])] == [f"0000{n % 2}" for n in range(9)]
    assert len(read) == (1 if groups == 100 else 3)
    assert [note.partition(":")[0] for note in notes] == ["plan", "zip"]
