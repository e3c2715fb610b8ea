"""What people's own tables have around and in their cells: a sensible decision that is told, or a clear refusal."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.template.projects import examined, render, source_of
from tests.template.test_ugly import Write, column, refusal, table, told, works, write

from seatrial.template.inference.examination import examine
from seatrial.template.records import Examination, Overrides

__all__ = ["write"]  # the fixture


def facts(examination: Examination) -> dict[str, str]:
    return {fact.name: fact.value for fact in examination.source.facts}


# -- around the table


@pytest.mark.parametrize(
    ("above", "value"),
    [
        ("Report of the quarter,,\nby Finance,,\n,,\n", "3, the first 'Report of the quarter'"),
        ("Report of the quarter\n\n", "2, the first 'Report of the quarter'"),
        ("# exported 2024-01-01\n# by me\n", "2, the first '# exported 2024-01-01'"),
    ],
)
def test_lines_above_the_header_are_left_out(write: Write, tmp_path: Path, above: str, value: str) -> None:
    found = examined(write(above + table()), "y")
    assert (found.rows, facts(found)["lines above the header"]) == (40, value)
    assert [c.name for c in found.columns] == ["size", "colour"]
    works(found, tmp_path)
    lines = (above + table()).splitlines()
    broken = len(above.splitlines()) + 5
    lines[broken - 1] += ",more"
    assert f"line {broken} has 4 cells, the first line has 3." in refusal(write("\n".join(lines)))


def test_a_header_whose_first_name_is_missing_is_no_title(write: Write) -> None:
    text = table().replace("size,colour,y", ",colour,y", 1)
    assert "lines above the header" not in facts(examined(write(text), "y"))


def test_excels_line_for_its_separator(write: Write, tmp_path: Path) -> None:
    found = examined(write("sep=;\n" + table().replace(",", ";")), "y")
    assert (facts(found)["separator"], found.rows) == ("semicolon", 40)
    works(found, tmp_path)


def test_a_separator_at_the_end_of_each_line(write: Write, tmp_path: Path) -> None:
    lines = table().splitlines()
    found = examined(write("\n".join([lines[0], *(f"{line}," for line in lines[1:])])), "y")
    assert facts(found)["cells beyond the header"] == "every line ends with a separator"
    assert [c.name for c in found.columns] == ["size", "colour"]
    works(found, tmp_path)


def test_names_of_rows_as_r_writes_them(write: Write, tmp_path: Path) -> None:
    lines = table().splitlines()
    found = examined(write("\n".join([lines[0], *(f'"{n}",{line}' for n, line in enumerate(lines[1:], 1))])), "y")
    assert column(found, "column_1").left_out == "a row number"
    works(found, tmp_path)


def test_totals_in_the_last_rows_are_left_out(write: Write, tmp_path: Path) -> None:
    found = examined(write(table() + "Total:,,20\nAverage,,0.5\n"), "y")
    assert facts(found)["rows left out"] == "the last, 'Total:' and 'Average'"
    assert (found.rows, found.target.labels) == (40, (("0", 20), ("1", 20)))
    works(found, tmp_path)
    names = examined(write(table(colour=lambda n: ["total", "part"][n % 2])), "y")
    assert names.rows == 40  # a name like any other


def test_files_put_one_behind_the_other(write: Write, tmp_path: Path) -> None:
    found = examined(write(table() + table()), "y")
    assert (facts(found)["rows left out"], found.rows) == ("1 that repeats the header", 80)
    works(found, tmp_path)


def test_the_header_below_another_one(write: Write) -> None:
    message = refusal(write("measure,name,label\n" + table()))
    assert message.startswith("table.csv has no column `y`, but row 1 below its header contains that text.")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b"PK\x03\x04" + bytes(99),
            "table.csv is a workbook or a zip archive. If it is a workbook, let its name end in .xlsx or .ods.",
        ),
        (
            b"\n <!DOCTYPE html><html>sign in",
            "table.csv is a web page. It may be a log-in page saved instead of the table",
        ),
        (b"version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer, not the file itself."),
        (
            b"SQLite format 3\x00" + bytes(99),
            "is an SQLite database. Read it with --data sqlite:///FILE --query TABLE.",
        ),
        (b"PAR1" + bytes(99), "table.csv is a Parquet file. Let its name end in .parquet."),
        (b'[{"size": 1, "y": 0}]', "table.csv is JSON. Save it as CSV or Parquet."),
        (b"a   b\n1   2\n", "Are its columns aligned by spaces? Save it with commas."),
        (table().replace("y\n", "y\n<<<<<<< HEAD\n", 1).encode(), "line 2 has 1 cell, the first line has 3."),
    ],
)
def test_what_is_no_csv(write: Write, content: bytes, message: str) -> None:
    assert message in refusal(write(content))


def test_ten_thousand_columns_are_refused(write: Write) -> None:
    header, row = ",".join(f"c{n}" for n in range(10_000)), ",".join(["1"] * 10_000)
    message = refusal(write("\n".join([f"{header},y", *(f"{row},{n % 2}" for n in range(20))])))
    assert "table.csv has 10,000 columns to predict from; the limit is 1,000." in message


# -- in its cells


@pytest.mark.parametrize(
    ("cell", "most", "how"),
    [
        (lambda n: f"{n}.5 kg", 39.5, "kg removed"),
        (lambda n: f"{n} m²", 39, "m² removed"),
        (lambda n: f"{n}.5%", 39.5, "% removed"),
        (lambda n: f"{n}.5 km/h", 39.5, "km/h removed"),
        (lambda n: f"Rs. {n}.5", 39.5, "Rs. removed"),
        (lambda n: f"-${n}.5", -0.5, "$ removed"),
        (lambda n: f"({n}.5)" if n % 2 else f"{n}.5", 38.5, "numbers in brackets as negative"),
        (lambda n: f"\u2212{n}.5" if n % 2 else f"{n}.5", 38.5, "typographic minus signs"),
        (lambda n: f"{n + 1}'234.5", 40234.5, "spaces or apostrophes as thousands separators"),
        (lambda n: f"{n + 1}\u202f234", 40234, "spaces or apostrophes as thousands separators"),
        (lambda n: f"{n}.5" if n % 2 else f'"{n},5"', 39.5, "decimal commas and decimal points"),
        (lambda n: f'"{n},5"', 39.5, "decimal comma"),
        (lambda n: f"{n}.5E+02", 3950, ""),
        (lambda n: f'"{n}.5"', 39.5, ""),
    ],
)
def test_numbers_as_people_write_them(
    write: Write, tmp_path: Path, cell: Callable[[int], str], most: float, how: str
) -> None:
    found = examined(write(table("size,price,y", price=cell)), "y", Overrides(keep=("price",)))
    assert column(found, "price").kind in ("number", "integer")
    assert column(found, "price").maximum == most
    assert (f"read with {how}" in told(found)) is bool(how)
    works(found, tmp_path)


def test_a_unit_stands_in_the_schema(write: Write, tmp_path: Path) -> None:
    project = render(tmp_path / "p", examined(write(table("size,weight,y", weight=lambda n: f"{n * 7 % 13} kg")), "y"))
    assert 'json_schema_extra={"unit": "kg"}' in (project.source / project.package / "schema.py").read_text()
    assert "(kg)" in (project.root / "README.md").read_text()


@pytest.mark.parametrize(
    "cell",
    [
        lambda n: f"{n % 9}{'abc'[n % 3]}",
        lambda n: f"Q{n % 4 + 1}",
        lambda n: f"{n % 5}0-{n % 5}9",
        lambda n: f"A{n % 9}",
    ],
)
def test_codes_are_no_quantities(write: Write, cell: Callable[[int], str]) -> None:
    assert column(examined(write(table("size,code,y", code=cell)), "y"), "code").kind in ("category", "code")


def test_several_units_are_told(write: Write) -> None:
    found = examined(write(table("size,length,y", length=lambda n: f"{n} cm" if n % 2 else f"{n} m")), "y")
    assert "length: read as text, not as numbers: they have several units, cm and m" in told(found)


def test_a_target_with_a_unit_is_a_quantity(write: Write, tmp_path: Path) -> None:
    found = examined(write(table(y=lambda n: f"{n * 7 % 41}.5 kg")), "y")
    assert (found.target.task, found.target.maximum) == ("regression", 40.5)
    assert "y: numbers: read with kg removed" in told(found)
    works(found, tmp_path)


def test_days_as_whole_numbers(write: Write, tmp_path: Path) -> None:
    found = examined(write(table("size,day,y", day=lambda n: 20240101 + n % 28)), "y")
    assert (column(found, "day").kind, str(column(found, "day").maximum)) == ("date", "2024-01-28")
    assert "day: dates: every number is a date, written as year, month and day (such as '20240101')" in told(found)
    works(found, tmp_path)
    number = examined(
        write(table("size,day,y", day=lambda n: 20240101 + n % 28)), "y", Overrides(kinds={"day": "integer"})
    )
    assert column(number, "day").kind == "integer"
    other = examined(write(table("size,code,y", code=lambda n: 20240201 + n % 31)), "y")  # 31 February is none
    assert column(other, "code").kind == "integer"


def test_years_of_two_digits(write: Write) -> None:
    found = examined(write(table("size,day,y", day=lambda n: f"{n % 28 + 1:02}.01.{20 + n % 5}")), "y")
    assert (str(column(found, "day").minimum), str(column(found, "day").maximum)) == ("2020-01-01", "2024-01-25")


def test_times_without_a_date_are_left_out(write: Write) -> None:
    found = examined(write(table("size,at,y", at=lambda n: f"{n % 24:02}:{n % 60:02}")), "y")
    assert column(found, "at").left_out.startswith("times without a date are not supported; convert them to a number")


@pytest.mark.parametrize(("value", "usual"), [(999, lambda n: 20 + n), (-1, lambda n: n), (-99, lambda n: n * 1.5)])
def test_a_number_that_may_stand_for_missing_is_kept_and_told(
    write: Write, value: int, usual: Callable[[int], Any]
) -> None:
    found = examined(write(table("size,age,y", age=lambda n: value if n % 8 == 3 else usual(n))), "y")
    assert column(found, "age").missing == 0
    assert f"age: {value} kept as a number: it is far from all other values" in told(found)
    assert "(in 5 rows)" in told(found)


def test_a_number_near_the_others_is_none_of_these(write: Write) -> None:
    assert "kept as a number" not in told(examined(write(table("size,age,y", age=lambda n: 960 + n)), "y"))
    assert "kept as a number" not in told(examined(write(table("size,age,y", age=lambda n: n % 9 - 1 - n % 2)), "y"))


def test_names_that_differ_in_case_only_are_told(write: Write) -> None:
    found = examined(write(table(colour=lambda n: ["Red", "red", "blue"][n % 3])), "y")
    assert "colour: 'Red' and 'red' kept as different values: they differ only in upper and lower case" in told(found)


@pytest.mark.parametrize(("yes", "no"), [("WAHR", "FALSCH"), ("vrai", "faux"), ("J", "N")])
def test_yes_and_no_of_other_languages(write: Write, tmp_path: Path, yes: str, no: str) -> None:
    found = examined(write(table("size,flag,y", flag=lambda n: yes if n % 3 else no)), "y")
    assert column(found, "flag").kind == "boolean"
    works(found, tmp_path)


def test_labels_with_blanks_around_them(write: Write, tmp_path: Path) -> None:
    found = examined(write(table(y=lambda n: ["yes", "yes ", " no", "no"][n % 4])), "y")
    assert found.target.labels == (("no", 20), ("yes", 20))
    works(found, tmp_path)


def test_a_label_that_stood_alone_leaves_a_binary_task(write: Write) -> None:
    found = examined(write(table(y=lambda n: "?x" if n == 7 else n % 2)), "y")
    assert [d.what for d in found.decisions if d.about == "task"] == ["binary"]


# -- from other programs


def test_what_parquet_may_hold(tmp_path: Path) -> None:
    import datetime as dt
    import decimal

    import pyarrow as pa

    rows = range(60)
    found = examine(
        source_of(
            price=pa.array([decimal.Decimal(f"{n}.25") for n in rows], pa.decimal128(9, 2)),
            half=pa.array(np.arange(60, dtype=np.float16)),
            big=pa.array([n * 7 % 60 for n in rows], pa.uint64()),
            name=pa.array([["a", "b", "c"][n % 3] for n in rows]).dictionary_encode(),
            codes=pa.array([n % 4 for n in rows]).dictionary_encode(),
            large=pa.array([["x", "y"][n // 2 % 2] for n in rows], pa.large_string()),
            view=pa.array([["p", "q"][n // 4 % 2] for n in rows], pa.string_view()),
            at=pa.array([1_700_000_000_000_000_001 + n * 10**13 for n in rows], pa.timestamp("ns", "Asia/Tokyo")),
            day=pa.array([dt.date(2024, 1, 1 + n % 28) for n in rows], pa.date64()),
            clock=pa.array([n * 60 for n in rows], pa.time32("s")),
            took=pa.array([n * n % 61 for n in rows], pa.duration("s")),
            raw=pa.array([bytes([65 + n % 3]) for n in rows], pa.binary()),
            tags=pa.array([[n % 3] for n in rows]),
            person=pa.array([{"age": n} for n in rows]),
            none=pa.nulls(60),
            y=[n % 2 for n in rows],
        ),
        "y",
        Overrides(keep=("price", "half", "big")),
    )  # fmt: skip
    kinds = {c.name: c.kind for c in found.columns}
    assert [kinds[name] for name in ("price", "half", "big", "name", "at", "day")] == [
        "number", "number", "integer", "category", "moment", "date",
    ]  # fmt: skip
    assert column(found, "none").left_out == "no row has a value"
    works(found, tmp_path)
