"""The target's values: the same result however many there are, and few bytes for each row."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.train.projects import write_project

from seatrial.core.errors import SeatrialError
from seatrial.train import label_values
from seatrial.train.label_values import LabelValues


def collected(folder: Path, *chunks: list[Any], settings: str = "") -> tuple[Any, str]:
    values = LabelValues(write_project(folder, "size,colour,note,y\n", settings=settings))
    for chunk in chunks:
        values.add(chunk)
    return values.finish()


@pytest.mark.parametrize("most", [3, 1000])
@pytest.mark.parametrize("kind", [float, str])
def test_many_numbers_are_collected_as_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int, kind: Any
) -> None:
    monkeypatch.setattr(label_values, "MOST_LISTED", most)
    numbers = [float(n % 50) + 0.5 for n in range(200)]
    target, task = collected(tmp_path, *([kind(value) for value in numbers[n : n + 20]] for n in range(0, 200, 20)))
    assert task == "regression"
    np.testing.assert_array_equal(target, numbers)


def test_many_whole_numbers_may_be_classes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(label_values, "MOST_LISTED", 3)
    target, task = collected(tmp_path, [1, 2, 3, 4] * 5, [9] * 4, settings='task = "multiclass"')
    assert (task, target.dtype, target.tolist()) == ("multiclass", np.int64, [1, 2, 3, 4] * 5 + [9] * 4)


@pytest.mark.parametrize("chunks", [(["a", "b", "c", "d"],), ([1, 2, 3, 4], ["five"])])
def test_many_texts_are_no_classes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunks: Any) -> None:
    monkeypatch.setattr(label_values, "MOST_LISTED", 3)
    with pytest.raises(SeatrialError, match="most rows have a different value of `y`"):
        collected(tmp_path, *chunks)


def test_a_list_is_no_label(tmp_path: Path) -> None:
    with pytest.raises(SeatrialError, match="`y` is a list or an object in some rows"):
        collected(tmp_path, [1, [2]])
