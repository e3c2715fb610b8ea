"""Python source in ruff's format: strings in double quotes, lists with one item per line if they are too long."""

import textwrap
from collections.abc import Sequence
from typing import Any

from seatrial.core.quoting import one_line, python

WIDTH = 120


def listed(before: str, items: Sequence[Any]) -> str:
    """`before[items]` in one line if it fits, else one item per line; `before` may be indented."""
    texts = [python(item) for item in items]
    line = f"{before}[{', '.join(texts)}]"
    if len(line) <= WIDTH:
        return line
    indent = " " * (len(before) - len(before.lstrip()) + 4)
    inner = "".join(f"{indent}{text},\n" for text in texts)
    return f"{before}[\n{inner}{indent[4:]}]"


def comment(text: str, indent: int = 0) -> str:
    """A text as comment lines, each with its line end."""
    start = " " * indent + "# "
    return "".join(
        f"{line}\n" for line in textwrap.wrap(one_line(text), WIDTH, initial_indent=start, subsequent_indent=start)
    )


def short(text: str, length: int) -> str:
    """A text in one printable line, cut off if it is too long."""
    line = one_line(text)
    return line if len(line) <= length else line[: length - 3].rstrip() + "..."
