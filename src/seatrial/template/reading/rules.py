"""The reading rules of a project, reading.toml: how exports of its table are written, as `seatrial new` found it.

Whatever reads an export later goes by these rules instead of guessing again. They are for people to read and edit.
"""

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.core.project import read_toml
from seatrial.core.settings import unknown_key
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
COLUMN_TEXTS = ("from", "kind", "decimal", "unit")
COLUMN_LISTS = ("missing", "also_missing", "yes", "no", "formats", "labels")
COLUMN_KEYS = (*COLUMN_TEXTS, *COLUMN_LISTS, "time_zone")


@dataclass(frozen=True)
class ReadingRules:
    """How a table's exports are read. `columns` go by their names in the project, the target among them.

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
    where: Path | None = None

    def as_in_the_project(self) -> "ReadingRules":
        """The rules for the project's own table: numbers with points, in columns that are separated by commas."""
        columns = {name: replace(column, decimal=".", unit="") for name, column in self.columns.items()}
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
            empty = value in ("", (), None, False) and not (key == "missing" and value == ())
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
    if not path.is_file():
        return None
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
    return ReadingRules(columns=columns, where=path, **document, **lists)


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
    given: Any = {key: tuple(value) if isinstance(value, list) else value for key, value in section.items()}
    return ColumnRules(source=given.pop("from", name), **given)


def _check(where: str, key: str, value: Any) -> None:
    """Raise SeatrialError if a key has a value of the wrong type."""
    if key in ("header", "time_zone"):
        good, right = isinstance(value, bool), "true or false"
    elif key == "columns":
        good, right = isinstance(value, dict), "a table"
    elif key in (*LIST_KEYS, *COLUMN_LISTS):
        good, right = isinstance(value, list) and all(isinstance(text, str) for text in value), "a list of texts"
    elif key == "decimal":
        good, right = value in (",", "."), '"," or "."'
    else:
        good, right = isinstance(value, str), "a text"
    if not good:
        raise SeatrialError(f"{where}: {key} = {value!r} is not {right}.", hint="Correct it there.")
