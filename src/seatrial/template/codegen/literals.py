"""Python source in ruff's format: strings in double quotes, lists with one item per line if they are too long."""

import textwrap
from collections.abc import Sequence
from typing import Any

WIDTH = 120


def literal(value: Any) -> str:
    """A value as a Python literal, strings in double quotes unless that needs more escapes."""
    if isinstance(value, str):
        plain = "".join(repr(character)[1:-1] for character in value)
        quote = "'" if plain.count('"') > plain.count("'") else '"'
        return quote + plain.replace(quote, "\\" + quote) + quote
    if isinstance(value, float):
        return repr(value).replace("e+", "e")
    return repr(value)


def listed(before: str, items: Sequence[Any]) -> str:
    """`before[items]` in one line if it fits, else one item per line; `before` may be indented."""
    texts = [literal(item) for item in items]
    line = f"{before}[{', '.join(texts)}]"
    if len(line) <= WIDTH:
        return line
    indent = " " * (len(before) - len(before.lstrip()) + 4)
    inner = "".join(f"{indent}{text},\n" for text in texts)
    return f"{before}[\n{inner}{indent[4:]}]"


def comment(text: str, indent: int = 0) -> str:
    """A text as comment lines, each with its line end."""
    start = " " * indent + "# "
    text = "".join(character if character.isprintable() else " " for character in text)
    return "".join(f"{line}\n" for line in textwrap.wrap(text, WIDTH, initial_indent=start, subsequent_indent=start))


def short(text: str, length: int) -> str:
    """A text in one printable line, cut off if it is too long."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= length else line[: length - 3].rstrip() + "..."
