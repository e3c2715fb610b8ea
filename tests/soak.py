"""How often a randomised test repeats: a few times in `make test`, many times in `make soak`."""

import os
from collections.abc import Collection, Iterable
from typing import Any

import pytest

SOAK = bool(os.environ.get("SEATRIAL_SOAK"))


def turns(full: int, few: int) -> int:
    """Return how often a randomised test repeats in this run."""
    return full if SOAK else few


def few_of(values: Iterable[str], always: Collection[str]) -> list[Any]:
    """Parameters of a test: those in `always` in each run, the others in `make soak` only."""
    every = list(values)
    assert set(always) <= set(every)
    return [value if value in always else pytest.param(value, marks=pytest.mark.soak) for value in every]
