"""Texts for the template's answers: the columns of a schema, cells of a table, a sentence."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from seatrial.core.errors import SeatrialError
from seatrial.core.quoting import docstring, one_line, python
from seatrial.model.schema import Column, columns_of, schema_in
from seatrial.template.command import run_text

SHOWN = 40  # columns in the README; schema.py has them all
SHOWN_CATEGORIES = 6  # of a column in the README


def schema_answers(text: str, where: str = "schema.py") -> dict[str, Any]:
    """What the README shows of a schema: `columns`, `more_columns` and `example`.

    The text of the schema.py is run, as an import would; raises SeatrialError where that fails.
    """
    columns = columns_of(_schema(text, where))
    lines = [{"name": c.name, "about": _about(c), "optional": c.nullable or not c.required} for c in columns[:SHOWN]]
    return {"columns": lines, "more_columns": max(len(columns) - SHOWN, 0), "example": _example(columns)}


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
    return one_line(about)


def _categories(column: Column) -> str:
    names = [str(value) for value in column.categories[:SHOWN_CATEGORIES]]
    if len(column.categories) == 2 and not column.open:
        return " or ".join(names)
    more = len(column.categories) - len(names)
    listed = f"one of {', '.join(names)}" + (f" and {more} more" if more else "")
    return listed + (", or another" if column.open else "")


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
    text = ", ".join(f'"{name}": {python(value)}' for name, value in row.items())
    return "{" + text + "}" if len(text) <= 800 else "{...}"


def sentence(text: str) -> str:
    """A description fit for a docstring, a TOML string and a heading: one short line that ends with a full stop."""
    line = docstring(text)
    line = line if len(line) <= 100 else line[:97].rstrip() + "..."
    return line if line.endswith((".", "?", "!")) else f"{line}."
