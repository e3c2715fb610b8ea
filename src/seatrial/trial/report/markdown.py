"""Texts for a code host's comments, and values for standard JSON: escaped, whatever they contain."""

import math
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from seatrial.trial.report.words import marked


def md(text: str) -> str:
    """Escape Markdown, HTML, mentions and URLs; what our sentences mark as code stays code."""
    return marked(text, _plain_md, "`{}`".format)


def _plain_md(text: str) -> str:
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = re.sub(r"([\\`*_{}\[\]#|~$!])", r"\\\1", text)
    # A code host would turn these into a notification, a reference, or a link.
    return re.sub(r"(@|://|www\.|GH-|\\#)", r"\1<!-- -->", text)


def md_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are escaped already."""
    lines = [headings, ["---" for _ in headings], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def folded(title: str, body: str) -> str:
    """A part that a reader may unfold."""
    return f"<details><summary>{title}</summary>\n\n{body}\n\n</details>"


def standard_json(value: Any) -> Any:
    """Convert to JSON types: numpy's scalars and arrays become numbers and lists, anything else text."""
    if isinstance(value, dict):
        return {standard_json(str(key)): standard_json(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [standard_json(each) for each in value]
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        # A lone surrogate cannot be written as UTF-8.
        return str(value).encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return float(value) if math.isfinite(value) else math.copysign(sys.float_info.max, value)
    return standard_json(value.tolist()) if hasattr(value, "tolist") else str(value)
