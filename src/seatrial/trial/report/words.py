"""Writes a trial's texts and numbers for people: harmless in every rendering, and short.

Names and values come from the packages under test, so they are not trusted: every text goes through `cleaned`, before
its rendering escapes its own markup.
"""

import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from seatrial.pages.words import DASH, MINUS, SPACE, rough

LONGEST = 600  # letters of any text; enough for a cause with its numbers
CODE = re.compile(r"`([\w .:=,/()\[\]'\"+-]{1,200})`")  # what our sentences mark as code
# Text directions and invisible characters, which can make a name look like another one.
_HIDDEN = {*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200B, 0x200E, 0x200F, 0x2028, 0x2029, 0x2060, 0xFEFF}


def clean(text: str, longest: int = LONGEST) -> str:
    """Show control characters as escapes, replace line breaks, and cut a text that is too long."""
    if len(text) > longest:
        text = text[: longest - 1] + "…"
    if text.isascii() and text.isprintable():  # as nearly all texts are
        return text.strip()
    return "".join(_shown(letter) for letter in text).strip()


def _shown(letter: str) -> str:
    if letter in "\n\r\t":
        return " "
    if unicodedata.category(letter) in ("Cc", "Cs", "Cn", "Co") or ord(letter) in _HIDDEN:
        return letter.encode("unicode_escape", "backslashreplace").decode("ascii")
    return letter


def cleaned(value: Any) -> Any:
    """Clean every text in a document, including names; numbers are kept."""
    if isinstance(value, str):
        return clean(str(value))
    if isinstance(value, Mapping):
        return {clean(str(key), 120): cleaned(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(cleaned, value))
    return value if value is None or isinstance(value, bool | int | float) else clean(str(value))


def cut(text: str, longest: int) -> str:
    """Shorten a clean text."""
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def marked(text: str, plain: Callable[[str], str], code: Callable[[str], str]) -> str:
    """Render a sentence: `plain` renders its text, and `code` what it marks as code."""
    return "".join((code if place % 2 else plain)(part) for place, part in enumerate(CODE.split(text)))


def sentence(text: str) -> str:
    """Start with a capital letter and end with a full stop; a word marked as code keeps its case."""
    text = re.sub(r"(?<=\d) %", f"{SPACE}%", text.strip())
    if not text:
        return ""
    text = text[0].upper() + text[1:]
    return text if text[-1] in ".!?…" else text + "."


def figure(value: float) -> str:
    """Write a number for people: 0.142, 23.8, 17,300, 3.1e-12."""
    if value == 0 or not math.isfinite(value):
        return {math.inf: "∞", -math.inf: MINUS + "∞"}.get(value, "0" if value == 0 else "not a number")
    digits = 2 - math.floor(math.log10(abs(value)))
    if digits > 6 or digits < -12:
        factor, power = f"{value:.1e}".split("e")
        return f"{factor.removesuffix('.0')}e{int(power)}".replace("-", MINUS)
    return rough(value)


def times(ratio: float) -> str:
    """Write a ratio: 14.2, 3.9, 0.52."""
    return figure(round(ratio, 1 if ratio >= 1 else 2)) if math.isfinite(ratio) else figure(ratio)


def signed(value: float) -> str:
    """Write a change with its sign."""
    return f"{'+' if value > 0 else ''}{figure(value)}"


def cell(value: Any, longest: int = 48) -> str:
    """Write a value of a row: short, with a dash for a missing one."""
    if value is None or value == "":
        return DASH
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}".replace("-", MINUS) if math.isfinite(value) else figure(value)
    if isinstance(value, Mapping):
        value = ", ".join(f"{key} {cell(each)}" for key, each in value.items())
    elif isinstance(value, list | tuple):
        value = ", ".join(cell(each) for each in value)
    return cut(str(value), longest)


def count(number: int, one: str) -> str:
    """Write a number of things: 1 check, 12 checks."""
    return f"{number:,} {one}{'' if number == 1 else 's'}"


def moment(started: str) -> str:
    """Write a time: 24 November 2026, 22:02 UTC; unchanged if it cannot be parsed."""
    try:
        when = datetime.fromisoformat(started)
    except ValueError:
        return started
    return f"{when.day} {when:%B %Y, %H:%M} UTC"
