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
    """The title on the passenger list; those of officers, clergy and nobility are `rare`."""
    match = _TITLE.search(name)
    return _COMMON.get(match.group(1), "rare") if match else "rare"


def deck(cabin: str | None) -> str | None:
    """The letter of the cabin; most cabins of third class were not recorded."""
    return cabin.strip()[:1].upper() or None if cabin else None


def family_size(sibsp: int, parch: int) -> int:
    """The number of family members aboard, including the passenger."""
    return 1 + sibsp + parch


def fare_per_head(fare: float | None, family_size: int) -> float | None:
    """The fare per family member, since families shared a ticket."""
    return None if fare is None else fare / family_size
