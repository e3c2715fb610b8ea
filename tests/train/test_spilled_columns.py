"""Columns that were moved to the disk are the same, and leave no file behind."""

from pathlib import Path

import numpy as np
import pytest

from seatrial.model.categorical import categorical
from seatrial.train.spilled_columns import spill


def test_spilled_numbers_are_the_same_and_other_columns_stay(tmp_path: Path) -> None:
    numbers = {"a": np.array([1.5, np.nan, -0.0]), "b": np.arange(6.0)[::2]}
    texts = categorical(np.array(["x", None], dtype=object), np.array([0, 1, 0]))
    columns = {**numbers, "text": texts}
    spill(columns, tmp_path / "made")
    assert list(columns) == ["a", "b", "text"]
    assert all(columns[name].tobytes() == values.tobytes() for name, values in numbers.items())
    assert columns["text"] is texts
    assert list((tmp_path / "made").iterdir()) == []


def test_spilled_numbers_cannot_be_changed(tmp_path: Path) -> None:
    columns = {"a": np.zeros(3)}
    spill(columns, tmp_path)
    with pytest.raises(ValueError, match="read-only"):
        columns["a"][0] = 1


def test_a_table_without_numbers_is_left_as_it_is(tmp_path: Path) -> None:
    columns = {"a": np.array(["x"], dtype=object), "empty": np.zeros(0)}
    before = dict(columns)
    spill(columns, tmp_path / "none")
    assert columns == before
    assert not (tmp_path / "none").exists()


def test_spilling_again_keeps_the_columns(tmp_path: Path) -> None:
    columns = {"a": np.arange(3.0)}
    spill(columns, tmp_path)
    moved = columns["a"]
    spill(columns, tmp_path)
    assert columns["a"] is moved
    assert moved.tolist() == [0, 1, 2]


def test_where_nothing_can_be_written_the_columns_stay(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    columns = {"a": np.arange(3.0)}
    before = columns["a"]
    spill(columns, tmp_path / "file" / "folder")
    assert columns["a"] is before
