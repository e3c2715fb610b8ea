"""What a release's held-out rows let one expect of the outcomes of new answers, and how certain that is."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from seatrial.model.features import Array, Floats
from seatrial.train.metrics import Measure
from seatrial.watch.score_cells import ScoreCells

DRAWS = 200
WORK = 8_000_000  # numbers in all draws of one table
SEED = 16
# Before an alarm says that a window is worse than the held-out rows, the variance of these counts twice: those who are
# asked about in production are a sample of the world of their own, as the held-out rows are.
OTHER_SAMPLE = 2.0
# Draws of few held-out rows differ less than such rows do, since shares are shrunk to what the model says. With this,
# intervals covered 94 to 100 % of simulated windows (200 draws of 60, 200 and 1,000 held-out rows each, windows of 200
# and 2,000 rows), also where the model is overconfident. They covered less where held-out rows lack what weighs most:
# 87 to 93 % where 60 of them had five of the rarer class, and 72 to 95 % for the RMSE of errors with heavy tails.
RESAMPLED, RESAMPLED_OF_FEW = 1.3, 24.0


@dataclass(frozen=True)
class Expectation:
    """What held-out rows say about the outcomes of each cell, in as many draws of these rows (Efron 1979).

    `known` (1, cells, outcomes) are their counts, `drawn` (draws, cells, outcomes) resamples; `shares` and
    `drawn_shares` the calibrated shares that follow. `resampled` is how often their variance counts in an interval.
    """

    cells: ScoreCells
    known: Array
    drawn: Array
    shares: Array
    drawn_shares: Array
    resampled: float
    _references: dict[str, tuple[float, Floats, float, Floats]] = field(default_factory=dict, compare=False)
    _made: dict[tuple[str, int, bytes], dict[str, tuple[float, float]]] = field(default_factory=dict, compare=False)

    def reference(self, measure: Measure) -> tuple[float, Floats]:
        """A metric as measured on the held-out rows, and on each draw of them."""
        value, drawn, _, _ = self._reference(measure)
        return value, drawn

    def _reference(self, measure: Measure) -> tuple[float, Floats, float, Floats]:
        if measure.name not in self._references:
            cells = self.cells
            expected = [cells.measured(measure, tables.sum(axis=2)[:, :, None] * shares)
                        for tables, shares in ((self.known, self.shares), (self.drawn, self.drawn_shares))]  # fmt: skip
            measured = [cells.measured(measure, tables) for tables in (self.known, self.drawn)]
            self._references[measure.name] = float(measured[0][0]), measured[1], float(expected[0][0]), expected[1]
        return self._references[measure.name]

    def estimate(self, measure: Measure, counts: Array, draws: int = DRAWS) -> tuple[float, float]:
        """The expected metric of a window with these counts (cells,), and the standard deviation of what it will be.

        That has the chance of outcomes in the window and that of the held-out rows.
        """
        return self._once(self._estimates, measure, counts, draws)

    def change(self, measure: Measure, counts: Array, draws: int = DRAWS) -> tuple[float, float]:
        """How far the expectation of a window is from that of the held-out rows, and the variance of that by chance.

        The chance is that of the answers, in the window and in the held-out rows, and of the calibration.
        """
        return self._once(self._changes, measure, counts, draws)

    def sampled(self, measure: Measure, counts: Array, draws: int = DRAWS) -> tuple[float, float]:
        """A metric of labelled rows with these counts (cells * outcomes,), and the variance of its sampling."""
        return self._once(self._samples, measure, counts, draws)

    def _once(
        self, make: Callable[[Array, int], dict[str, tuple[float, float]]], measure: Measure, counts: Array, draws: int
    ) -> tuple[float, float]:
        """What `make` gives for all metrics, from the same draws: drawing takes longer than measuring."""
        key = make.__name__, draws, counts.tobytes()
        if key not in self._made:
            self._made[key] = make(counts, min(draws, len(self.drawn)))
        return self._made[key][measure.name]

    def _estimates(self, counts: Array, draws: int) -> dict[str, tuple[float, float]]:
        shares = self.drawn_shares[:draws]
        outcomes = np.random.default_rng(SEED).multinomial(counts[None, :], shares)
        tables = counts[None, :, None] * shares
        found = {}
        for measure in self.cells.measures:
            value, drawn, expected, drawn_expected = self._reference(measure)
            here = self.cells.measured(measure, counts[None, :, None] * self.shares)
            realized, mean = (self.cells.measured(measure, each) for each in (outcomes, tables))
            known = drawn[:draws] - drawn_expected[:draws] + mean
            spread = self.resampled * variance_of(known) + variance_of(realized - mean)
            found[measure.name] = value + float(here[0]) - expected, float(spread**0.5)
        return found

    def _changes(self, counts: Array, draws: int) -> dict[str, tuple[float, float]]:
        total = int(counts.sum())
        windows = np.random.default_rng(SEED).multinomial(total, counts / max(total, 1), size=draws)
        tables = windows[:, :, None] * self.drawn_shares[:draws]
        found = {}
        for measure in self.cells.measures:
            _, _, expected, drawn_expected = self._reference(measure)
            here = float(self.cells.measured(measure, counts[None, :, None] * self.shares)[0])
            drawn = self.cells.measured(measure, tables) - drawn_expected[:draws]
            found[measure.name] = here - expected, OTHER_SAMPLE * variance_of(drawn)
        return found

    def _samples(self, counts: Array, draws: int) -> dict[str, tuple[float, float]]:
        total, shape = int(counts.sum()), self.known.shape[1:]
        tables = np.random.default_rng(SEED).multinomial(total, counts / max(total, 1), size=draws)
        found = {}
        for measure in self.cells.measures:
            value = float(self.cells.measured(measure, counts.reshape(1, *shape))[0])
            found[measure.name] = value, variance_of(self.cells.measured(measure, tables.reshape(-1, *shape)))
        return found


def expectation(cells: ScoreCells, known: Array) -> Expectation:
    """Prepare the expectation of a release from the counts of its held-out rows (cells, outcomes)."""
    draws = int(np.clip(WORK // known.size, 40, DRAWS))
    rows = int(known.sum())
    drawn = np.random.default_rng(SEED).multinomial(rows, known.ravel() / rows, size=draws)
    drawn = drawn.reshape(draws, *known.shape)
    resampled = RESAMPLED + RESAMPLED_OF_FEW / rows
    return Expectation(cells, known[None], drawn, cells.shares(known[None]), cells.shares(drawn), resampled)


def variance_of(drawn: Floats) -> float:
    """The variance of the draws that are defined; NaN where none is, as of an area without one of the classes."""
    defined = drawn[~np.isnan(drawn)]
    return float(defined.var()) if len(defined) else float("nan")


def loss_of(measure: Measure, reference: float, value: float) -> float:
    """How much worse a value is than the reference: absolute, or relative for errors. Better is negative."""
    return reference - value if measure.higher_is_better else (value - reference) / max(abs(reference), 1e-3)


def margin_of(measure: Measure, margin: float) -> float:
    """How much worse a metric may be: as in the trial, errors are relative, and three times."""
    return margin if measure.higher_is_better else 3 * margin
