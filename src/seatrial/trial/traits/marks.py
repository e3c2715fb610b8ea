"""A mark: one trait of every pooled row, made by the same function of old and new rows."""

from dataclasses import dataclass
from typing import Literal

from seatrial.model.features import Array

# What a mark shows. Only faults produce the first six; for the others, a changed world may be the reason.
Trait = Literal[
    "repeat", "near repeat", "rule", "format", "characters", "sentinel",
    "run", "outlier", "value", "missing", "digits", "range", "profile", "key",
    "fit", "row fit", "label fit", "label of a group", "label value",
]  # fmt: skip
FAULTS = frozenset({"repeat", "near repeat", "rule", "format", "characters", "sentinel"})


@dataclass(frozen=True)
class Mark:
    """One trait of the rows: `values` (n,) are booleans, or numbers of which the mean is compared.

    Integers are numbers of groups of equal rows, -1 for none: repeats within the new rows are counted.

    `words` say what holds of a marked row ("`age` is 999"). `more` is set where only more of it is a fault.
    `rank` orders what is equally certain: lower ones name the cause better.
    """

    column: str
    trait: Trait
    words: str
    values: Array
    more: bool = False
    rank: int = 1

    @property
    def counted(self) -> bool:
        """Whether rows have the trait or not; otherwise it is a matter of degree."""
        return self.values.dtype == bool
