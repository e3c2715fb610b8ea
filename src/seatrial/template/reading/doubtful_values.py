"""What is taken as it stands and may be meant otherwise: it is told, and changed by nobody but a person."""

from typing import Any

import numpy as np
import numpy.typing as npt

# Numbers that people write where they have none.
STANDS_FOR_NONE = (99, 999, 9999, 99999, 999999, -1, -9, -99, -999, -9999, -99999)
FEWEST = 3  # rows of it


def far_off(values: npt.NDArray[np.float64]) -> tuple[float, int] | None:
    """A number that may stand for missing, at the end of all and far from the next one; and in how many rows it is."""
    if len(values) < FEWEST:
        return None
    for end in (float(values.max()), float(values.min())):
        if end not in STANDS_FOR_NONE:
            continue
        others = values[values != end]
        if not len(others):
            continue
        low, high = float(others.min()), float(others.max())
        apart = end > 2 * high and end - high > high - low if end > 0 else low >= 0
        count = len(values) - len(others)
        if apart and count >= FEWEST:
            return end, count
    return None


def several_ways(names: list[str]) -> str:
    """Names that differ in case only, the first of them in words; "" where there are none."""
    by_fold: dict[str, list[Any]] = {}
    for name in names:
        by_fold.setdefault(name.casefold(), []).append(name)
    alike = next((sorted(found) for found in by_fold.values() if len(found) > 1), [])
    return " and ".join(map(repr, alike[:3]))
