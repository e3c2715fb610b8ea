"""The job that wears a release out, on a fake release."""

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from seatrial.trial.sandbox import endurance, jobs

ROWS = [{"x": 1.0}, {"x": 2.0}, {"x": 3.0}]


def measured(predict: Callable[[list[Any]], Any], folder: Path, **how: Any) -> tuple[dict[str, Any], np.ndarray]:
    installed = SimpleNamespace(predict=predict, width=1, classes=[], package=SimpleNamespace(__name__="none_of_these"))
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


VARIED = {"x": [float(number) for number in range(1_000)], "refused": ["a"] * 1_000}


def with_new_rows(
    folder: Path, keep: Callable[[float], object], package: str = "none_of_these"
) -> tuple[dict[str, Any] | None, list[float]]:
    asked: list[float] = []

    def predict(rows: list[Any]) -> list[dict[str, Any]]:
        if any("refused" in row for row in rows):
            raise ValueError("no such column")
        if len(rows) == 1:
            asked.append(rows[0]["x"])
        for row in rows:
            keep(row["x"])
        return twice(rows)

    installed = SimpleNamespace(predict=predict, width=1, classes=[], package=SimpleNamespace(__name__=package))
    job = {"rows": ROWS, "sizes": [1], "calls": 1_000, "seconds": 20.0, "varied": VARIED}
    return endurance.measure(installed, job, folder / "0", jobs)["new_rows"], asked


def blocks_of(measurements: dict[str, Any] | None) -> float:
    assert measurements is not None
    return float((np.diff(np.array(measurements["blocks"], dtype=float), axis=0)[:, 1] / 250).min())


def test_rows_differ_in_the_columns_of_which_the_release_accepts_other_values(tmp_path: Path):
    found, asked = with_new_rows(tmp_path, lambda x: None)
    assert found is not None
    assert len(found["seconds"]) == 1_000
    assert set(asked) >= set(VARIED["x"])
    assert blocks_of(found) < 0.9
    assert found["grown"] == []


def test_a_cache_without_a_limit_is_found_and_one_with_a_limit_is_not(tmp_path: Path):
    assert blocks_of(with_new_rows(tmp_path, functools.lru_cache(maxsize=900)(lambda x: [x]))[0]) < 0.9
    assert blocks_of(with_new_rows(tmp_path, functools.lru_cache(lambda x: [x]))[0]) < 0.9
    assert blocks_of(with_new_rows(tmp_path, functools.cache(lambda x: [x]))[0]) > 0.9


def test_what_the_package_keeps_of_new_rows_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    seen: dict[float, list[float]] = {}

    def cleaned(x: float) -> list[float]:
        return seen.setdefault(x, [x])

    cleaned.__module__ = "kept_model.features"
    monkeypatch.setitem(sys.modules, "kept_model.features", SimpleNamespace(seen=seen, few=[1]))
    found, _ = with_new_rows(tmp_path, functools.cache(cleaned), "kept_model")
    assert found is not None
    assert len(found["grown"]) == 2
    assert found["grown"][0].startswith("the cache of `test_what_the_package_keeps")
    assert found["grown"][1] == "`seen` of features"


def test_nothing_is_measured_where_a_release_accepts_no_other_values(tmp_path: Path):
    def refuse(x: float) -> None:
        if x not in (1.0, 2.0, 3.0):
            raise ValueError(x)

    assert with_new_rows(tmp_path, refuse)[0] is None
