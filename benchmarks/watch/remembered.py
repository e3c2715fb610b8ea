"""Makes many looks at one log cheap: what only depends on a window's counts is computed once. No finding changes.

Figures over time, which are for the page, are left out.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from seatrial.model.features import Array
from seatrial.watch import log_watch
from seatrial.watch.expectation import Expectation
from seatrial.watch.measured_metrics import _Judged
from seatrial.watch.tallies import SlotCounts

_known: dict[Any, Any] = {}
MOST = 400_000


def remember() -> None:
    """Do it from now on, in this process."""
    if not getattr(Expectation, "remembers", False):
        Expectation.remembers = True  # type: ignore[attr-defined]
        for name in ("traffic_series", "input_series", "answer_series"):
            setattr(log_watch, name, lambda *_: [])
        for name in ("estimate", "change"):
            setattr(Expectation, name, _by_counts(getattr(Expectation, name)))
        _Judged._measured = _by_window(_Judged._measured, lambda self: self.expected)  # type: ignore[method-assign]
        if hasattr(_Judged, "_surprise"):
            _Judged._surprise = _by_window(_Judged._surprise, lambda self: self.expected)  # type: ignore[method-assign]


def _by_counts(original: Callable[..., Any]) -> Callable[..., Any]:
    def remembered(self: Any, measure: Any, counts: Array, *more: Any, **options: Any) -> Any:
        key = (original.__name__, _content(self), measure.name, counts.tobytes(), more, tuple(options.items()))
        return _found(key, lambda: original(self, measure, counts, *more, **options))

    return remembered


def _by_window(original: Callable[..., Any], of: Callable[[Any], Any]) -> Callable[..., Any]:
    def remembered(self: Any, window: Any, *more: Any, **options: Any) -> Any:
        of_whom = (*_content(of(self)), self.since_first)
        key = (original.__name__, of_whom, self.measure.name, window.counts.tobytes(), more, tuple(options.items()))
        return _found(key, lambda: original(self, window, *more, **options))

    return remembered


def _content(expected: Expectation) -> tuple[bytes, float]:
    """What tells an expectation from others: each look makes one of the first weeks' labels."""
    return expected.known.tobytes(), expected.resampled


def _found(key: Any, compute: Callable[[], Any]) -> Any:
    if key not in _known:
        if len(_known) > MOST:
            _known.clear()
        _known[key] = compute()
    return _known[key]


def forget() -> None:
    """Forget everything, since objects of a new stream may have the identities of old ones."""
    _known.clear()


class Cut(SlotCounts):
    """Counts by hour of which only some hours are seen, as by a look that reads no more of the log."""

    def __init__(self, counts: SlotCounts) -> None:
        self._whole = {version: counts.by_slot(version) for version in ["", *counts.versions]}
        self._names = counts.versions
        self.size = counts.size
        self.first, self.last = 0, 2**40

    @property
    def versions(self) -> list[str]:
        """The versions that were counted."""
        return [name for name in self._names if len(self.by_slot(name)[0])]

    def by_slot(self, version: str = "") -> tuple[Array, Array]:
        """See SlotCounts."""
        slots, counts = self._whole.get(version, (np.empty(0, np.int64), np.zeros((0, self.size), np.int64)))
        begin, end = np.searchsorted(slots, [self.first, self.last + 1])
        return slots[begin:end], counts[begin:end]
