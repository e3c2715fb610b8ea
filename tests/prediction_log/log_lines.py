"""Lines of a prediction log, and spools with them, as servers write them."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

FACTS = {
    "name": "shop",
    "version": "1.0",
    "wheel": "w1",
    "task": "binary",
    "classes": ["no", "yes"],
    "columns": [
        {"name": "size", "type": "float", "hashed": False},
        {"name": "count", "type": "integer", "hashed": False},
        {"name": "kind", "type": "string", "hashed": False},
    ],
}
NOON = 1_764_504_000_000_000  # 2025-11-30 12:00 UTC
SEGMENT = "20251130T120000000000-0123456789abcdef"


def line(number: int, rows: Sequence[Sequence[Any]] = ((1.5, 2, "a"),), **more: Any) -> dict[str, Any]:
    """The record of an answered request."""
    head = {"t": NOON + number, "id": f"r{number}", "w": "w1", "route": "/api/v1/predict", "us": 250}
    answer = {"rows": rows, "scores": [[0.25, 0.75]] * len(rows), "decided": [1] * len(rows)}
    return {**head, **answer, **more}


def refusal(number: int, errors: Sequence[Sequence[Any]] = ((0, "size", "float_type"),)) -> dict[str, Any]:
    """The record of a refused request."""
    head = {"t": NOON + number, "id": f"r{number}", "w": "w1", "route": "/api/v1/predict", "us": 250}
    return {**head, "status": 422, "errors": errors}


def encoded(records: Iterable[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(record, ensure_ascii=False).encode() + b"\n" for record in records)


def make_spool(folder: Path, *facts: dict[str, Any]) -> Path:
    """A spool with the schemas of releases."""
    (folder / "schemas").mkdir(parents=True)
    for each in facts or (FACTS,):
        (folder / "schemas" / f"{each['wheel']}.json").write_text(json.dumps(each))
    return folder


def write_segment(spool: Path, number: int, records: Iterable[dict[str, Any]], suffix: str = ".jsonl") -> Path:
    path = spool / f"20251130T1200{number:02}000000-{number:016x}{suffix}"
    path.write_bytes(encoded(records))
    return path
