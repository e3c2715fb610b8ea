"""Detecting encodings, separators and quotes."""

import codecs
import time
from pathlib import Path

import pytest
from tests.template.projects import examined, refused_rows, render
from tests.template.tables import WriteFile, check_project, column, table

from seatrial.template.reading.csv_dialect import dialect_of


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
def test_encodings_are_detected_and_written_as_utf8(
    write_file: WriteFile, tmp_path: Path, encoding: str, mark: bytes, recognised: str
) -> None:
    words = ["Größe", "Café", "Zürich"]
    text = table("Größe,colour,y", colour=lambda n: words[n % 3])
    examination = examined(write_file(mark + text.encode(encoding)), "y")
    assert list(examination.source.facts.values())[1].split(" ")[0] == recognised
    assert [value for value, _ in column(examination, "colour").counts] == words
    project = render(tmp_path / "project", examination)
    assert project.data.read_text(encoding="utf-8").startswith("Groesse,colour,y\n")
    assert refused_rows(project) == []


def test_cyrillic_is_not_read_as_latin(write_file: WriteFile) -> None:
    words = ["красный цвет", "синий цвет моря", "зелёный лист дерева"]
    examination = examined(write_file(table(rows=60, colour=lambda n: words[n % 3]).encode("cp1251")), "y")
    assert {value for value, _ in column(examination, "colour").counts} == set(words)


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_separators_and_decimal_commas(write_file: WriteFile, tmp_path: Path, separator: str) -> None:
    text = table().replace(",", separator).replace(".", ",")
    examination = examined(write_file(text), "y")
    assert ("decimal mark", "comma") in examination.source.facts.items()
    assert column(examination, "size").kind == "number"
    check_project(examination, tmp_path)


@pytest.mark.parametrize(("separator", "name"), [(" ", "space"), (":", "colon")])
def test_spaces_and_colons_as_separators(write_file: WriteFile, tmp_path: Path, separator: str, name: str) -> None:
    examination = examined(write_file(table().replace(",", separator)), "y")
    assert (examination.source.columns, examination.rows) == (("size", "colour", "y"), 40)
    assert ("separator", name) in examination.source.facts.items()
    check_project(examination, tmp_path)


def test_single_quotes(write_file: WriteFile, tmp_path: Path) -> None:
    examination = examined(write_file(table(colour=lambda n: f"'red, number {n % 3}'")), "y")
    assert [value for value, _ in column(examination, "colour").counts] == [f"red, number {n}" for n in range(3)]
    check_project(examination, tmp_path)


def test_a_very_long_word_does_not_take_long() -> None:
    """In processor time, so that a busy machine does not matter; without a limit it takes minutes."""
    text = "a,b\n" + f"{'x' * 200_000},1\n" * 2
    start = time.process_time()
    assert dialect_of(text, None) == (",", '"')
    assert time.process_time() - start < 5
