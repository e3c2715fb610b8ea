"""The reading rules of a project, reading.toml: how exports of its table are written, as `seatrial new` found it.

Whatever reads an export later goes by these rules instead of guessing again. They are for people to read and edit.
"""

import codecs
import datetime as dt
import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.core.project import read_toml
from seatrial.core.settings import unknown_key
from seatrial.template.reading.periods import FORMATS
from seatrial.template.reading.values import MISSING, MISSING_BESIDE_VALUES
from seatrial.template.records import KINDS, ColumnRules, Examination

FILE = "reading.toml"
HEAD = """How exports of this table are read: `seatrial new` wrote it, and `refresh` and `predict` go by it.
Where exports change on purpose, change it here. An empty cell is always missing; upper and lower case are the same.
"""
ABOUT_COLUMNS = (
    "One section for each column: `from` is its name in the export, if it has another in the project; `kind` is one of "
    "{kinds}. A column may have texts of its own for missing values: `missing = []` keeps NA as a value."
)
TEXT_KEYS = ("separator", "encoding", "decimal")
LIST_KEYS = ("missing", "missing_in_values")
KEYS = (*TEXT_KEYS, "header", *LIST_KEYS, "columns")
COLUMN_TEXTS = ("from", "kind", "decimal", "thousands", "unit")
COLUMN_LISTS = ("missing", "also_missing", "yes", "no", "formats", "labels")
COLUMN_KEYS = (*COLUMN_TEXTS, *COLUMN_LISTS, "time_zone", "width")


@dataclass(frozen=True)
class ReadingRules:
    """How a table's exports are read. `columns` go by their names in the project, the target among them.

    `listed` are those that reading.toml has, beside those that only the schema has.

    `missing` are texts that mean missing in every column, `missing_in_values` others that do among numbers, dates, and
    yes and no. `separator`, `encoding`, `header` and `decimal` are those of text files; empty if they do not matter.
    """

    separator: str = ""
    encoding: str = ""
    header: bool = True
    decimal: str = ""
    missing: frozenset[str] = frozenset(MISSING)
    missing_in_values: frozenset[str] = frozenset(MISSING_BESIDE_VALUES)
    columns: Mapping[str, ColumnRules] = field(default_factory=dict)
    listed: frozenset[str] = frozenset()
    where: Path | None = None

    def as_in_the_project(self) -> "ReadingRules":
        """The rules for the project's own table: numbers with points, in columns that are separated by commas."""
        columns = {name: replace(column, decimal=".", thousands="", unit="") for name, column in self.columns.items()}
        return replace(self, separator=",", encoding="utf-8", header=True, decimal="", columns=columns)

    def missing_of(self, rules: ColumnRules) -> frozenset[str]:
        """The texts, in lower case, that mean a missing value in a column."""
        if rules.missing is not None:
            return frozenset({"", *(text.lower() for text in rules.missing)})
        usual = self.missing if rules.kind in ("category", "code", "text") else self.missing | self.missing_in_values
        return usual | {text.lower() for text in rules.also_missing} | {""}


def rules_of(examination: Examination) -> ReadingRules:
    """The rules by which an examined table was read."""
    source, target = examination.source, examination.target
    found = {column.name: column.rules for column in examination.columns}
    found[target.name] = target.rules
    names = [found_name for old in source.columns for found_name, rule in found.items() if rule and rule.source == old]
    return ReadingRules(
        separator=source.separator,
        encoding=source.encoding,
        header=source.header,
        decimal="," if source.decimal.mark == "," else "",
        columns={name: rules for name in names if (rules := found[name]) is not None},
    )


def rules_text(rules: ReadingRules, unused: Mapping[str, str]) -> str:
    """The text of reading.toml; `unused` has the reason for each column that the model does not use."""
    import tomlkit

    document = tomlkit.document()
    _comment(document, HEAD)
    for key in TEXT_KEYS:
        if value := getattr(rules, key):
            document[key] = value
    if not rules.header:
        document["header"] = False
    document.add(tomlkit.nl())
    document["missing"] = sorted(rules.missing - {""})
    document.add(tomlkit.comment("Missing too, among numbers, dates, and yes and no:"))
    document["missing_in_values"] = sorted(rules.missing_in_values - rules.missing)
    document.add(tomlkit.nl())
    _comment(document, ABOUT_COLUMNS.format(kinds=", ".join(KINDS)))
    columns = tomlkit.table(is_super_table=True)
    for name, column in rules.columns.items():
        section = tomlkit.table()
        if name in unused:
            _comment(section, f"Not used by the model: {unused[name]}.")
        for key in COLUMN_KEYS:
            value = getattr(column, "source" if key == "from" else key)
            empty = value in ("", (), None, False, 0) and not (key == "missing" and value == ())
            if empty or (key == "from" and value == name):
                continue
            section[key] = list(value) if isinstance(value, tuple) else value
        columns[name] = section
    document["columns"] = columns
    return tomlkit.dumps(document)


def _comment(container: Any, text: str) -> None:
    import tomlkit

    printable = "".join(c if c.isprintable() else " " for c in text)
    for line in textwrap.wrap(printable, 116):
        container.add(tomlkit.comment(line))


def read_rules(path: Path) -> ReadingRules | None:
    """Read reading.toml; None if there is none. Raises SeatrialError where it is not valid."""
    if not path.exists():
        return None
    if not path.is_file():
        raise SeatrialError(f"{path} is not a file.", hint="It says how exports are read: restore it from git.")
    document = read_toml(path)
    where = str(path)
    for key, value in document.items():
        if key not in KEYS:
            raise unknown_key(where, key, KEYS)
        _check(where, key, value)
    columns: dict[str, ColumnRules] = {}
    for name, section in document.pop("columns", {}).items():
        columns[name] = _column_rules(f"{where}: [columns.{name}]", name, section)
    lists: Any = {key: frozenset(text.lower() for text in document.pop(key)) for key in LIST_KEYS if key in document}
    return ReadingRules(columns=columns, listed=frozenset(columns), where=path, **document, **lists)


def _column_rules(where: str, name: str, section: Any) -> ColumnRules:
    if not isinstance(section, dict):
        raise SeatrialError(f"{where} is not a table.", hint='For example kind = "number".')
    for key, value in section.items():
        if key not in COLUMN_KEYS:
            raise unknown_key(where, key, COLUMN_KEYS)
        _check(where, key, value)
    kind = section.get("kind")
    if kind not in KINDS:
        raise SeatrialError(f"{where}: kind = {kind!r} is not a kind of column.", hint=f"Kinds: {', '.join(KINDS)}.")
    _check_words(where, section)
    given: Any = {key: tuple(value) if isinstance(value, list) else value for key, value in section.items()}
    return ColumnRules(source=given.pop("from", name), **given)


def _is_encoding(name: str) -> bool:
    try:
        return bool(codecs.lookup(name))
    except LookupError:
        return False


def _check_words(where: str, section: dict[str, Any]) -> None:
    """Raise SeatrialError for values of the right type that mean nothing, or two things."""
    both = {word.lower() for word in section.get("yes", ())} & {word.lower() for word in section.get("no", ())}
    if both:
        raise SeatrialError(f"{where}: {both.pop()!r} is both yes and no.", hint="Correct it there.")
    if section.get("labels") == [] or section.get("from") == "":
        key = "from" if section.get("from") == "" else "labels"
        raise SeatrialError(f"{where}: {key} is empty.", hint="Fill it in, or remove the line.")
    now = dt.datetime(2024, 1, 31, 10, 30)
    for form in section.get("formats", ()):
        if form in FORMATS or form.startswith("ISO"):
            continue
        try:
            good = "%" in form and dt.datetime.strptime(now.strftime(form), form) is not None
        except (ValueError, re.error):
            good = False
        if not good:
            known = ", ".join(sorted(FORMATS))
            raise SeatrialError(
                f"{where}: {form!r} is not a format of dates.", hint=f"For example %d.%m.%Y, or one of {known}."
            )


def _check(where: str, key: str, value: Any) -> None:
    """Raise SeatrialError if a key has a value of the wrong type."""
    if key in ("header", "time_zone"):
        good, right = isinstance(value, bool), "true or false"
    elif key == "columns":
        good, right = isinstance(value, dict), "a table"
    elif key in (*LIST_KEYS, *COLUMN_LISTS):
        good, right = isinstance(value, list) and all(isinstance(text, str) for text in value), "a list of texts"
    elif key == "decimal":
        good, right = value in (",", ".", ",."), '"," or ".", or ",." for both'
    elif key == "thousands":
        good, right = value in (",", "."), '"," or "."'
    elif key == "width":
        good, right = isinstance(value, int) and value > 0, "a number of digits"
    elif key == "separator":
        good, right = isinstance(value, str) and len(value) == 1 and value not in "\"'\r\n", "a single character"
    elif key == "encoding":
        good, right = isinstance(value, str) and _is_encoding(value), "a known encoding"
    else:
        good, right = isinstance(value, str), "a text"
    if not good:
        raise SeatrialError(f"{where}: {key} = {value!r} is not {right}.", hint="Correct it there.")
