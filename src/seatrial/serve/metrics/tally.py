"""The numbers of one process or of several, which can be added, and passed on as JSON."""

import json
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from seatrial.serve.metrics.families import SHARED

Key = tuple[str, ...]  # the values of a family's labels


@dataclass
class Tally:
    """By family and labels: totals, levels, and histograms, each a list of counts by bucket that ends with the sum."""

    totals: dict[str, dict[Key, float]] = field(default_factory=dict)
    levels: dict[str, dict[Key, float]] = field(default_factory=dict)
    histograms: dict[str, dict[Key, list[float]]] = field(default_factory=dict)

    def add(self, other: "Tally") -> None:
        """Add the numbers of another process."""
        for name, values in other.totals.items():
            _add(self.totals.setdefault(name, {}), values)
        for name, values in other.levels.items():
            if name in SHARED:
                self.levels.setdefault(name, values)
            else:
                _add(self.levels.setdefault(name, {}), values)
        for name, histograms in other.histograms.items():
            own = self.histograms.setdefault(name, {})
            for key, counts in histograms.items():
                before = own.get(key)
                own[key] = [a + b for a, b in zip(before, counts, strict=True)] if before else list(counts)

    def ended(self) -> "Tally":
        """What remains of a process that has ended: its levels do not."""
        return Tally(self.totals, {}, self.histograms)

    def to_json(self) -> str:
        """The numbers as JSON, which has no tuples as keys."""
        parts = (self.totals, self.levels, self.histograms)
        return json.dumps([{name: list(values.items()) for name, values in part.items()} for part in parts])

    @classmethod
    def from_json(cls, text: str | bytes) -> "Tally":
        """Read the numbers back. Raises ValueError."""
        parts: Any = [
            {name: {tuple(key): value for key, value in values} for name, values in part.items()}
            for part in json.loads(text)
        ]
        return cls(*parts)


def bucketed(bounds: Sequence[float], values: Mapping[int, int]) -> list[float]:
    """A histogram of values that are counted one by one already."""
    counts: list[float] = [0] * (len(bounds) + 2)
    for value, count in values.items():
        counts[bisect_left(bounds, value)] += count
        counts[-1] += value * count
    return counts


def _add(own: dict[Key, float], other: Mapping[Key, float]) -> None:
    for key, value in other.items():
        own[key] = own.get(key, 0) + value
