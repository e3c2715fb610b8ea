"""How often a randomised test repeats: a few times in `make test`, many times in `make soak`."""

import os

SOAK = bool(os.environ.get("SEATRIAL_SOAK"))


def turns(full: int, few: int) -> int:
    """Return how often a randomised test repeats in this run."""
    return full if SOAK else few
