"""reading.toml: written by `seatrial new`, edited by people, read again."""

import os
from pathlib import Path

import pytest

from seatrial.core.errors import SeatrialError
from seatrial.template.reading.rules import ReadingRules, read_rules, rules_text
from seatrial.template.records import ColumnRules

RULES = ReadingRules(
    separator=";",
    encoding="cp1252",
    header=False,
    decimal=",",
    columns={
        "size": ColumnRules("Größe (cm)", "number", decimal=",", unit="cm", also_missing=('k. "A".',)),
        "country": ColumnRules("country", "category", missing=()),
        "left": ColumnRules("left", "boolean", yes=("ja",), no=("nein",)),
        "since": ColumnRules("since", "moment", formats=("%d.%m.%Y", "ISO"), time_zone=True),
        "y": ColumnRules("y", "category", labels=("a\tb", "c")),
    },
)


def test_the_file_says_what_the_rules_are(tmp_path: Path) -> None:
    path = tmp_path / "reading.toml"
    path.write_text(rules_text(RULES, {"since": "a leak\nof the target"}), "utf-8")
    again = read_rules(path)
    assert again is not None
    assert again.columns == RULES.columns
    assert (again.separator, again.encoding, again.header, again.decimal) == (";", "cp1252", False, ",")
    assert again.missing_of(again.columns["country"]) == {""}
    for column in ("size", "since", "y"):
        assert again.missing_of(again.columns[column]) == RULES.missing_of(RULES.columns[column])
    assert "# Not used by the model: a leak of the target.\n" in path.read_text("utf-8")
    assert read_rules(tmp_path / "none.toml") is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("separater = ','", "unknown key `separater`. Did you mean `separator`?"),
        ("decimal = 'x'", "decimal = 'x' is not \",\" or \".\""),
        ("missing = 'NA'", "missing = 'NA' is not a list of texts"),
        ("header = 1", "header = 1 is not true or false"),
        ("columns = 1", "columns = 1 is not a table"),
        ("[columns]\nsize = 1", "[columns.size] is not a table"),
        ("[columns.size]\nkind = 'numbr'", "[columns.size]: kind = 'numbr' is not a kind of column"),
        ("[columns.size]\nkind = 'number'\nunits = 'cm'", "[columns.size] has an unknown key `units`. Did you mean `unit`?"),
        ("[columns.size]\nkind = 'date'\nformats = '%d'", "[columns.size]: formats = '%d' is not a list of texts"),
        ("[columns.size]\nkind = 'date'\nformats = ['dd.mm.yyyy']", "'dd.mm.yyyy' is not a format of dates"),
        ("[columns.size]\nkind = 'date'\nformats = ['%d.%d.%Y']", "'%d.%d.%Y' is not a format of dates"),
        ("[columns.size]\nkind = 'boolean'\nyes = ['ja', 'Nein']\nno = ['nein']", "'nein' is both yes and no"),
        ("[columns.size]\nkind = 'category'\nlabels = []", "labels is empty"),
        ("[columns.size]\nkind = 'text'\nfrom = ''", "from is empty"),
        ("separator = 'tab'", "separator = 'tab' is not a single character"),
        ("encoding = 'foo'", "encoding = 'foo' is not a known encoding"),
        ("[columns.size", "cannot be read"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_file_is_named(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "reading.toml"
    path.write_text(text + "\n")
    with pytest.raises(SeatrialError) as caught:
        read_rules(path)
    assert words in f"{caught.value.message} {caught.value.hint}"
    assert str(path).replace(os.sep, "/") in caught.value.message.replace(os.sep, "/")
