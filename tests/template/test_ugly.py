"""Ugly tables get an answer, not a traceback: a message that says what is wrong and where, or a project that works."""

import codecs
import gzip
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.template.projects import examined, refused_rows, render, source_of

from seatrial.core.errors import SeatrialError
from seatrial.template.inference.examination import examine
from seatrial.template.inference.names import reason
from seatrial.template.reading import csv_file
from seatrial.template.reading.csv_file import CsvOptions
from seatrial.template.records import Examination, Overrides

Write = Callable[[str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def make(content: str | bytes, name: str = "table.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return make


def table(header: str = "size,colour,y", rows: int = 40, **cells: Callable[[int], Any]) -> str:
    """Rows with a size, a colour and a label, or other cells by column."""
    generator = random.Random(0)
    made = {
        "size": lambda n: round(generator.uniform(0, 100), 1),
        "colour": lambda n: generator.choice(["red", "blue"]),
        "y": lambda n: n % 2,
        **cells,
    }
    names = header.split(",")
    lines = [",".join(str(made.get(name, made["size"])(n)) for name in names) for n in range(rows)]
    return "\n".join([header, *lines]) + "\n"


def column(examination: Examination, name: str) -> Any:
    return next(c for c in examination.columns if c.name == name)


def told(examination: Examination) -> str:
    return "\n".join(map(str, examination.decisions))


def refusal(path: Path | str, target: str = "y", **options: Any) -> str:
    with pytest.raises(SeatrialError) as caught:
        examined(path, target, **options)
    return f"{caught.value.message} {caught.value.hint}"


def works(examination: Examination, tmp_path: Path) -> None:
    """The schema that is written accepts every row of the table that is written."""
    assert refused_rows(render(tmp_path / "project", examination)) == []


# -- files


def test_an_empty_file(write: Write) -> None:
    assert refusal(write("")) == "table.csv is empty. Name a file with a header and rows."
    assert "table.csv is empty" in refusal(write(" \n\n"))


def test_a_header_and_no_rows(write: Write) -> None:
    assert "table.csv has a header and no rows." in refusal(write("size,colour,y\n"))


def test_a_folder_and_a_missing_file(tmp_path: Path, write: Write) -> None:
    write(table())
    assert refusal(tmp_path) == f"{tmp_path} is a folder. It contains table.csv."
    assert f"Did you mean {tmp_path / 'table.csv'}?" in refusal(tmp_path / "tabel.csv")


def test_a_file_of_another_kind(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    path.write_bytes(b"PK")
    assert refusal(path) == (
        "book.xlsx is not an Excel or OpenDocument file, or it is damaged: Cannot detect file format. "
        "Open it in a spreadsheet program, and save it again as .xlsx."
    )
    other = tmp_path / "book.pdf"
    other.write_bytes(b"%PDF")
    assert refusal(other) == "book.pdf is a PDF, which cannot be read. Save it as CSV or Parquet."


def test_a_file_that_changes_while_it_is_read(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:

    path = write(table())
    parse = csv_file._parse

    def appended(*given: Any, **named: Any) -> Any:
        with path.open("a") as file:
            file.write("1,red,0\n")
        return parse(*given, **named)

    monkeypatch.setattr(csv_file, "_parse", appended)
    assert refusal(path) == "table.csv changed while it was being read. Run it again once the file is complete."


def test_gzip_is_unpacked_and_a_damaged_one_is_told(write: Write, tmp_path: Path) -> None:
    packed = gzip.compress(table().encode())
    found = examined(write(packed), "y")
    assert ("compression", "gzip") in [(f.name, f.value) for f in found.source.facts]
    works(found, tmp_path)
    assert "is a damaged gzip file" in refusal(write(packed[:-20]))


def test_a_line_without_an_end(write: Write) -> None:
    """1 GB in one line: the reading stops at the first megabyte, so 50 MB show it as well."""
    assert "table.csv: line 2 is longer than 1 MB." in refusal(write("a,y\n" + "x" * 50_000_000))


def test_nul_bytes(write: Write) -> None:
    assert "table.csv has a NUL byte in line 3." in refusal(write("a,y\n1,0\n\x00,1\n"))


def test_ragged_rows_are_named_by_their_line(write: Write) -> None:
    text = table().splitlines()
    text[7] += ",more"
    assert "line 8 has 4 cells, the first line has 3." in refusal(write("\n".join(text)))
    text[5] = '1,"two\nlines",1'
    assert "line 9 has 4 cells, the first line has 3." in refusal(write("\n".join(text)))


def test_unbalanced_quotes_are_named_by_their_line(write: Write) -> None:
    text = table().splitlines()
    text[4] = '1,"red,1'
    assert "a quote is opened in line 5 and never closed." in refusal(write("\n".join(text)))
    text[4] = '1,"red"x,1'
    text[6] = '5,3" pipe,1'
    assert "line 5 has a quote that neither ends its text nor is doubled" in refusal(write("\n".join(text)))


def test_two_open_quotes_do_not_swallow_the_rows_between(write: Write) -> None:
    text = table().splitlines()
    text[4], text[9] = '1,"red,1', '2,"blue,0'
    assert "line 10 has a quote that neither ends its text nor is doubled" in refusal(write("\n".join(text)))


def test_a_quote_within_a_text_is_a_character(write: Write, tmp_path: Path) -> None:
    works(examined(write(table(colour=lambda n: '3" pipe' if n == 3 else "hose")), "y"), tmp_path)


# -- encodings and dialects


@pytest.mark.parametrize(
    ("encoding", "mark", "recognised"),
    [
        ("utf-8", codecs.BOM_UTF8, "utf-8-sig"),
        ("utf-16-le", codecs.BOM_UTF16_LE, "utf-16"),
        ("utf-16-be", codecs.BOM_UTF16_BE, "utf-16"),
        ("utf-16-le", b"", "utf-16-le"),
        ("latin-1", b"", "cp1252"),
        ("cp1252", b"", "cp1252"),
        ("utf-8", b"", "utf-8"),
    ],
)
def test_encodings_are_recognised_and_written_as_utf8(
    write: Write, tmp_path: Path, encoding: str, mark: bytes, recognised: str
) -> None:
    words = ["Größe", "Café", "Zürich"]
    text = table("Größe,colour,y", colour=lambda n: words[n % 3])
    found = examined(write(mark + text.encode(encoding)), "y")
    assert found.source.facts[1].value.split(" ")[0] == recognised
    assert [value for value, _ in column(found, "colour").counts] == words
    project = render(tmp_path / "project", found)
    assert project.data.read_text(encoding="utf-8").startswith("Groesse,colour,y\n")
    assert refused_rows(project) == []


def test_cyrillic_is_not_read_as_latin(write: Write) -> None:
    words = ["красный цвет", "синий цвет моря", "зелёный лист дерева"]
    found = examined(write(table(rows=60, colour=lambda n: words[n % 3]).encode("cp1251")), "y")
    assert {value for value, _ in column(found, "colour").counts} == set(words)


def test_an_encoding_that_does_not_fit(write: Write) -> None:
    path = write(table(colour=lambda n: "rouge é").encode("latin-1"))
    assert "table.csv is not utf-8: byte" in refusal(path, options=CsvOptions(encoding="utf-8"))
    assert "'utf-88' is not a known encoding." in refusal(path, options=CsvOptions(encoding="utf-88"))


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_separators_and_decimal_commas(write: Write, tmp_path: Path, separator: str) -> None:
    text = table().replace(",", separator).replace(".", ",")
    found = examined(write(text), "y")
    assert ("decimal mark", "comma") in [(f.name, f.value) for f in found.source.facts]
    assert column(found, "size").kind == "number"
    works(found, tmp_path)


@pytest.mark.parametrize(("separator", "name"), [(" ", "space"), (":", "colon")])
def test_spaces_and_colons_as_separators(write: Write, tmp_path: Path, separator: str, name: str) -> None:
    found = examined(write(table().replace(",", separator)), "y")
    assert (found.source.columns, found.rows) == (("size", "colour", "y"), 40)
    assert ("separator", name) in [(f.name, f.value) for f in found.source.facts]
    works(found, tmp_path)


def test_european_thousands(write: Write) -> None:
    text = table().replace(",", ";").replace("size", "price")
    lines = [f"{n}.234,{n % 10}5;red;{n % 2}" for n in range(1, 41)]
    found = examined(write("\n".join([text.splitlines()[0], *lines])), "y")
    assert column(found, "price").maximum == 40234.05


def test_a_table_without_a_header(write: Write, tmp_path: Path) -> None:
    found = examined(write("\n".join(table().splitlines()[1:])), "column_3")
    assert ("header", "none; columns are numbered") in [(f.name, f.value) for f in found.source.facts]
    assert found.rows == 40
    works(found, tmp_path)


def test_a_column_without_a_name_as_pandas_writes_its_index(write: Write, tmp_path: Path) -> None:
    text = table().splitlines()
    path = write("\n".join([f",{text[0]}", *(f"{n % 9},{line}" for n, line in enumerate(text[1:]))]))
    found = examined(path, "y")
    assert ("columns without a name", "column_1") in [(f.name, f.value) for f in found.source.facts]
    works(found, tmp_path)
    assert (tmp_path / "project/data/little.csv").read_text().startswith("column_1,size,colour,y\n")


def test_empty_lines_above_the_header(write: Write, tmp_path: Path) -> None:
    found = examined(write("\n\r\n" + table()), "y")
    assert (found.source.rows, found.rows, column(found, "size").kind) == (40, 40, "number")
    works(found, tmp_path)
    bare = examined(write("\n" + "\n".join(table().splitlines()[1:])), "column_3")
    assert bare.source.rows == 40


def test_single_quotes(write: Write, tmp_path: Path) -> None:
    found = examined(write(table(colour=lambda n: f"'red, number {n % 3}'")), "y")
    assert [value for value, _ in column(found, "colour").counts] == [f"red, number {n}" for n in range(3)]
    works(found, tmp_path)


def test_a_single_column(write: Write) -> None:
    assert "table.csv has only one column, 'y'" in refusal(write("y\n" + "1\n0\n" * 20))


# -- the target


def test_a_target_that_is_missing_or_misspelt(write: Write) -> None:
    path = write(table("size,colour,survived", survived=lambda n: n % 2))
    assert refusal(path, "survivd") == "table.csv has no column `survivd`. Did you mean `survived`?"
    assert refusal(path, "Survived") == "table.csv has no column `Survived`. Did you mean `survived`?"
    assert refusal(path, "price") == "table.csv has no column `price`. Its columns: size, colour, survived."
    assert refusal(path, "").startswith("Which column should be predicted?")


def test_one_class(write: Write) -> None:
    assert "the target `y` is 'no' in every row, so there is nothing to learn." in refusal(
        write(table(y=lambda n: "no"))
    )


def test_a_target_with_missing_values(write: Write, tmp_path: Path) -> None:
    found = examined(write(table(y=lambda n: "" if n % 8 == 0 else "NA" if n == 1 else n % 2)), "y")
    assert (found.rows, found.rows_left_out) == (34, 6)
    assert "y: 6 rows left out: they have no label (of 40)" in told(found)
    works(found, tmp_path)


def test_a_target_that_is_missing_everywhere(write: Write) -> None:
    assert "the target `y` is missing in every row." in refusal(write(table(y=lambda n: "")))


def test_a_target_that_is_an_identifier(write: Write) -> None:
    path = write(table("id,size,y", id=lambda n: 100 + n))
    assert "the target `id` looks like an identifier: an identifier, by its name" in refusal(path, "id")
    path = write(table(y=lambda n: f"customer-{n}"))
    assert "has a different label in most rows: 40 labels in 40 rows." in refusal(path)


def test_a_label_in_one_row_only(write: Write, tmp_path: Path) -> None:
    found = examined(write(table(y=lambda n: "rare" if n == 7 else "abc"[n % 3])), "y")
    assert found.target.labels == (("a", 14), ("b", 12), ("c", 13))
    assert "y: rows with 'rare' left out" in told(found)
    works(found, tmp_path)


def test_labels_that_differ_in_case_only(write: Write, tmp_path: Path) -> None:
    reason = "the target `y` spells a label in several ways: 'Yes', 'yes'."
    assert reason in refusal(write(table(y=lambda n: ["Yes", "yes", "No"][n % 3])))
    assert reason in refusal(write(table(y=lambda n: "Yes" if n == 3 else ["yes", "No"][n % 2])))
    letters = examined(write(table(y=lambda n: "Aab"[n % 3])), "y", Overrides(task="multiclass"))
    assert letters.target.ordered == ("A", "a", "b")
    works(letters, tmp_path)


def test_a_target_that_is_a_date(write: Write) -> None:
    assert "the target `y` is a date" in refusal(write(table(y=lambda n: f"2024-01-{n % 28 + 1:02}")))


def test_too_few_rows(write: Write) -> None:
    assert "table.csv has 4 rows with a label; at least 10 are needed." in refusal(write(table(rows=4)))


def test_a_positive_label_that_is_none(write: Write) -> None:
    path = write(table(y=lambda n: "yes" if n % 3 else "no"))
    assert examined(path, "y").target.positive == "yes"
    assert examined(path, "y", Overrides(positive="NO")).target.positive == "no"
    with pytest.raises(SeatrialError, match="has no label 'maybe'"):
        examined(path, "y", Overrides(positive="maybe"))


# -- names


def test_names_that_python_or_pydantic_forbid(write: Write, tmp_path: Path) -> None:
    names = [
        "class",
        "model_config",
        "json",
        "_x",
        "my column",
        "größe",
        "💰",
        '"a ""b"""',
        "2nd",
        "float",
        "date",
        "",
        "size",
    ]
    path = write(table(",".join([*names, "y"])))
    found = examined(path, "y")
    assert [c.name for c in found.columns] == [
        "class_", "model_config_", "json_", "x", "my_column", "groesse", "money_bag", "a_b", "n_2nd", "float_", "date",
        "column_12", "size",
    ]  # fmt: skip
    assert "class_: was 'class': Python uses that name" in told(found)
    assert "json_: was 'json': every schema has an attribute with that name" in told(found)
    works(found, tmp_path)


def test_a_column_of_a_data_frame_without_a_name() -> None:
    found = examine(source_of(**{"": [n % 7 for n in range(40)], "y": [n % 2 for n in range(40)]}), "y")
    assert [c.name for c in found.columns] == ["column_1"]
    assert reason("", "column_1") == reason(" ", "column_1") == "the column had no name"


def test_names_that_are_there_twice(write: Write, tmp_path: Path) -> None:
    found = examined(write(table("size,size,a b,a-b,y")), "y")
    assert [c.name for c in found.columns] == ["size", "size_2", "a_b", "a_b_2"]
    works(found, tmp_path)


# -- values


def test_whole_numbers_beyond_2_53(write: Write, tmp_path: Path) -> None:
    found = examined(write(table("size,big,y", big=lambda n: 2**53 + 1 + n // 3)), "y")
    assert column(found, "big").left_out == "whole numbers above 2^53, which a double cannot represent exactly"
    assert column(found, "big").values[0].as_py() == str(2**53 + 1)
    works(found, tmp_path)


def test_infinity_becomes_missing_and_is_told(write: Write, tmp_path: Path) -> None:
    found = examined(write(table(size=lambda n: "inf" if n == 3 else "-Infinity" if n == 5 else n / 7)), "y")
    assert column(found, "size").missing == 2
    assert "a model cannot calculate with infinity" in told(found)
    works(found, tmp_path)


def test_numbers_of_1e308(write: Write, tmp_path: Path) -> None:
    found = examined(write(table("size,huge,y", huge=lambda n: n * 1e306)), "y")
    assert "huge: left out: numbers too large to calculate with (up to 3.9e+307)" in told(found)
    works(found, tmp_path)


def test_negative_zero(write: Write, tmp_path: Path) -> None:
    works(examined(write(table(size=lambda n: "-0.0" if n % 3 else "0.5")), "y"), tmp_path)


def test_mixed_types(write: Write, tmp_path: Path) -> None:
    mixed = examined(write(table("size,mix,y", mix=lambda n: n if n % 2 else f"abc{n % 5}")), "y")
    assert "it mixes numbers and text" in told(mixed)
    works(mixed, tmp_path / "mixed")
    few = examined(write(table("size,mix,y", rows=100, mix=lambda n: "broken" if n == 4 else n * 1.5)), "y")
    assert column(few, "mix").kind == "number"
    assert "mix: 'broken' read as missing: all other values are numbers" in told(few)
    works(few, tmp_path / "few")


def test_spellings_of_missing(write: Write, tmp_path: Path) -> None:
    spelt = ["", "NA", "n/a", "null", "-", "?", "None"]
    found = examined(
        write(table(size=lambda n: spelt[n] if n < 7 else n / 3, colour=lambda n: "none" if n % 3 else "red")), "y"
    )
    assert column(found, "size").missing == 7
    assert column(found, "size").missing_as == ("-", "?", "NA", "None", "n/a", "null")
    assert [value for value, _ in column(found, "colour").counts] == ["none", "red"]  # a name like any other
    works(found, tmp_path)


@pytest.mark.parametrize(
    ("yes", "no"), [("1", "0"), ("yes", "no"), ("Y", "N"), ("true", "false"), ("ja", "nein"), ("True", "False")]
)
def test_booleans(write: Write, tmp_path: Path, yes: str, no: str) -> None:
    found = examined(write(table("size,flag,y", flag=lambda n: "" if n == 5 else yes if n % 3 else no)), "y")
    assert (column(found, "flag").kind, column(found, "flag").missing) == ("boolean", 1)
    works(found, tmp_path)


def test_a_category_seen_once_and_formulas(write: Write, tmp_path: Path) -> None:
    found = examined(
        write(table(colour=lambda n: "=cmd|'/c calc'!A1" if n == 4 else ["red", "blue"][n % 2])),
        "y",
        Overrides(keep=("colour",)),
    )
    assert ("=cmd|'/c calc'!A1", 1) in column(found, "colour").counts
    assert "formulas kept as plain text" in told(found)
    works(found, tmp_path)


def test_constant_and_empty_columns_are_left_out(write: Write, tmp_path: Path) -> None:
    found = examined(write(table("size,same,none,y", same=lambda n: "x", none=lambda n: "")), "y")
    assert column(found, "same").left_out == "the same value in every row"
    assert column(found, "none").left_out == "no row has a value"
    works(found, tmp_path)


def test_nothing_left_to_predict_from(write: Write) -> None:
    assert "no column is left to predict `y` from" in refusal(write(table("same,y", same=lambda n: "x")))


def test_thousands_and_currencies(write: Write, tmp_path: Path) -> None:
    price = examined(write(table("size,price,y", price=lambda n: f'"${n + 1},234.50"')), "y")
    assert column(price, "price").maximum == 40234.5
    assert "price: numbers: read with $ removed, commas as thousands separators" in told(price)
    works(price, tmp_path / "price")
    doubt = examined(write(table("size,price,y", price=lambda n: f'"{n + 1},234"')), "y")
    assert "its commas could be decimal commas or thousands separators" in told(doubt)
    signed = examined(write(table("size,price,y", price=lambda n: f'"${n + 1},234"')), "y")
    assert "price: read as text, not as numbers: its commas could be decimal commas" in told(signed)
    codes = examined(write(table("size,zip,y", zip=lambda n: f"{90000 if n < 9 else '0'}{1000 + n // 2}")), "y")
    assert "zip: read as text, not as numbers: some have leading zeros, as codes do (such as '01004')" in told(codes)
    assert (column(codes, "zip").kind in ("category", "code"), "some have leading zeros" in told(codes)) == (True, True)


@pytest.mark.parametrize(
    ("name", "used"),
    [
        *((name, True) for name in ("amount_paid", "bid", "grid", "valid", "humid", "Paid")),
        *((name, False) for name in ("id", "ID", "CUSTOMER_ID", "customerid", "PassengerId", "orderID", "row id")),
    ],
)
def test_whole_numbers_are_an_identifier_by_a_word_of_their_name(write: Write, name: str, used: bool) -> None:
    found = examined(write(table(f"size,{name},y", **{name: lambda n: n * 37 % 41 * 9})), "y")
    assert found.columns[1].used is used
    assert used or found.columns[1].left_out == "an identifier, by its name"


# -- dates


def test_dates_of_several_formats(write: Write, tmp_path: Path) -> None:
    forms = ["2024-03-{0:02}", "{0:02}.03.2024", "{0} Mar 2024"]
    found = examined(write(table("size,day,y", day=lambda n: forms[n % 3].format(n % 28 + 1))), "y")
    assert column(found, "day").kind == "date"
    assert "written in several formats, ISO and " in told(found)
    works(found, tmp_path)


def test_days_and_months_that_cannot_be_told_apart(write: Write) -> None:
    sure = examined(write(table("size,day,y", day=lambda n: f"{n % 28 + 1:02}/{n % 12 + 1:02}/2024")), "y")
    assert str(column(sure, "day").minimum) == "2024-01-01"
    doubt = examined(write(table("size,day,y", day=lambda n: f"{n % 12 + 1:02}/{n % 11 + 1:02}/2024")), "y")
    reason = "its dates cannot be read: the day or the month could come first"
    assert column(doubt, "day").left_out == reason
    assert f"day: left out: {reason}" in told(doubt)
    kept = examined(
        write(table("size,day,y", day=lambda n: f"{n % 4 + 1:02}/{n % 5 + 1:02}/2024")), "y", Overrides(keep=("day",))
    )
    assert column(kept, "day").used
    assert f"day: kept, as requested: {reason}" in told(kept)
    assert "left out" not in told(kept)


def test_days_that_do_not_exist_are_no_dates(write: Write) -> None:
    found = examined(write(table("size,day,y", day=lambda n: f"{n % 28 + 3}.02.2023")), "y")
    assert column(found, "day").kind in ("category", "code")


def test_time_zones(write: Write, tmp_path: Path) -> None:
    found = examined(write(table("size,at,y", at=lambda n: f"2024-05-{n % 28 + 1:02}T10:30:00+02:00")), "y")
    assert (column(found, "at").kind, column(found, "at").minimum.hour) == ("moment", 8)
    assert "at: dates and times in UTC" in told(found)
    works(found, tmp_path)
    mixed = examined(
        write(table("size,at,y", at=lambda n: f"2024-05-{n % 28 + 1:02}T10:30:00{'Z' if n % 2 else ''}")), "y"
    )
    assert column(mixed, "at").left_out == "its dates cannot be read: some have a time zone and some do not"


def test_copies_are_left_out_and_different_measures_are_not(write: Write) -> None:
    generator = random.Random(1)
    sizes = [generator.gauss(0, 1) for _ in range(60)]
    path = write(
        table(
            "a,b,double,colour,farbe,y",
            rows=60,
            a=lambda n: sizes[n],
            b=lambda n: sizes[-n],
            double=lambda n: 2 * sizes[n] + 1,
            colour=lambda n: ["red", "blue", "green"][n % 3],
            farbe=lambda n: ["rot", "blau", "gruen"][n % 3],
            y=lambda n: n // 2 % 2,
        )
    )
    found = examined(path, "y")
    assert {c.name: c.left_out for c in found.unused} == {
        "double": "nearly the same as `a`",
        "farbe": "a copy of `colour`",
    }
    assert "double: left out: nearly the same as `a` (correlation 1.0000)" in told(found)


def test_leaks_are_named_with_the_evidence(write: Write) -> None:
    path = write(
        table(
            "size,outcome,refunded,weak,y",
            rows=400,
            outcome=lambda n: (n % 2) * 5 + n % 3,
            refunded=lambda n: n if n % 4 == 1 else "",
            weak=lambda n: n % 2 + n // 7 % 3,
            y=lambda n: n % 2,
        )
    )
    found = examined(path, "y")
    assert "outcome: left out: it reveals the target (held-out AUC 1.0000 from this column alone)" in told(found)
    assert (
        "refunded: left out: whether it has a value reveals the target (a value in 100 rows, all with y = 1)"
        in told(found)
    )
    assert [c.name for c in found.used] == ["size", "weak"]
    kept = examined(path, "y", Overrides(keep=("outcome",)))
    assert "outcome" in [c.name for c in kept.used]
    assert "outcome: kept, as requested: it reveals the target" in told(kept)
