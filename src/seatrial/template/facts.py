"""What the template is filled with: everything that a rendered file says about this one project."""

import datetime as dt
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from seatrial.core.errors import SeatrialError
from seatrial.model.schema import Column, columns_of, schema_in
from seatrial.template.command import run_text

SHOWN = 40  # columns in the README; schema.py has them all
SHOWN_NAMES = 6  # categories of a column there
TOOLKIT = ">=0.1,<0.2"


@dataclass(frozen=True)
class ColumnLine:
    """A column as the README shows it."""

    name: str
    about: str
    optional: bool


@dataclass(frozen=True)
class LeftOut:
    """A column of the table that the schema does not ask for, and why."""

    name: str
    why: str


@dataclass(frozen=True)
class Facts:
    """The answers that the template is rendered from; they are kept in .copier-answers.yml, so all are plain values."""

    name: str
    package: str
    description: str
    data: str  # the file's name in data/
    target: str
    task: str
    licence: str = "none"
    holder: str = ""
    year: str = ""
    table: str = ""  # its path in the project, where it is not in data/
    data_from: str = ""
    data_sha256: str = ""
    data_notes: tuple[str, ...] = ()
    rows: str = ""
    test_share: str = ""  # where the usual one would hold out too few
    min_rows: int = 0  # for a trial, where the table has not the usual ones
    left_out: tuple[LeftOut, ...] = ()
    positive: str = ""
    classes: tuple[str, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)
    row: str = "row"
    columns: tuple[ColumnLine, ...] = ()
    more_columns: int = 0
    example: str = "{}"
    seatrial: str = TOOLKIT
    ci: str = "none"
    repository: str = ""  # the top of the git repository, where it is not the one that the project lies in
    deploy: tuple[str, ...] = ("local",)

    def answers(self) -> dict[str, Any]:
        """As copier takes them."""
        return _plain(self)


@dataclass(frozen=True)
class SchemaFacts:
    """What a project's schema.py says of a row."""

    columns: tuple[ColumnLine, ...]
    more_columns: int
    example: str

    def answers(self) -> dict[str, Any]:
        """As copier takes them."""
        return _plain(self)


def _plain(facts: Any) -> dict[str, Any]:
    """Lists and dictionaries of it, and no tuples, since they are written as YAML."""
    plain: dict[str, Any] = json.loads(json.dumps(facts, default=lambda value: value.__dict__))
    return plain


def schema_facts(text: str, where: str = "schema.py") -> SchemaFacts:
    """Read the text of a schema.py: it is run, as an import would."""
    schema = _schema(text, where)
    columns = columns_of(schema)
    lines = tuple(ColumnLine(c.name, _about(c), c.nullable or not c.required) for c in columns[:SHOWN])
    return SchemaFacts(lines, max(len(columns) - SHOWN, 0), _example(columns))


def _schema(text: str, where: str) -> type[BaseModel]:
    try:
        return schema_in(run_text("schema", text, where))
    except SeatrialError:
        raise
    except Exception as error:
        raise SeatrialError(f"{where} cannot be read: {type(error).__name__}: {error}") from None


def _about(column: Column) -> str:
    kinds = {"integer": "a whole number", "number": "a number", "boolean": "true or false", "text": "a text"}
    if column.kind == "category":
        names = [str(value) for value in column.categories[:SHOWN_NAMES]]
        more = len(column.categories) - len(names)
        about = " or ".join(names) if len(names) == 2 else ", ".join(names) + (f" and {more} more" if more else "")
    else:
        about = kinds.get(column.kind, "a date")
        low, high = column.minimum, column.maximum
        if low is not None and high is not None:
            about += f" from {_figure(low)} to {_figure(high)}"
        elif low is not None:
            about += f" from {_figure(low)}"
        elif high is not None:
            about += f" up to {_figure(high)}"
        if column.max_length is not None:
            about += f", up to {column.max_length:,} characters"
    about += f" ({column.unit})" if column.unit else ""
    if column.title.casefold() != column.name.replace("_", " ").strip().casefold():
        about = f"{column.title}: {about}"
    if column.description:
        about += f". {column.description}"
    return in_a_cell(about)


def _figure(number: float) -> str:
    return f"{int(number):,}" if number == int(number) and abs(number) < 1e15 else f"{number:g}"


def _example(columns: Sequence[Column]) -> str:
    """A row as Python writes it: what must be given and what has an example, in one line."""
    row = {c.name: c.example for c in columns if c.required and c.example is not None}
    text = ", ".join(f'"{name}": {_value(value)}' for name, value in row.items())
    return "{" + text + "}" if len(text) <= 800 else "{...}"


def _value(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def in_a_cell(text: str) -> str:
    """A text as a cell of a Markdown table: in one line, nothing in it being a mark."""
    return re.sub(r"([|\\`*_<])", r"\\\1", " ".join(text.split()))


def sentence(text: str) -> str:
    """A description as it may stand in a docstring, a TOML string and a heading: one short line, ended."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split()).replace('"', "'").replace("\\", "/")
    line = line if len(line) <= 100 else line[:97].rstrip() + "..."
    return line if line.endswith((".", "?", "!")) else f"{line}."


def this_year() -> str:
    """The year for the copyright line."""
    return str(dt.datetime.now(dt.UTC).year)
