"""The answers that the template is rendered from: everything that is specific to one project."""

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
SHOWN_CATEGORIES = 6  # of a column in the README
TOOLKIT = ">=0.1,<0.2"


@dataclass(frozen=True)
class ColumnLine:
    """A column as the README shows it."""

    name: str
    about: str
    optional: bool


@dataclass(frozen=True)
class LeftOut:
    """A column of the table that the schema has no field for, and why."""

    name: str
    why: str


@dataclass(frozen=True)
class TemplateAnswers:
    """The answers of one project; they are stored in .copier-answers.yml, so all are plain values."""

    name: str
    package: str
    description: str
    data: str  # the file's name in data/
    target: str
    task: str
    licence: str = "none"
    holder: str = ""
    year: str = ""
    table: str = ""  # its path in the project, if it is not in data/
    data_from: str = ""
    data_sha256: str = ""
    data_notes: tuple[str, ...] = ()
    rows: str = ""
    test_share: str = ""  # if the default would hold out too few rows
    min_rows: int = 0  # held-out rows for a trial, if the table is too small for the default
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
    repository: str = ""  # the root of the git repository, if it is not the enclosing one
    deploy: tuple[str, ...] = ("local",)

    def answers(self) -> dict[str, Any]:
        """The answers as copier accepts them."""
        return _plain(self)


@dataclass(frozen=True)
class SchemaAnswers:
    """What a project's README shows of its schema."""

    columns: tuple[ColumnLine, ...]
    more_columns: int
    example: str

    def answers(self) -> dict[str, Any]:
        """The answers as copier accepts them."""
        return _plain(self)


def _plain(answers: Any) -> dict[str, Any]:
    """A dataclass as lists and dictionaries without tuples, since the answers are written as YAML."""
    plain: dict[str, Any] = json.loads(json.dumps(answers, default=lambda value: value.__dict__))
    return plain


def schema_answers(text: str, where: str = "schema.py") -> SchemaAnswers:
    """Read the text of a schema.py by running it, as an import would."""
    schema = _schema(text, where)
    columns = columns_of(schema)
    lines = tuple(ColumnLine(c.name, _about(c), c.nullable or not c.required) for c in columns[:SHOWN])
    return SchemaAnswers(lines, max(len(columns) - SHOWN, 0), _example(columns))


def _schema(text: str, where: str) -> type[BaseModel]:
    try:
        return schema_in(run_text("schema", text, where))
    except SeatrialError:
        raise
    except Exception as error:
        raise SeatrialError(f"{where} cannot be read: {type(error).__name__}: {error}") from None


def _about(column: Column) -> str:
    kinds = {"integer": "whole number", "number": "number", "boolean": "true or false", "text": "text"}
    about = _categories(column) if column.kind == "category" else kinds.get(column.kind, "date") + _limits(column)
    about += f" ({column.unit})" if column.unit else ""
    if column.title.casefold() != column.name.replace("_", " ").strip().casefold():
        about = f"{column.title}: {about}"
    if column.description:
        about += f". {column.description}"
    return in_a_cell(about)


def _categories(column: Column) -> str:
    names = [str(value) for value in column.categories[:SHOWN_CATEGORIES]]
    if len(column.categories) == 2:
        return " or ".join(names)
    more = len(column.categories) - len(names)
    return f"one of {', '.join(names)}" + (f" and {more} more" if more else "")


def _limits(column: Column) -> str:
    low, high = column.minimum, column.maximum
    limits = f" from {_figure(low)}" if low is not None else ""
    if high is not None:
        limits += f" {'to' if limits else 'up to'} {_figure(high)}"
    return limits + (f", up to {column.max_length:,} characters" if column.max_length is not None else "")


def _figure(number: float) -> str:
    return f"{int(number):,}" if number == int(number) and abs(number) < 1e15 else f"{number:g}"


def _example(columns: Sequence[Column]) -> str:
    """A row as Python source in one line: the required columns that have an example."""
    row = {c.name: c.example for c in columns if c.required and c.example is not None}
    text = ", ".join(f'"{name}": {_value(value)}' for name, value in row.items())
    return "{" + text + "}" if len(text) <= 800 else "{...}"


def _value(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def in_a_cell(text: str) -> str:
    """A text as a cell of a Markdown table: in one line, with Markdown's characters escaped."""
    return re.sub(r"([|\\`*_<])", r"\\\1", " ".join(text.split()))


def sentence(text: str) -> str:
    """A description fit for a docstring, a TOML string and a heading: one short line that ends with a full stop."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split()).replace('"', "'").replace("\\", "/")
    line = line if len(line) <= 100 else line[:97].rstrip() + "..."
    return line if line.endswith((".", "?", "!")) else f"{line}."


def this_year() -> str:
    """The year for the copyright line."""
    return str(dt.datetime.now(dt.UTC).year)
