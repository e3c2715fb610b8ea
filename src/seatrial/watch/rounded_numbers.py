"""Numbers that are rounded now, or cut off: on a grid that the values from before are mostly not on."""

from collections.abc import Callable

import numpy as np

from seatrial.model.features import Array, Floats
from seatrial.watch.number_causes import ColumnCause, apart

PLACES = range(5, -7, -1)  # decimals; below 0, of tens, hundreds ...
FEWEST = 10  # rows on the grid
LEAST_ROUNDED = 0.05  # of rows
NEARLY = 0.9  # of the rows that are on any grid, that must be on the coarsest one
MOST_APART = 0.1  # of the distribution's steps, between the values on the grid and the old ones when rounded
WAYS: tuple[Callable[[Floats], Floats], ...] = (
    np.round,
    np.floor,
)  # by their distributions, too alike to be told apart


def rounded(old: Floats, new: Floats) -> ColumnCause | None:
    """Say to what numbers (m,) are rounded that were not so (n,); NaN for missing. None if they are not."""
    known, there = old[~np.isnan(old)], new[~np.isnan(new)]
    if len(known) < FEWEST or len(there) < FEWEST:
        return None
    usual, now = (np.array([_on_grid(each, k).mean() for k in PLACES]) for each in (known, there))
    shares = (now - usual) / np.maximum(1 - usual, 1e-9)
    if shares.max() < LEAST_ROUNDED:
        return None
    k = int(np.flatnonzero(shares >= NEARLY * shares.max())[-1])
    places, share = PLACES[k], float(shares[k])
    on = there[_on_grid(there, places)]
    values, counts = np.unique(on[on != 0], return_counts=True)
    if len(on) < FEWEST or (counts > 1).sum() < 2 or not len(values):
        return None
    distance = min(apart(on, _to_grid(known, places, way)) for way in WAYS)
    if distance > MOST_APART + 1 / np.sqrt(len(on)):
        return None
    rows = ~np.isnan(new) & _on_grid(np.nan_to_num(new), places)
    return ColumnCause("rounded", f"is rounded to {_grid(places)}", rows, share=share)


def _on_grid(values: Floats, places: int) -> Array:
    return np.asarray(np.abs(values - _to_grid(values, places, np.round)) <= 1e-9 * np.maximum(np.abs(values), 1.0))


def _to_grid(values: Floats, places: int, way: Callable[[Floats], Floats]) -> Floats:
    return np.asarray(way(values * 10.0**places) / 10.0**places)


def _grid(places: int) -> str:
    if places < 0:
        return f"multiples of {10**-places:,}"
    return "whole numbers" if places == 0 else f"{places} decimal{'s' if places > 1 else ''}"
