"""The fields of the prediction page's form: the control of each column, what it offers, and which ones come first."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seatrial.model import Release
from seatrial.model.schema import Column

UNKNOWN = "unknown"
OTHER = "other"  # the choice of a value that an open category does not list; it is not JSON, as those listed are
SEGMENTS_LIMIT = 5  # more choices, or longer ones, become a drop-down list
SEGMENTS_WIDTH = 40  # characters
MANY_FIELDS = 12  # more of them are sorted by importance, and all but the first ones are folded
FIRST_FIELDS = 10
MOST_SUGGESTED = 500
ROWS_PER_VALUE = 10  # text with fewer rows per distinct value is free text, which may be personal
INPUT_TYPES = {"date": "date", "date-time": "datetime-local", "time": "time"}


@dataclass(frozen=True)
class FormField:
    """A column in the form. `control` is segments, select, number, text, long, json or the input type of a date."""

    number: int
    column: Column
    control: str
    used: bool
    seen: Mapping[str, Any]  # the training rows' values, as in model/unseen.py
    training_rows: int

    @property
    def id(self) -> str:
        """Its ID and control name in the page; the column's own name could clash with a property of the form."""
        return f"f{self.number}"

    @property
    def options(self) -> list[tuple[str, str]]:
        """The choices, as (JSON, text)."""
        column = self.column
        values: list[Any] = [True, False] if column.kind == "boolean" else list(column.categories)
        texts = ["yes", "no"] if column.kind == "boolean" else [str(value) for value in values]
        options = [(json.dumps(value), text) for value, text in zip(values, texts, strict=True)]
        if column.nullable:
            taken = UNKNOWN in texts  # a category of that name differs from a missing value
            options.append(("null", "no answer" if taken else UNKNOWN))
        return [*options, (OTHER, "another value…")] if column.open else options

    @property
    def wide(self) -> bool:
        """Whether it spans the whole width of the form."""
        if self.control == "segments":
            return sum(len(text) + 3 for _, text in self.options) > 24
        if self.column.kind == "other" and self.control in ("text", "datetime-local"):
            return True  # a moment
        return self.control in ("long", "json") or (self.control == "text" and (self.column.max_length or 0) > 120)

    @property
    def suggestions(self) -> list[str]:
        """Values of the training rows that are not among the choices; none of free text."""
        known = [str(value) for value in self.seen.get("values", ()) if value not in self.column.categories]
        if not (self.column.open or self.column.kind == "text") or len(known) > MOST_SUGGESTED:
            return []
        return known if len(known) * ROWS_PER_VALUE <= self.training_rows else []

    @property
    def step(self) -> str:
        """The step of a number input."""
        return "1" if self.column.kind == "integer" else "any"

    @property
    def placeholder(self) -> str:
        """The value that an empty control means."""
        column = self.column
        if column.nullable:
            return UNKNOWN
        return "" if column.required or column.default is None else str(column.default)

    @property
    def valid_range(self) -> str:
        """The accepted values, in a few words."""
        if self.control == "json":
            return "as JSON"
        column = self.column
        low = None if column.minimum is None else _bound(column.minimum)
        high = None if column.maximum is None else _bound(column.maximum)
        if low is None and high is None:
            return ""
        if high is None:
            return f"more than {low}" if column.exclusive_minimum else f"{low} or more"
        if low is None:
            return f"less than {high}" if column.exclusive_maximum else f"{high} or less"
        return f"{'above ' * column.exclusive_minimum}{low} to {'below ' * column.exclusive_maximum}{high}"

    def facts(self) -> dict[str, Any]:
        """What the script needs to know about it."""
        column = self.column
        return {
            "id": self.id,
            "name": column.name,
            "title": column.title,
            "unit": column.unit,
            "kind": self.control,
            "type": column.kind,
            "numeric": column.numeric,
            "range": self.seen.get("range") if column.kind in ("integer", "number") and self.used else None,
            "nullable": column.nullable,
            "required": column.required,
            "default": column.default if _plain(column.default) else None,
        }


def _plain(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float | bool)


def _bound(value: float) -> str:
    grouped = abs(value) >= 10_000  # a smaller one may be a year
    return (f"{value:,.15g}" if grouped else f"{value:.10g}").replace("-", "\u2212")


def form_fields(release: Release) -> list[FormField]:
    """Make a field for each column, in the schema's order."""
    used = release.used_columns
    properties = release.json_schema["properties"]
    meta = release.metadata
    rows = meta.split.get("train_rows", 0)
    controls = [_control(c, properties[c.name], meta.example.get(c.name)) for c in release.columns]
    return [
        FormField(number, column, control, column.name in used, meta.seen.get(column.name, {}), rows)
        for number, (column, control) in enumerate(zip(release.columns, controls, strict=True))
    ]


def _control(column: Column, part: dict[str, Any], example: Any) -> str:
    if column.kind == "boolean":
        return "segments"
    if column.open:
        return "select"  # whose last choice is another value
    if column.kind == "category":
        texts = [str(value) for value in column.categories] + [UNKNOWN] * column.nullable
        few = len(texts) <= SEGMENTS_LIMIT and sum(map(len, texts)) <= SEGMENTS_WIDTH
        return "segments" if few else "select"
    if column.kind in ("integer", "number"):
        return "number"
    if column.kind == "text":
        return "long" if (column.max_length or 0) > 200 else "text"
    options = part.get("anyOf", [part])
    formats = [option["format"] for option in options if option.get("type") == "string" and "format" in option]
    if not formats:
        return "json"
    zoned = re.search(r"\d(Z|[+-]\d\d:\d\d)$", str(example))  # date inputs have no time zones
    return "text" if zoned and "time" in formats[0] else INPUT_TYPES.get(formats[0], "text")


def by_importance(
    fields: Sequence[FormField], importance: Mapping[str, float]
) -> tuple[list[FormField], list[FormField]]:
    """Split many fields into the most important ones and the others, each in that order; few stay as they are."""
    if len(fields) <= MANY_FIELDS or not importance:
        return list(fields), []
    ordered = sorted(fields, key=lambda field: -importance.get(field.column.name, 0.0))
    return ordered[:FIRST_FIELDS], ordered[FIRST_FIELDS:]
