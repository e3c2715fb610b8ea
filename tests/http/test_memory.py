"""Memory is given back after a peak, and nothing is done without one."""

import gc
import threading

import pytest

from seatrial.core.memory_limits import resident
from seatrial.http import Limits, memory
from seatrial.http.budget import Budget, Holdings
from seatrial.http.memory import Trimmer, collector_off, trim


class Idle:
    """A connection that is of no interest here."""

    useful = False

    def waiting_since(self) -> float:
        return 0.0

    def is_stalled(self) -> bool:
        return False

    def evict(self) -> None:
        """Do nothing."""


@pytest.fixture
def trimmed(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    calls: list[bool] = []
    monkeypatch.setattr(memory, "trim", lambda collect, _crowded: calls.append(collect))
    return calls


def settle() -> None:
    for thread in threading.enumerate():
        if thread.name == "trim":
            thread.join()


def test_it_trims_during_a_peak_and_collects_after_it(trimmed: list[bool], monkeypatch: pytest.MonkeyPatch) -> None:
    budget = Budget(Limits(held=1000))
    trimmer = Trimmer(budget)
    now = trimmer._next
    monkeypatch.setattr(memory, "resident", lambda: 2 * trimmer._start)
    assert not trimmer.look(now)
    assert trimmed == []  # large, but nobody made it hold anything
    Holdings(budget, Idle()).hold("message", 10)
    looks = [trimmer.look(now + 2.5 * (n + 1)) for n in range(5)]
    settle()
    assert looks == [True, True, True, False, False]
    assert trimmed == [False, True, True]


def test_it_does_nothing_if_memory_is_as_at_the_start(trimmed: list[bool]) -> None:
    budget = Budget(Limits(held=1000))
    trimmer = Trimmer(budget)
    Holdings(budget, Idle()).hold("message", 10)
    assert trimmer.look(trimmer._next)
    settle()
    assert trimmed == []


@pytest.mark.skipif(not resident(), reason="this system does not say how much memory a process has")
def test_freed_memory_goes_back() -> None:
    parts = [bytes(100_000) for _ in range(1000)]
    high = resident()
    keep = parts[::100]
    del parts
    trim(True, False)
    assert resident() < high - 50_000_000
    assert len(keep) == 10


def test_the_oldest_objects_are_not_looked_at_beside_a_crowd(monkeypatch: pytest.MonkeyPatch) -> None:
    collected: list[int] = []
    monkeypatch.setattr(memory.gc, "collect", lambda generation=2: collected.append(generation))
    trim(True, True)
    trim(False, True)
    trim(True, False)
    assert collected == [1, 2]


def test_what_is_loaded_is_never_looked_at_for_garbage() -> None:
    before, thresholds = gc.get_freeze_count(), gc.get_threshold()
    try:
        with collector_off():
            assert not gc.isenabled()
            loaded = [[number] for number in range(10_000)]
        assert gc.isenabled()
        assert gc.get_freeze_count() - before > len(loaded)
        assert gc.get_threshold() == memory.COLLECTIONS
    finally:
        gc.unfreeze()
        gc.set_threshold(*thresholds)
