"""Times two releases in turns: both are loaded, one waits while the other one predicts.

So whatever else the machine does slows both down alike, and the ratio of the medians says which one is slower.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from seatrial.core.errors import SeatrialError
from seatrial.core.files import read_json
from seatrial.trial.records import NotComparedError
from seatrial.trial.sandbox.answers import Floats
from seatrial.trial.sandbox.process import Running
from seatrial.trial.sandbox.queries import MeasureCost, Row, Table
from seatrial.trial.sandbox.sandbox import Sandbox

ROUNDS = 6
SECONDS = 0.2  # for one release and one size, apart from the first call
MOST_REPEATS = 40  # in one turn
SIZES = (1, 64)  # and the tables' size
SLOW = 0.25  # seconds that predict() may take for the largest size; otherwise the table's way is timed


@dataclass(frozen=True)
class CostMeasurements:
    """Seconds of each call by the number of rows, `way` how the largest number was predicted, and the peak memory."""

    seconds: dict[int, Floats]
    way: str
    memory_mb: float


def measure_in_turns(
    old: Sandbox, new: Sandbox, rows: tuple[Sequence[Row], Sequence[Row]], tables: tuple[Table, Table]
) -> tuple[CostMeasurements, CostMeasurements]:
    """Time both releases for each size; `rows` and `tables` are the old one's and the new one's.

    The largest batch has as many rows as the tables. Raises NotComparedError if a release fails.
    """
    *smaller, largest = *SIZES, len(next(iter(tables[0].values())))
    jobs = [MeasureCost(each, table) for each, table in zip(rows, tables, strict=True)]
    with _taking_turns(old, jobs[0]) as first, _taking_turns(new, jobs[1]) as second:
        both, way = (first, second), "predict"
        found: tuple[dict[int, Floats], dict[int, Floats]] = ({}, {})
        for size in (*smaller, largest):
            if size == largest and np.median(found[0][smaller[-1]]) * size / smaller[-1] > SLOW:
                way = "table"
            (once,) = first.time(way, size, 1)  # the warm-up; it says how often to repeat
            second.time(way, size, 1)
            repeats = int(np.clip(SECONDS / ROUNDS / max(once, 1e-9), 1, MOST_REPEATS))
            rounds = max(2, min(ROUNDS, int(SECONDS / max(once, 1e-9))))
            turns = [[each.time(way, size, repeats) for each in both] for _ in range(rounds)]
            for place in (0, 1):
                found[place][size] = np.array([s for turn in turns for s in turn[place]], dtype=np.float64)
        memory = [each.end() for each in both]
    return CostMeasurements(found[0], way, memory[0]), CostMeasurements(found[1], way, memory[1])


class _Turns:
    """A worker that waits for its turn."""

    def __init__(self, sandbox: Sandbox, job: MeasureCost, folder: Path, running: Running) -> None:
        self._sandbox, self._job, self._folder, self._running = sandbox, job, folder, running
        self._number = 0

    def time(self, way: str, size: int, repeats: int) -> list[float]:
        """The seconds of each repeat. Raises NotComparedError if the release fails."""
        path = self._folder / f"turn-{self._number}.json"
        self._ask({"what": way, "size": size, "repeats": repeats}, path)
        self._number += 1
        try:
            seconds = [float(each) for each in read_json(path)]
        except (SeatrialError, TypeError, ValueError):
            seconds = []
        if len(seconds) != repeats or not all(0 <= each < np.inf for each in seconds):
            raise NotComparedError(
                f"The {self._sandbox.role} wrote invalid times.", hint="Its code interferes with its measurement."
            )
        return seconds

    def end(self) -> float:
        """End the worker; returns its peak memory in MB."""
        self._ask({}, self._folder / "answer.json")
        return self._sandbox.read(self._folder, [self._job], self._running.wait()).memory_mb

    def _ask(self, turn: dict[str, Any], answer: Path) -> None:
        ended = self._running.ask(json.dumps(turn), answer, self._sandbox.policy.timeout)
        if ended and not answer.is_file():
            self._sandbox.read(self._folder, [self._job], ended)  # raises: it has no answer
            raise NotComparedError(f"The {self._sandbox.role} ended before its turn.", hint="Run the trial again.")


@contextmanager
def _taking_turns(sandbox: Sandbox, job: MeasureCost) -> Iterator[_Turns]:
    with TemporaryDirectory(prefix="seatrial-trial-", ignore_cleanup_errors=True) as name:
        folder = Path(name).resolve()
        sandbox.write_request(folder, [job])
        policy = sandbox.policy
        limits: dict[str, Any] = {"timeout": policy.timeout, "threads": policy.threads}
        with Running(sandbox.environment.python, folder, **limits, asked=True) as running:
            yield _Turns(sandbox, job, folder, running)
