"""The prediction page: a form made from the schema, a prediction that updates as the user types, and its explanation.

It is rendered once per process and calls the same API as everyone else. Nothing in it is inline, so that it works under
a Content-Security-Policy without exceptions, and nothing is loaded from elsewhere, so that it works without a network.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import FastAPI, HTTPException, Request, Response

from seatrial.model import Release
from seatrial.model.schema import row_name
from seatrial.pages import asset, render
from seatrial.pages.words import short
from seatrial.serve.form_fields import by_importance, form_fields
from seatrial.serve.requests import wants_page
from seatrial.serve.responses import ALIVE
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
# All but the first three are loaded when they are needed.
SCRIPTS = ("try.js", "shared.js", "key.js", "rows.js", "what_if.js", "csv.js", "batch.js")
ASSETS = {
    **dict.fromkeys(SCRIPTS, "text/javascript"),
    **dict.fromkeys(("look.css", "try.css", "docs.css"), "text/css"),
    "docs.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
MANY_UNUSED = 6  # more fields that the model does not use are folded
REPORTS = "SEATRIAL_REPORTS"  # the environment variable with the paths of reports, by their titles, as JSON
REPORT_POLICY = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:"}


def add_page(app: FastAPI, service: Service) -> None:
    """Add `/`, the assets that it loads, and the reports that whoever started the server has on this machine."""
    # A link carries no key.
    reports = {} if service.settings.locked else local_reports(os.environ.get(REPORTS, ""))

    @cache
    def page() -> bytes:
        return render_page(service.release, service.settings, list(reports)).encode()

    @cache
    def content(name: str) -> bytes:
        return asset(name).encode()

    def show(request: Request) -> Response:  # in a thread: the template is compiled at first
        if not wants_page(request.scope["headers"]):
            return Response(ALIVE.body, media_type="application/json")
        return _respond(request, page(), "text/html", {**HEADERS, "Vary": "Accept"})

    async def load(request: Request, name: str) -> Response:
        if name not in ASSETS:
            raise HTTPException(404)
        return _respond(request, content(name), ASSETS[name])

    def report(request: Request, name: str) -> Response:
        titles = [title for title in reports if _path_of(title) == name]
        if not titles or not reports[titles[0]].is_file():
            raise HTTPException(404)
        return _respond(request, reports[titles[0]].read_bytes(), "text/html", {**HEADERS, **REPORT_POLICY})

    app.add_api_route("/reports/{name}", report, methods=["GET", "HEAD"], include_in_schema=False)
    app.add_api_route("/", show, methods=["GET", "HEAD"], include_in_schema=False)
    app.add_api_route("/assets/{name}", load, methods=["GET", "HEAD"], include_in_schema=False)


def local_reports(document: str) -> dict[str, Path]:
    """The reports that exist, by their titles, from the variable SEATRIAL_REPORTS; none for a deployed server."""
    paths = {title: Path(path) for title, path in json.loads(document or "{}").items()}
    return {title: path for title, path in paths.items() if path.is_file()}


def _path_of(title: str) -> str:
    return title.lower().replace(" ", "-")


def _respond(request: Request, content: bytes, media_type: str, headers: Mapping[str, str] = HEADERS) -> Response:
    tag = f'"{hashlib.sha256(content).hexdigest()[:20]}"'
    headers = {**headers, "ETag": tag}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=media_type)


def render_page(release: Release, settings: Settings, reports: Sequence[str] = (), *, local: str = "") -> str:
    """Render the page for a release, and for the limits of its server; `reports` are titles of pages to link to.

    `local` is the Content-Security-Policy of a page that predicts by itself, without a server.
    """
    meta = release.metadata
    fields = form_fields(release)
    used, unused = [field for field in fields if field.used], [field for field in fields if not field.used]
    first, more = by_importance(used, meta.importance)
    row_word, known = row_name(release.schema), release.intervals
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
        "range": {**known.shown_range, "never_negative": _never_negative(meta.data)} if known.shown_range else None,
        "set": known.shown_set or None,
        "row_limit": settings.row_limit,
        "body_limit": settings.body_limit,
        "release": release.name,
        "version": release.version,
        "package": release.package,
    }
    return render(
        "try.html",
        local=local,
        title=meta.description or release.name,
        release=release,
        headline=_headline(release),
        row=row_word,
        links=[(title, f"reports/{_path_of(title)}") for title in reports],
        first=first,
        more=more,
        unused=unused,
        fold_unused=len(unused) > MANY_UNUSED,
        facts=facts,
        card=list(read_card(release.card)),
    )


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


_PARTS = re.compile(r"\\([!-/:-@\[-`{-~])|(`+) ?(.+?) ?(?<!`)\2(?!`)|(.)", re.DOTALL)


def _spans(text: str) -> tuple[str, ...]:
    """Text, code, text, code ...: with the escapes and code spans of `seatrial.core.quoting`."""
    spans = [""]
    for escaped, _, code, plain in _PARTS.findall(text):
        if code:
            spans += [code, ""]
        else:
            spans[-1] += escaped or plain
    return tuple(spans)
