"""Finds values that are kept as they are, but may mean something else, so that they can be reported."""

import numpy as np
import numpy.typing as npt

# Numbers that people write for a missing value.
CODES_FOR_MISSING = (99, 999, 9999, 99999, 999999, -1, -9, -99, -999, -9999, -99999)
FEWEST_ROWS = 3


def outlying_code(values: npt.NDArray[np.float64]) -> tuple[float, int] | None:
    """An extreme number, far from all others, that may mean missing; and the number of rows that have it."""
    for end in (float(values.max()), float(values.min())) if len(values) >= FEWEST_ROWS else ():
        others = values[values != end]
        if end not in CODES_FOR_MISSING or not len(others):
            continue
        low, high = float(others.min()), float(others.max())
        apart = end > 2 * high and end - high > high - low if end > 0 else low >= 0
        count = len(values) - len(others)
        if apart and count >= FEWEST_ROWS:
            return end, count
    return None


def case_variants(names: list[str]) -> str:
    """The first names that differ only in upper and lower case, as 'Red' and 'red'; "" if there are none."""
    by_fold: dict[str, list[str]] = {}
    for name in names:
        by_fold.setdefault(name.casefold(), []).append(name)
    variants = next((sorted(alike) for alike in by_fold.values() if len(alike) > 1), [])
    return " and ".join(map(repr, variants[:3]))
