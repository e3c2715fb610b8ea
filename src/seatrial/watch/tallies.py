"""Counts of a log by version and hour: one pass over its rows feeds every part of the watch."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

import numpy as np

from seatrial.model.features import Array

HOUR = 3600  # seconds of a slot
DAY = 24  # slots


class LogTally(Protocol):
    """What one part counts. Its memory is bounded by hours and bins, and not by rows."""

    @property
    def columns(self) -> Sequence[str]:
        """The columns of the log that it needs; a version that does not have one has nulls there."""

    def add(self, batch: Any, version: str, slots: Array) -> None:
        """Count a pyarrow.RecordBatch of one version; `slots` (rows,) are the hours of its rows since 1970, int64."""


class SlotCounts:
    """Counts of bins by version and hour, of which those of a day are one array."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._days: dict[str, dict[int, Array]] = defaultdict(dict)

    def add(self, version: str, slots: Array, codes: Array) -> None:
        """Count the bins `codes` (rows,), from 0 to `size` - 1, in the hours `slots` (rows,)."""
        if not len(slots):
            return
        first, last = int(slots.min()) // DAY, int(slots.max()) // DAY
        if (last - first) * DAY > 10 * len(slots) + 1_000:  # rows of years apart, as of a clock that jumped
            days = slots // DAY
            for day in np.unique(days).tolist():
                self._put(version, day, self._counted(slots[days == day] - day * DAY, codes[days == day], 1)[0])
            return
        for place, counts in enumerate(self._counted(slots - first * DAY, codes, last - first + 1)):
            self._put(version, first + place, counts)

    def _counted(self, hours: Array, codes: Array, days: int) -> Array:
        """The counts of rows by day and hour (days, DAY, size)."""
        flat = np.bincount(hours * self.size + codes, minlength=days * DAY * self.size)
        return flat.reshape(days, DAY, self.size)

    def _put(self, version: str, day: int, counts: Array) -> None:
        known = self._days[version]
        known[day] = known[day] + counts if day in known else counts.astype(np.int64)

    @property
    def versions(self) -> list[str]:
        """The versions that were counted."""
        return list(self._days)

    def by_slot(self, version: str = "") -> tuple[Array, Array]:
        """The hours that have rows (hours,), in order, and their counts (hours, size); without a version, of all."""
        joined: dict[int, Array] = {}
        for name, days in self._days.items():
            if version in ("", name):
                for day, counts in days.items():
                    joined[day] = joined[day] + counts if day in joined else counts
        order = sorted(joined)
        if not order:
            return np.empty(0, np.int64), np.zeros((0, self.size), np.int64)
        counts = np.concatenate([joined[day] for day in order])
        slots = (np.array(order, dtype=np.int64)[:, None] * DAY + np.arange(DAY)).ravel()
        filled = counts.any(axis=1)
        return slots[filled], counts[filled]


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
