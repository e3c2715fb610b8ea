"""Formats numbers and values for people."""

import math
from typing import Any

SPACE = "\u00a0"  # a non-breaking space between a number and its unit
DASH = "\u2013"
MINUS = "\u2212"
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def short(value: float) -> str:
    """Format a metric with three to four significant digits: 0.823, 12.34, 1,234, 0.00123."""
    value += 0.0  # which turns -0.0 into 0.0
    size = abs(value)
    if 0 < size < 0.0005:
        return f"{value:.1e}"
    digits = 3 if size < 10 else 2 if size < 100 else 1 if size < 1000 else 0
    if 0 < size < 0.01:
        digits = 2 - math.floor(math.log10(size))
    return f"{value:,.{digits}f}"


def plain(value: float, figures: int = 4) -> str:
    """Format a quantity with four significant digits and no trailing zeros: 0.167, 80, 1,234, 180,900."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    digits = figures - 1 - math.floor(math.log10(abs(value)))
    if digits > 8:
        return power_of_ten(value)
    text = f"{round(value, digits):,.{max(digits, 0)}f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text).replace("-", MINUS)


def whole(value: float) -> str:
    """Format a value of a column of whole numbers: exactly, and years as people write them: 1962, 12,345, 35.5."""
    text = f"{value:.10g}" if abs(value) < 10_000 else f"{value:,.0f}"
    return text.replace("-", MINUS)


def rough(value: float) -> str:
    """Format a quantity for a sentence, with three significant digits: 0.142, 23.8, 17,300."""
    return plain(value, figures=3)


def power_of_ten(value: float) -> str:
    """Format a tiny number: 3.3·10⁻¹⁶."""
    factor, power = f"{value:.1e}".split("e")
    return f"{factor}·10{str(int(power)).translate(RAISED)}" if value else "0"


def percent(share: float) -> str:
    """Format a share: 82 %, and 0.4 % rather than 0 %, because 0 and 100 % are reserved for none and all."""
    if 0 < share < 0.001 or 0.999 < share < 1:
        return f"under 0.1{SPACE}%" if share < 0.5 else f"over 99.9{SPACE}%"
    digits = 1 if 0 < share < 0.01 or 0.99 < share < 1 else 0
    return f"{share * 100:.{digits}f}{SPACE}%"


def between(low: float, high: float) -> str:
    """Format two shares as an interval, with the same digits: 78 to 86 %, 98.2 to 99.0 %."""
    digits = 1 if low != high and (0 < low < 0.01 or 0.99 < high < 1 or high - low < 0.01) else 0
    shown = (min(max(share, 0.001), 0.999) if 0 < share < 1 else share for share in (low, high))
    return " to ".join(f"{share * 100:.{digits}f}" for share in shown) + f"{SPACE}%"


def plural(noun: str) -> str:
    """The regular plural of an English noun: sales, companies, boxes."""
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}{'es' if noun.endswith(('s', 'x', 'z', 'ch', 'sh')) else 's'}"


def cell(value: Any) -> str:
    """Format a value of a row: shortened, and a dash if it is missing."""
    if value is None:
        return DASH
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    text = str(value)
    return text if len(text) <= 48 else text[:47] + "…"
