"""Formats numbers and values for people."""

import math
from typing import Any

SPACE = "\u00a0"  # a non-breaking space between a number and its unit
DASH = "\u2013"
MINUS = "\u2212"
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def short(value: float) -> str:
    """Format a metric with three to four significant digits: 0.823, 12.34, 1,234."""
    size = abs(value)
    if 0 < size < 0.0005:
        return f"{value:.1e}"
    digits = 3 if size < 10 else 2 if size < 100 else 1 if size < 1000 else 0
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
    """Format two shares as an interval: 78 to 86 %."""
    return f"{percent(low).removesuffix(SPACE + '%')} to {percent(high)}"


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
