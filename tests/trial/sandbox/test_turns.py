"""Two releases that are timed in turns."""

from collections.abc import Callable

import numpy as np
import pytest
from tests.projects.misbehaving import INIT, row
from tests.trial.sandbox.moody import XS, Open

from seatrial.trial.records import NotComparedError
from seatrial.trial.sandbox import turns
from seatrial.trial.sandbox.sandbox import Sandbox
from seatrial.trial.sandbox.turns import measure_in_turns

pytestmark = pytest.mark.slow
ROWS = [row(x) for x in XS]
TABLE = {
    "x": np.resize(np.array([0.5, 1.5, -1.0]), 10_000),
    "what": np.full(10_000, None),
    "kind": np.ones(10_000),
    "sure": np.zeros(10_000, dtype=bool),
}
SLOW_IN_BATCHES = """
import time
def predict(given):
    if len(given) > 1:
        time.sleep(0.02)
    return release.predict(given)
"""
HUNGRY = """
kept = []
def predict(given):
    if len(given) > 1000 and not kept:
        kept.append(b"x" * 150_000_000)
    return release.predict(given)
"""
BREAKS = """
def predict(given):
    if len(given) > 1:
        raise KeyError("batches")
    return release.predict(given)
"""


@pytest.fixture(scope="module")
def opened(open_moody: Open) -> Callable[[str], Sandbox]:
    return lambda code: open_moody(init=INIT + code)


@pytest.fixture
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "SECONDS", 0.05)


@pytest.mark.usefixtures("_short")
def test_what_is_slow_in_batches_alone_shows_there_alone(sandbox: Sandbox, opened: Callable[[str], Sandbox]):
    old, new = measure_in_turns(sandbox, opened(SLOW_IN_BATCHES), (ROWS, ROWS), (TABLE, TABLE))
    for cost in (old, new):
        assert list(cost.seconds) == [1, 64, 10_000]
        assert all(len(seconds) >= 2 and (seconds > 0).all() for seconds in cost.seconds.values())
    assert np.median(new.seconds[64]) - np.median(old.seconds[64]) > 0.015
    assert np.median(new.seconds[1]) < 0.01
    assert old.way == new.way == "predict"


@pytest.mark.usefixtures("_short")
def test_memory_is_measured_at_its_peak(sandbox: Sandbox, opened: Callable[[str], Sandbox]):
    old, new = measure_in_turns(sandbox, opened(HUNGRY), (ROWS, ROWS), (TABLE, TABLE))
    assert new.memory_mb - old.memory_mb > 100


@pytest.mark.usefixtures("_short")
def test_where_a_batch_takes_too_long_the_table_is_timed(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(turns, "SLOW", 0.0)
    old, new = measure_in_turns(sandbox, sandbox, (ROWS, ROWS), (TABLE, TABLE))
    assert old.way == new.way == "table"
    assert (new.seconds[10_000] > 0).all()


def test_a_release_that_fails_in_its_turn_is_not_compared(sandbox: Sandbox, opened: Callable[[str], Sandbox]):
    with pytest.raises(NotComparedError, match="KeyError"):
        measure_in_turns(sandbox, opened(BREAKS), (ROWS, ROWS), (TABLE, TABLE))
