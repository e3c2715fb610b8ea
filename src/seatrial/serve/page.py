"""The prediction page: a form made from the schema, a prediction that updates as the user types, and its explanation.

It is rendered once per process and calls the same API as everyone else. Nothing in it is inline, so that it works under
a Content-Security-Policy without exceptions, and nothing is loaded from elsewhere, so that it works without a network.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from fastapi import FastAPI, HTTPException, Request, Response

from seatrial.model import Release
from seatrial.model.schema import Column, row_name
from seatrial.pages import asset, render
from seatrial.pages.words import short
from seatrial.serve.server_settings import Settings
from seatrial.serve.service import Service

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",  # browsers may store it, and must revalidate it by its ETag
}
SCRIPTS = ("try.js", "shared.js", "rows.js", "what_if.js", "csv.js", "batch.js")  # all but two are loaded when needed
ASSETS = {
    **dict.fromkeys(SCRIPTS, "text/javascript"),
    **dict.fromkeys(("look.css", "try.css", "docs.css"), "text/css"),
    "docs.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
UNKNOWN = "unknown"
OTHER = "other"  # the choice of a value that an open category does not list; it is not JSON, as those listed are
SEGMENTS_LIMIT = 5  # more choices, or longer ones, become a drop-down list
SEGMENTS_WIDTH = 40  # characters
MANY_FIELDS = 12  # more of them are sorted by importance, and all but the first ones are folded
FIRST_FIELDS = 10
MANY_UNUSED = 6
MOST_SUGGESTED = 500
ROWS_PER_VALUE = 10  # text with fewer rows per distinct value is free text, which may be personal
INPUT_TYPES = {"date": "date", "date-time": "datetime-local", "time": "time"}


def add_page(app: FastAPI, service: Service) -> None:
    """Add `/` and the assets that it loads."""

    @cache
    def page() -> bytes:
        return render_page(service.release, service.settings).encode()

    @cache
    def content(name: str) -> bytes:
        return asset(name).encode()

    async def show(request: Request) -> Response:
        return _respond(request, page(), "text/html")

    async def load(request: Request, name: str) -> Response:
        if name not in ASSETS:
            raise HTTPException(404)
        return _respond(request, content(name), ASSETS[name])

    app.add_api_route("/", show, methods=["GET", "HEAD"], include_in_schema=False)
    app.add_api_route("/assets/{name}", load, methods=["GET", "HEAD"], include_in_schema=False)


def _respond(request: Request, content: bytes, media_type: str) -> Response:
    tag = f'"{hashlib.sha256(content).hexdigest()[:20]}"'
    headers = {**HEADERS, "ETag": tag}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=media_type)


def render_page(release: Release, settings: Settings) -> str:
    """Render the page for a release, and for the limits of its server."""
    meta = release.metadata
    fields = _fields(release)
    used, unused = [field for field in fields if field.used], [field for field in fields if not field.used]
    first, more = by_importance(used, meta.importance)
    row_word = row_name(release.schema)
    facts = {
        "task": meta.task,
        "target": meta.target.replace("_", " "),
        "row": row_word,
        "classes": [_class(release, value) for value in meta.classes],
        "positive": meta.positive,
        "threshold": meta.threshold,
        "example": meta.example,
        "typical": meta.typical,
        "columns": [field.facts() for field in fields],
        "order": sorted((field.column.name for field in used), key=lambda name: -meta.importance.get(name, 0.0)),
        "unit": meta.unit,
        "error_range": {**meta.error_range, "never_negative": _never_negative(meta.data)} if meta.error_range else None,
        "row_limit": settings.row_limit,
        "body_limit": settings.body_limit,
        "release": release.name,
        "version": release.version,
        "package": release.package,
    }
    return render(
        "try.html",
        title=meta.description or release.name,
        release=release,
        headline=_headline(release),
        row=row_word,
        first=first,
        more=more,
        unused=unused,
        fold_unused=len(unused) > MANY_UNUSED,
        facts=facts,
        card=list(read_card(release.card)),
    )


def by_importance(fields: Sequence["Field"], importance: Mapping[str, float]) -> tuple[list["Field"], list["Field"]]:
    """Split many fields into the most important ones and the others, each in that order; few stay as they are."""
    if len(fields) <= MANY_FIELDS or not importance:
        return list(fields), []
    ordered = sorted(fields, key=lambda field: -importance.get(field.column.name, 0.0))
    return ordered[:FIRST_FIELDS], ordered[FIRST_FIELDS:]


def _never_negative(data: Mapping[str, Any]) -> bool:
    deciles = data.get("target", {}).get("deciles")
    return bool(deciles) and deciles[0] >= 0


def _class(release: Release, value: Any) -> dict[str, Any]:
    """A class's name in a list, and on its own, where a class without a display text needs its target: `fault: yes`."""
    meta = release.metadata
    name = meta.label(value)
    alone = name if str(value) in meta.labels else f"{meta.target.replace('_', ' ')}: {name}"
    return {"value": value, "name": name, "alone": alone}


def _headline(release: Release) -> str:
    """How good the model is, in one line."""
    meta = release.metadata
    metric = meta.metrics.get(meta.headline)
    if not metric:
        return ""
    rows = meta.split.get("test_rows")
    details = []
    if metric.get("low") is not None:
        details.append(f"95 % interval {short(metric['low'])} to {short(metric['high'])}")
    if metric.get("baseline") is not None:
        details.append(f"guessing scores {short(metric['baseline'])}")
    line = f"{metric['label']} {short(metric['value'])}"
    if rows:
        line += f" on {rows:,} rows that were not used in training"
    return line + (f" ({'; '.join(details)})" if details else "")


@dataclass(frozen=True)
class Field:
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


def _fields(release: Release) -> list[Field]:
    """Make a field for each column, in the schema's order."""
    used = release.used_columns
    properties = release.json_schema["properties"]
    meta = release.metadata
    rows = meta.split.get("train_rows", 0)
    controls = [_control(c, properties[c.name], meta.example.get(c.name)) for c in release.columns]
    return [
        Field(number, column, control, column.name in used, meta.seen.get(column.name, {}), rows)
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


@dataclass(frozen=True)
class Block:
    """A block of the model card: a heading, a paragraph or a table. Every second part of a text is code."""

    kind: str
    text: tuple[str, ...] = ()
    rows: tuple[tuple[tuple[str, ...], ...], ...] = ()


def read_card(markdown: str) -> Iterator[Block]:
    """Parse the Markdown that model cards use; anything else becomes a paragraph. The page escapes all text."""
    for part in re.split(r"\n\s*\n", markdown.strip()):
        lines = [line for line in part.splitlines() if line.strip()]
        if not lines or lines[0].startswith("# "):
            continue  # the page has its own title
        if lines[0].startswith("#"):
            yield Block("heading", _spans(lines[0].lstrip("#").strip()))
        elif all(line.startswith("|") for line in lines):
            yield Block("table", rows=tuple(_cells(line) for line in lines if not re.fullmatch(r"[|\s:-]+", line)))
        else:
            yield Block("paragraph", _spans(" ".join(lines)))


def _cells(line: str) -> tuple[tuple[str, ...], ...]:
    cells = re.split(r"(?<!\\)\|", line.strip().strip("|"))
    return tuple(_spans(cell.strip().replace("\\|", "|")) for cell in cells)


def _spans(text: str) -> tuple[str, ...]:
    return tuple(text.split("`"))
