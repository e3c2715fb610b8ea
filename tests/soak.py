"""How often what is left to chance is repeated: a few times with every change, at full length by `make soak`."""

import os

SOAK = bool(os.environ.get("SEATRIAL_SOAK"))


def turns(full: int, few: int) -> int:
    """How many turns a test of chance takes in this run."""
    return full if SOAK else few
