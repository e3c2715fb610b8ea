"""Losses that grow with time, against those of earlier models in the windows after them."""

import numpy as np
import pytest

from seatrial.model.features import Array, Columns
from seatrial.trial.compare.row_matching import Table
from seatrial.trial.compare.scoring import Scoring
from seatrial.trial.compare.time_order import TimeOrder
from seatrial.trial.loss_drift import in_time
from seatrial.trial.recipes import Training
from seatrial.trial.records import Check, Outcome
from seatrial.trial.rows.reference import LabelledRows

ROWS, NEW = 1_000, 150
SCORING = Scoring("regression", scale=1.0)


def baseline(speed: float) -> Training:
    """A model that predicts the mean of its rows, of a target that moves by `speed` a row."""
    target = speed * np.arange(ROWS) + np.random.default_rng(0).normal(size=ROWS)
    columns: Columns = {"x": np.zeros(ROWS)}
    trained = np.flatnonzero(np.arange(ROWS) % 4 != 0)
    held_out = np.flatnonzero(np.arange(ROWS) % 4 == 0)

    def refit(positions: Array):  # type: ignore[no-untyped-def]
        mean = target[trained][positions].mean()
        return lambda rows: np.full(len(rows["x"]), mean)

    held = LabelledRows({"x": columns["x"][held_out]}, target[held_out])
    return Training(refit(np.arange(len(trained))), refit, Table(columns, target, "y"), trained, held)


def told(speed: float, ratio: float) -> Check:
    check = Check("data.surprise", "data", Outcome.waiting, "labels do not fit: 2", old=1.0, new=ratio, hint="look")
    return in_time(check, baseline(speed), SCORING, TimeOrder("", np.arange(ROWS), np.arange(NEW)))


def test_losses_that_grew_as_much_before_are_noted() -> None:
    check = told(speed=0.004, ratio=1.8)
    assert check.outcome is Outcome.noted
    assert len(check.evidence["past_ratios"]) == 3
    assert min(check.evidence["past_ratios"]) > 1.3
    assert "of earlier windows were by earlier models" in check.summary


@pytest.mark.parametrize(("speed", "ratio"), [(0.0, 1.8), (0.004, 9.0)])
def test_losses_that_grew_more_than_ever_wait(speed: float, ratio: float) -> None:
    check = told(speed, ratio)
    assert check.outcome is Outcome.waiting
    assert check.summary.startswith("the world may have changed, or labels do not fit")
    assert "rows of earlier windows had" in check.summary
