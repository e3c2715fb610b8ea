"""Columns derived from a passenger: plain functions, whose parameters name the columns they read."""

import re

_TITLE = re.compile(r",\s*(?:the\s+)?([A-Za-z]+)")
_COMMON = {
    "Mr": "Mr",
    "Mrs": "Mrs",
    "Miss": "Miss",
    "Master": "Master",
    "Ms": "Miss",
    "Mlle": "Miss",
    "Mme": "Mrs",
}


def title(name: str) -> str:
    """How the passenger list addresses the person; officers, clergy and nobility are `rare`."""
    found = _TITLE.search(name)
    return _COMMON.get(found.group(1), "rare") if found else "rare"


def deck(cabin: str | None) -> str | None:
    """The deck is the cabin's letter; most cabins of steerage were never written down."""
    return cabin.strip()[:1].upper() or None if cabin else None


def family_size(sibsp: int, parch: int) -> int:
    """The person with the whole family aboard."""
    return 1 + sibsp + parch


def fare_per_head(fare: float | None, family_size: int) -> float | None:
    """The fare was paid by ticket, and families shared one."""
    return None if fare is None else fare / family_size
