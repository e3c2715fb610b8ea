"""A release as a folder that any web server can offer: the prediction page, the graph, and onnxruntime-web."""

import json
from pathlib import Path
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.core.files import write_atomic
from seatrial.export.expressions import Expressions, Untranslatable
from seatrial.export.javascript import features_module
from seatrial.export.onnxruntime_web import FILES
from seatrial.export.sql import Output
from seatrial.export.sql_release import engine_inputs, require_graph
from seatrial.model.engines import GRAPH_FILE
from seatrial.model.release import Release
from seatrial.model.schema import Column
from seatrial.pages import asset
from seatrial.serve.page import ASSETS, render_page
from seatrial.serve.server_settings import Settings

POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'"
)
MARKER = "assets/release.js"  # which only an export has
HERE = Path(__file__).parent / "assets"


def write_browser_folder(release: Release, runtime: Path, folder: Path) -> None:
    """Write the page, the graph and what runs it; `runtime` is a folder with onnxruntime-web's files.

    Raises SeatrialError for a feature function that has no translation, or a file that is missing in `runtime`.
    """
    script = _release_script(release)
    page = render_page(release, Settings(), local=POLICY)
    for name in FILES:
        if not (runtime / name).is_file():
            raise SeatrialError(
                f"{runtime} has no {name}.", hint="Name the `dist` folder of the package onnxruntime-web."
            )
    assets = folder / "assets"
    assets.mkdir(parents=True, exist_ok=True)
    write_atomic(folder / MARKER, script)  # first: an export that is killed can be repeated
    for name in FILES:
        write_atomic(assets / name, (runtime / name).read_bytes())
    for name in ASSETS:
        write_atomic(assets / name, asset(name))
    write_atomic(assets / "key.js", 'export { hasKey, post, prepareKey, refusal } from "./local.js";\n')
    write_atomic(assets / "local.js", (HERE / "local.js").read_text(encoding="utf-8"))
    write_atomic(folder / GRAPH_FILE, (release.artifacts / GRAPH_FILE).read_bytes())
    write_atomic(folder / "index.html", page)


def check_folder(folder: Path) -> None:
    """Raise SeatrialError for a path that is neither free nor an earlier export."""
    if folder.is_file() or (folder.exists() and not (folder / MARKER).is_file() and any(folder.iterdir())):
        raise SeatrialError(f"{folder} is not empty.", hint="Name a new folder, or an earlier export.")


def _release_script(release: Release) -> str:
    """The schema, the decision and the feature functions as a module."""
    require_graph(release)
    pool = Expressions()
    try:
        inputs = engine_inputs(release, pool)
        outputs = [Output(name, expression) for name, expression in inputs.items()]
        functions = features_module(outputs, release.metadata.inputs.numbers, release.metadata.inputs.strings)
    except Untranslatable as refused:
        raise SeatrialError(
            f"{release.name} cannot be exported to a browser: {refused}.",
            hint="docs/exports.md lists what is translated.",
        ) from None
    meta, rule = release.metadata, release.decision
    parts = release.json_schema["properties"]
    facts = {
        "task": meta.task,
        "classes": meta.classes,
        "positive": rule.positive,
        "threshold": rule.threshold,
        "typical": {column.name: meta.typical.get(column.name) for column in release.columns},
        "used": [column.name for column in release.columns if column.name in release.used_columns],
        "numbers": len(meta.inputs.numbers),
        "strings": len(meta.inputs.strings),
        "columns": [_rules(column, parts[column.name]) for column in release.columns],
    }
    return f"export const release = {json.dumps(facts, ensure_ascii=True)};\n{functions}"


def _rules(column: Column, part: dict[str, Any]) -> dict[str, Any]:
    """What the page checks of a column."""
    low, high = column.limits if column.kind in ("integer", "number") else (None, None)
    options = part.get("anyOf", [part])
    text: dict[str, Any] = next((option for option in options if option.get("type") == "string"), {})
    return {
        "name": column.name,
        "type": column.kind if column.kind != "other" else "text",
        "nullable": column.nullable,
        "required": column.required,
        "default": column.default if isinstance(column.default, str | int | float | bool) else None,
        "categories": column.categories,
        "open": column.open,
        "low": low,
        "high": high,
        "aboveLow": column.exclusive_minimum,
        "belowHigh": column.exclusive_maximum,
        "minLength": text.get("minLength", 0),
        "maxLength": column.max_length,
        "pattern": text.get("pattern"),
    }
