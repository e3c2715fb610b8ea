"""Traffic: when requests come, by whom, and about which rows of the population. The quiet kinds of it."""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from benchmarks.watch.populations import HOURS, Generator, Population
from seatrial.model.features import Array, Floats

DAY = 86_400 * 10**6  # microseconds
BEGIN = int(datetime(2025, 11, 3, tzinfo=UTC).timestamp()) * 10**6  # a Monday
CALLERS = ("web", "app", "partner")
QUIET = ("plain", "weekdays", "season", "growth", "nights", "bursts", "rare", "deployment", "wide")


@dataclass(frozen=True)
class Traffic:
    """One kind of traffic. All but `plain` differ from it in one thing; none is a reason for an alarm.

    How far the mixtures move is a quarter of a standard deviation or less, in one direction of the columns.
    """

    kind: str = "plain"
    rows_a_day: float = 200.0

    def rate(self, day: int) -> float:
        """The rows to expect on a day."""
        usual = self.rows_a_day * (0.7 if self.kind == "weekdays" and day % 7 >= 5 else 1.0)
        return usual * (1 + 2 * day / 365) if self.kind == "growth" else usual

    def asked(self, population: Population, day: int, g: Generator, tilt: float = 0.0) -> "Asked":
        """Draw a day's requests. `tilt` moves the mixture of their rows along the population's first direction."""
        rate = self.rate(day) * np.exp(g.normal(0, 0.05))
        seconds, callers = self._times(int(g.poisson(rate)), g), None
        rows = g.choice(population.rows, len(seconds), p=self._weights(population, day, tilt))
        if self.kind == "nights":
            night = (seconds < 6 * 3600) | (seconds >= 22 * 3600)
            rows[night] = g.choice(population.rows, int(night.sum()), p=tilted(population, 1, 0.25))
        callers = g.choice(len(CALLERS), len(seconds), p=[0.6, 0.3, 0.1])
        if self.kind == "bursts" and g.random() < 0.12:  # the partner sends a batch of its own kind of rows
            count = int(0.15 * rate)
            seconds = np.concatenate([seconds, g.uniform(10, 12) * 3600 + np.sort(g.random(count)) * 1800])
            rows = np.concatenate([rows, g.choice(population.rows, count, p=tilted(population, 2, 0.8))])
            callers = np.concatenate([callers, np.full(count, 2)])
        order = np.argsort(seconds, kind="stable")
        times = BEGIN + day * DAY + (seconds[order] * 1e6).astype(np.int64)
        return Asked(times, rows[order], callers[order])

    def _times(self, count: int, g: Generator) -> Floats:
        """Seconds of the day (count,)."""
        share = HOURS if self.kind != "nights" else HOURS + 3
        return (g.choice(24, count, p=share / share.sum()) + g.random(count)) * 3600

    def _weights(self, population: Population, day: int, tilt: float) -> Floats:
        moved = tilt
        if self.kind == "season":
            moved += 0.25 * np.sin(2 * np.pi * day / 365)
        if self.kind == "weekdays" and day % 7 >= 5:
            return tilted(population, 1, 0.25)
        return tilted(population, 0, moved)


@dataclass(frozen=True)
class Asked:
    """Requests of one row each, in the order of time (microseconds): rows of the population, and callers, (n,) each."""

    times: Array
    rows: Array
    callers: Array


def tilted(population: Population, direction: int, by: float) -> Floats:
    """Weights (m,) of a population's rows, so that they move along a direction by about `by` standard deviations."""
    weights = np.exp(by * population.directions[:, direction])
    return weights / weights.sum()
