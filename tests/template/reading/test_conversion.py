"""An export that is read by rules: what is converted, what is a bad cell, and what contradicts the rules."""

import unicodedata
from typing import Any

import pyarrow as pa
import pytest
from tests.template.tables import WriteFile, column, decisions, table

from seatrial.core.errors import SeatrialError
from seatrial.model.table_validation import Unreadable
from seatrial.template.column_names import clean_names
from seatrial.template.inference.examination import examine
from seatrial.template.reading.conversion import Export, project_names, read_export
from seatrial.template.reading.csv_file import CsvOptions
from seatrial.template.reading.rules import ReadingRules, rules_of
from seatrial.template.reading.source import read_source
from seatrial.template.records import ColumnRules, DecimalMark, Overrides, TableSource

GERMAN = ReadingRules(separator=";", decimal=",")


def source(*values: Any, separator: str = ";", mark: str = "", kind: Any = None) -> TableSource:
    """A table with one column, `x`."""
    data = pa.table({"x": pa.array(values, kind or pa.string())})
    return TableSource("july.csv", data, decimal=DecimalMark(mark), separator=separator)


def read(rule: dict[str, Any], *values: Any, rules: ReadingRules = GERMAN, **options: Any) -> list[Any]:
    """The values of one column that is read by one rule."""
    columns = {"x": ColumnRules("x", **rule)}
    rules = ReadingRules(separator=rules.separator, decimal=rules.decimal, columns=columns)
    return values_of(read_export(source(*values, **options), rules, ["x"]))


def values_of(export: Export, name: str = "x") -> list[Any]:
    found = export.columns[name]
    return [found.distinct[code] for code in found.codes]


def refusal(rule: dict[str, Any], *values: Any, **options: Any) -> str:
    with pytest.raises(SeatrialError) as caught:
        read(rule, *values, **options)
    return f"{caught.value.message} {caught.value.hint}"


NUMBER = {"kind": "number", "decimal": ","}


@pytest.mark.parametrize(
    ("rule", "texts", "expected"),
    [
        (NUMBER, ["4.439", "1,5", "1.234.567,25", "-7", ""], [4439.0, 1.5, 1234567.25, -7.0, None]),
        (NUMBER, ["4.439", "7"], [4439.0, 7.0]),  # separated as exports are
        (NUMBER, ["4.4", "12.25"], [4.4, 12.25]),  # as in the project's own table
        ({"kind": "number", "decimal": ".", "thousands": ","}, ["1,234", "4.439", "1'000.5"], [1234.0, 4.439, 1000.5]),
        ({"kind": "integer"}, ["12", "3.0", " 7 "], [12, 3, 7]),
        ({"kind": "number", "unit": "EUR"}, ["39,26 EUR", "12 eur", "7"], [39.26, 12.0, 7.0]),
        ({"kind": "number", "unit": "€"}, ["5 EUR", "€7"], [5.0, 7.0]),
        ({"kind": "number", "unit": "%"}, ["5%", "12,5"], [5.0, 12.5]),
        ({"kind": "number"}, ["(12,5)", "\u221212,5"], [-12.5, -12.5]),
        ({"kind": "number"}, ["inf", "n/a", "-", "unknown", "5"], [None, None, None, None, 5.0]),
        ({"kind": "number", "also_missing": ("k. A.",)}, ["k. A.", "5"], [None, 5.0]),
        ({"kind": "boolean", "yes": ("ja",), "no": ("nein",)}, ["nein", "NEIN", "true", "0"], [False, False, True, False]),
        ({"kind": "boolean"}, ["oui", "non", "1", "f"], [True, False, True, False]),
        ({"kind": "date", "formats": ("%d/%m/%Y",)}, ["02/03/2024", "2024-12-31"], ["2024-03-02", "2024-12-31"]),
        ({"kind": "date", "formats": ("%Y%m%d",)}, ["20240131"], ["2024-01-31"]),
        ({"kind": "date", "formats": ("months", "months in digits")}, ["Jan-2024", "202402"], ["2024-01-01", "2024-02-01"]),
        ({"kind": "date", "formats": ("quarters",)}, ["2024Q3"], ["2024-07-01"]),
        ({"kind": "date", "formats": ("weeks",)}, ["2024-W05"], ["2024-01-29"]),
        ({"kind": "moment", "formats": ("epoch seconds",)}, ["1700000000"], ["2023-11-14T22:13:20Z"]),
        ({"kind": "moment"}, ["2024-01-31 10:30", "2024-01-31"], ["2024-01-31T10:30:00", "2024-01-31T00:00:00"]),
        ({"kind": "moment"}, ["2024-01-31T10:30:00+02:00"], ["2024-01-31T08:30:00Z"]),
        ({"kind": "category"}, ["NA", "north", " south "], [None, "north", "south"]),
        ({"kind": "category", "missing": ()}, ["NA", "", "-"], ["NA", None, "-"]),
        ({"kind": "code"}, ["007", "-"], ["007", "-"]),
        ({"kind": "category", "labels": ("0", "1")}, ["1.0", "0"], ["1", "0"]),
    ],
)  # fmt: skip
def test_values_are_read_by_the_rules(rule: dict[str, Any], texts: list[str], expected: list[Any]) -> None:
    assert read(rule, *texts) == expected


@pytest.mark.parametrize(
    ("rule", "texts", "bad"),
    [
        ({"kind": "integer"}, ["1", "2,5", "3"], "2,5"),
        ({"kind": "number"}, ["1", "2_5"], "2_5"),
        ({"kind": "boolean"}, ["yes", "maybe"], "maybe"),
        ({"kind": "date", "formats": ("%d.%m.%Y",)}, ["31.01.2024", "31.02.2024"], "31.02.2024"),
        ({"kind": "date", "formats": ("%d.%m.%Y",)}, ["31.01.2024", "20240131"], "20240131"),
        ({"kind": "date"}, ["2024-01-31", "2024-01-31 10:00"], "2024-01-31 10:00"),
    ],
)
def test_one_bad_cell_is_one_bad_row(rule: dict[str, Any], texts: list[str], bad: str) -> None:
    values = read(rule, *texts)
    assert [value for value in values if isinstance(value, Unreadable)] == [bad]
    assert len({*map(type, values)}) > 1


@pytest.mark.parametrize(
    ("rule", "texts", "words"),
    [
        ({"kind": "number", "unit": "EUR"}, ["5 EUR", "7 USD"], "is in EUR in this project, and july.csv has USD (as in '7 USD')"),
        ({"kind": "number", "unit": "kg"}, ["5 lb"], "is in kg in this project, and july.csv has lb"),
        ({"kind": "number"}, ["57.5%"], "is without a unit in this project, and july.csv has %"),
        ({"kind": "integer"}, ["$5"], "is without a unit in this project, and july.csv has $"),
        ({"kind": "number", "unit": "%"}, ["0,1", "0,25", "0,5", "0,75", "1"], "is in % in this project, and july.csv has what seem to be fractions"),
        (NUMBER, ["1,5", "2.25"], "has decimal commas in this project, and july.csv has '2.25'"),
        ({"kind": "number", "decimal": "."}, ["1,5"], "has decimal points in this project, and july.csv has '1,5'"),
        ({"kind": "date", "formats": ("%d/%m/%Y",)}, ["02/03/2024", "03/25/2024"], "has dates as dd/mm/yyyy in this project, and july.csv has '03/25/2024'"),
        ({"kind": "date"}, ["31.01.2024 x"], "has dates in ISO format, as 2024-01-31 in this project"),
        ({"kind": "category", "labels": ("no", "yes")}, ["no.", "yes."], "none of its labels is known. july.csv has 'no.', 'yes.'"),
        ({"kind": "category", "labels": ("no", "yes")}, ["no", "maybe", "maybe"], "not all of its labels are known"),
    ],
)  # fmt: skip
def test_what_contradicts_a_rule_is_refused(rule: dict[str, Any], texts: list[str], words: str) -> None:
    assert words in refusal(rule, *texts)


def test_a_number_that_could_be_two_is_refused() -> None:
    assert "could be a number of thousands" in refusal(NUMBER, "4.439", "7", separator=",")
    assert "could be a number of thousands" in refusal({"kind": "number"}, "4.439", rules=ReadingRules())
    assert "could be a number of thousands" in refusal({"kind": "number"}, "4,439", rules=ReadingRules(), mark=".")
    assert read({"kind": "number"}, "4.439", rules=ReadingRules(), mark=".") == [4.439]
    assert read(NUMBER, 4.439, separator="", kind=pa.float64()) == [4.439]  # a number, from another kind of source


def test_columns_go_by_their_names_in_the_export_and_in_the_project() -> None:
    rules = ReadingRules(columns={"size": ColumnRules("Größe (cm)", "number")})
    for name in ("Größe (cm)", "size"):
        export = read_export(TableSource("t", pa.table({name: ["1", "2"], "more": ["a", "b"]})), rules, ["size"])
        assert values_of(export, "size") == [1.0, 2.0]
        assert values_of(export, "more") == ["a", "b"]
    both = TableSource("t.csv", pa.table({"size": ["1"], "Größe (cm)": ["2"]}))
    with pytest.raises(SeatrialError, match=r"t\.csv has two columns for `size`"):
        read_export(both, rules, ["size"])
    other = ReadingRules(columns={"weight": ColumnRules("weight (kg)", "number")})
    with pytest.raises(
        SeatrialError, match=r"'weight \(kg\)' in this project, and t\.csv has 'weight \(lb\)': another unit"
    ):
        read_export(TableSource("t.csv", pa.table({"weight (lb)": ["1"]})), other, ["weight"])
    near = TableSource("t.csv", pa.table({"Grösse (cm)": ["1"]}))
    with pytest.raises(SeatrialError, match=r"has no column `size` \(in exports 'Größe \(cm\)'\)") as caught:
        read_export(near, rules, ["size"])
    assert "Did you mean `Grösse (cm)`?" in caught.value.hint


def test_na_may_be_a_value(write_file: WriteFile) -> None:
    path = write_file(table("size,country,y", country=lambda n: ["NA", "ZA", "ZM"][n % 3]))
    usual = examine(read_source(str(path)), "y")
    assert column(usual, "country").missing == 14
    kept = examine(read_source(str(path)), "y", Overrides(missing={"country": ()}))
    assert column(kept, "country").missing == 0
    rules = rules_of(kept)
    assert values_of(read_export(kept.source, rules, []), "country")[0] == "NA"


@pytest.mark.parametrize(
    ("lines", "amounts"),
    [
        (["237;7,5", "4.439;0,5"], [237, 4439]),
        (["237;7.5", "4.439;0.5"], [237, 4.439]),
        (["4439;7,5", "4.439;0,5"], "its points could be decimal points or thousands separators"),
        (["237;7", "4.439;9"], "its points could be decimal points or thousands separators"),
        (["1.234.567;7", "12;9"], [1234567, 12]),
    ],
)  # fmt: skip
def test_points_before_three_digits(write_file: WriteFile, lines: list[str], amounts: Any) -> None:
    rows = [f"{lines[n % 2]};{n * 7 % 40};{n % 3 % 2}" for n in range(40)]
    examination = examine(read_source(str(write_file("\n".join(["amount;part;size;y", *rows])))), "y")
    if isinstance(amounts, str):
        assert amounts in decisions(examination)
    else:
        assert column(examination, "amount").values.to_pylist()[:2] == amounts
    set_by_hand = examine(read_source(str(examination.source.path), options=CsvOptions(decimal=",")), "y")
    assert column(set_by_hand, "amount").kind == "integer" or "7.5" in lines[0]


@pytest.mark.parametrize(
    ("rule", "texts", "expected"),
    [
        ({"kind": "integer", "thousands": "."}, ["1.234.567", "12.000"], [1234567, 12000]),
        ({"kind": "number", "decimal": ",."}, ["52,5", "52.5"], [52.5, 52.5]),
        ({"kind": "number", "decimal": ",", "unit": "€"}, ["9\u202f977,69 €", "1 234,50"], [9977.69, 1234.5]),
        ({"kind": "code", "width": 5}, ["74", "00123", "85.0", "x1"], ["00074", "00123", "00085", "x1"]),
        ({"kind": "category", "labels": ("Yes", "No")}, ["YES", "no"], ["Yes", "No"]),
        (NUMBER, ["4,999"], [4.999]),
    ],
)
def test_whatever_new_reads_is_read_again(rule: dict[str, Any], texts: list[str], expected: list[Any]) -> None:
    assert read(rule, *texts, separator=",") == expected


@pytest.mark.parametrize(
    ("rule", "texts"),
    [
        ({"kind": "moment", "formats": ("epoch milliseconds",)}, ["1700000000"]),  # seconds
        ({"kind": "moment", "formats": ("epoch seconds",)}, ["20240616"]),
        ({"kind": "date"}, ["202401"]),
        ({"kind": "date", "formats": ("quarters",)}, ["201803"]),
        ({"kind": "date", "formats": ("%Y%m%d",)}, ["2024131"]),
        ({"kind": "date", "formats": ("%d.%m.%Y",)}, ["08.04.2023", "04.25.2023"]),
        ({"kind": "date"}, ["2024-08-04", "2024-25-04"]),
        ({"kind": "number", "unit": "MW"}, ["68.3 mW"]),
        ({"kind": "number", "unit": "%"}, ["0.575"]),
        ({"kind": "number", "unit": "%"}, ["5 %", "0.575"]),
    ],
)
def test_what_would_be_a_wrong_value_is_refused(rule: dict[str, Any], texts: list[str]) -> None:
    assert "in this project" in refusal(rule, *texts)


def test_numbers_that_are_no_texts_are_themselves() -> None:
    kinds = {"kind": pa.float64()}
    assert read(NUMBER, 5.493, 3.29, -1.0, **kinds) == [5.493, 3.29, -1.0]
    assert read({**NUMBER, "missing": ("-1",)}, 5.493, -1.0, **kinds) == [5.493, None]
    assert "is in % in this project" in refusal({"kind": "number", "unit": "%"}, 0.1, 0.25, **kinds)
    assert "none of its labels is known" in refusal(
        {"kind": "category", "labels": ("no", "yes")}, 0, 1, kind=pa.int64()
    )
    assert read({"kind": "category", "labels": ("0", "1")}, 0.0, 1.0, **kinds) == ["0", "1"]
    assert "could be a number of thousands" in refusal(NUMBER, "5.319", separator="")
    assert "could be a number of thousands" in refusal({"kind": "number", "decimal": "."}, "2,599")


def test_a_label_in_one_row_takes_no_other_with_it() -> None:
    labels = {"kind": "category", "labels": ("Yes", "No", "Maybe")}
    assert read(labels, "Yes", "No", "Yes", "yess") == ["Yes", "No", "Yes", None]


@pytest.mark.parametrize(
    ("name", "other"), [("体重", "身長"), ("вага", "зріст"), ("Fee ₹", "Fee ₽"), ("p < 50", "p > 50")]
)
def test_a_name_of_which_little_is_left_is_not_taken_for_another(name: str, other: str) -> None:
    clean = clean_names([name])[0]
    rules = ReadingRules(columns={clean: ColumnRules(name, "number")})
    found = read_export(TableSource("t", pa.table({name: ["1"]})), rules, [clean])
    assert values_of(found, clean) == [1.0]
    with pytest.raises(SeatrialError, match=r"has no column|another unit"):
        read_export(TableSource("t", pa.table({other: ["1"]})), rules, [clean])
    decomposed = unicodedata.normalize("NFD", "Größe")
    assert project_names(
        TableSource("t", pa.table({decomposed: ["1"]})), ReadingRules(columns={"Groesse": ColumnRules("Größe", "text")})
    ) == ["Groesse"]


def test_a_dictionary_may_use_all_numbers_of_its_small_codes() -> None:
    coded = pa.DictionaryArray.from_arrays(pa.array([0, None, 127], pa.int8()), [f"v{n}" for n in range(128)])
    rules = ReadingRules(columns={"x": ColumnRules("x", "category")})
    export = read_export(TableSource("july", pa.table({"x": coded})), rules, ["x"])
    assert values_of(export) == ["v0", None, "v127"]
