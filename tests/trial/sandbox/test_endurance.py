"""The job that wears a release out, on a fake release."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from seatrial.trial.sandbox import endurance, jobs

ROWS = [{"x": 1.0}, {"x": 2.0}, {"x": 3.0}]


def measured(predict: Callable[[list[Any]], Any], folder: Path, **how: Any) -> tuple[dict[str, Any], np.ndarray]:
    installed = SimpleNamespace(predict=predict, width=1, classes=[])
    job = {"rows": ROWS, "sizes": [1, 2, 7], "calls": 100, "seconds": 20.0, **how}
    return endurance.measure(installed, job, folder / "0", jobs), np.load(folder / "0.npy")


def twice(rows: list[Any]) -> list[dict[str, Any]]:
    return [{"prediction": 2 * row["x"]} for row in rows]


def test_scores_are_those_of_the_rows_then_of_calls_of_batches_and_of_the_rows_again(tmp_path: Path):
    result, scores = measured(twice, tmp_path)
    expected = [ROWS[place % 3]["x"] * 2 for size in (3, 100, 1, 2, 7, 3) for place in range(size)]
    assert scores[:, 0].tolist() == expected
    assert result["sizes"] == [1, 2, 7]
    assert len(result["seconds"]) == 100
    assert [calls for calls, _ in result["blocks"]] == [25, 50, 75, 100]
    assert result["memory"][-1][0] == 100


def test_calls_and_batches_end_when_the_time_is_over(tmp_path: Path):
    result, scores = measured(twice, tmp_path, calls=10**6, sizes=[1, 10**7], seconds=0.05)
    assert len(result["seconds"]) < 10**6
    assert result["sizes"] == [1]
    assert len(scores) == 3 + len(result["seconds"]) + 1 + 3


def test_what_is_kept_of_every_call_is_counted(tmp_path: Path):
    kept: list[Any] = []

    def leaking(rows: list[Any]) -> list[dict[str, Any]]:
        kept.append([object(), object()])
        return twice(rows)

    blocks = np.diff(np.array(measured(leaking, tmp_path, calls=1000)[0]["blocks"]), axis=0)
    assert (blocks[:, 1] / blocks[:, 0] >= 2).all()
    blocks = np.diff(np.array(measured(twice, tmp_path, calls=1000)[0]["blocks"]), axis=0)
    assert (blocks[:, 1] / blocks[:, 0] < 0.9).any()


def test_a_batch_with_rows_missing_is_an_error(tmp_path: Path):
    with pytest.raises(jobs.JobError, match="gives 2 predictions for a batch of 7 rows"):
        measured(lambda rows: twice(rows[:2] if len(rows) > 3 else rows), tmp_path, sizes=[7])
