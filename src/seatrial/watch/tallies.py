"""Counts of a log by version and hour: one pass over its rows feeds every part of the watch."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

import numpy as np

from seatrial.model.features import Array

HOUR = 3600  # seconds of a slot


class LogTally(Protocol):
    """What one part counts. Its memory is bounded by hours and bins, and not by rows."""

    @property
    def columns(self) -> Sequence[str]:
        """The columns of the log that it needs; a version that does not have one has nulls there."""

    def add(self, batch: Any, version: str, slots: Array) -> None:
        """Count a pyarrow.RecordBatch of one version; `slots` (rows,) are the hours of its rows since 1970, int64."""


class SlotCounts:
    """Counts of bins by version and hour."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._counts: dict[str, dict[int, Array]] = defaultdict(dict)

    def add(self, version: str, slots: Array, codes: Array) -> None:
        """Count the bins `codes` (rows,), from 0 to `size` - 1, in the hours `slots` (rows,)."""
        if not len(slots):
            return
        first = int(slots.min())
        span = int(slots.max()) - first + 1
        if span > 10 * len(slots) + 1_000:  # rows of years apart, as of a clock that jumped
            for slot in np.unique(slots).tolist():
                self._put(version, slot, np.bincount(codes[slots == slot], minlength=self.size))
            return
        flat = np.bincount((slots - first) * self.size + codes, minlength=span * self.size)
        for place, counts in enumerate(flat.reshape(span, self.size)):
            if counts.any():
                self._put(version, first + place, counts)

    def _put(self, version: str, slot: int, counts: Array) -> None:
        known = self._counts[version]
        known[slot] = known[slot] + counts if slot in known else counts.astype(np.int64)

    @property
    def versions(self) -> list[str]:
        """The versions that were counted."""
        return list(self._counts)

    def by_slot(self, version: str = "") -> tuple[Array, Array]:
        """The hours that have rows (hours,), in order, and their counts (hours, size); without a version, of all."""
        joined: dict[int, Array] = {}
        for name, slots in self._counts.items():
            if version in ("", name):
                for slot, counts in slots.items():
                    joined[slot] = joined[slot] + counts if slot in joined else counts
        order = sorted(joined)
        counts = np.stack([joined[slot] for slot in order]) if order else np.zeros((0, self.size), np.int64)
        return np.array(order, dtype=np.int64), counts


def slots_of(times: Any) -> Array:
    """The hours of a pyarrow timestamp array, since 1970 (rows,)."""
    import pyarrow as pa

    micros = np.asarray(times.cast(pa.timestamp("us", "UTC")).cast(pa.int64()), dtype=np.int64)
    return micros // (HOUR * 1_000_000)


def slot_of(moment: datetime) -> int:
    """The hour of a moment, since 1970."""
    return int(moment.timestamp()) // HOUR


def time_of(slot: int) -> datetime:
    """The begin of an hour, in UTC."""
    return datetime.fromtimestamp(slot * HOUR, UTC)
