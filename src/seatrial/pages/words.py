"""How figures and values are written for people."""

import math
from typing import Any

SPACE = "\u00a0"  # keeps a number and its unit on one line
DASH = "\u2013"
MINUS = "\u2212"
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def short(value: float) -> str:
    """Write a metric with as many digits as people compare: 0.823, 12.34, 1,234."""
    size = abs(value)
    if 0 < size < 0.0005:
        return f"{value:.1e}"
    digits = 3 if size < 10 else 2 if size < 100 else 1 if size < 1000 else 0
    return f"{value:,.{digits}f}"


def plain(value: float, figures: int = 4) -> str:
    """Write a quantity with four digits and no zeros to fill up: 0.167, 80, 1,234, 180,900."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    digits = figures - 1 - math.floor(math.log10(abs(value)))
    if digits > 8:
        return power_of_ten(value)
    text = f"{round(value, digits):,.{max(digits, 0)}f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text).replace("-", MINUS)


def rough(value: float) -> str:
    """Write a quantity as one says it in a sentence: 0.142, 23.8, 17,300."""
    return plain(value, figures=3)


def power_of_ten(value: float) -> str:
    """Write a tiny figure: 3.3·10⁻¹⁶."""
    factor, power = f"{value:.1e}".split("e")
    return f"{factor}·10{str(int(power)).translate(RAISED)}" if value else "0"


def percent(share: float) -> str:
    """Write a share: 82 %, and 0.4 % rather than 0 %, for 0 and 100 % are said of none and of all alone."""
    if 0 < share < 0.001 or 0.999 < share < 1:
        return f"under 0.1{SPACE}%" if share < 0.5 else f"over 99.9{SPACE}%"
    digits = 1 if 0 < share < 0.01 or 0.99 < share < 1 else 0
    return f"{share * 100:.{digits}f}{SPACE}%"


def between(low: float, high: float) -> str:
    """Write two shares as an interval: 78 to 86 %."""
    return f"{percent(low).removesuffix(SPACE + '%')} to {percent(high)}"


def cell(value: Any) -> str:
    """Write a value of a row: short, and a dash where it is missing."""
    if value is None:
        return DASH
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    text = str(value)
    return text if len(text) <= 48 else text[:47] + "…"
