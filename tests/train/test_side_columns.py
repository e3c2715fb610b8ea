"""The columns that the model does not see: keys and weights, read from a project's table."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.train.projects import write_project

from seatrial.core.errors import DataError, SeatrialError
from seatrial.core.project import ProjectSettings
from seatrial.train.recipe import Recipe, read_recipe
from seatrial.train.side_columns import key_text

TIME = '[tool.seatrial.split]\nby = "time"\ncolumn = "at"'
GROUP = '[tool.seatrial.split]\nby = "group"\ncolumn = "at"'


def project_of(root: Path, values: list[Any], settings: str) -> ProjectSettings:
    lines = [
        f"{n},{'red' if n % 3 else 'blue'},Note {n},{value},{int(n * 7 % 10 > 4)}" for n, value in enumerate(values)
    ]
    return write_project(root, "\n".join(["size,colour,note,at,y", *lines]) + "\n", settings=settings)


def read(root: Path, values: list[Any], settings: str, **options: Any) -> Recipe:
    return read_recipe(project_of(root, values, settings), **options)


def test_dates_become_seconds_in_utc(tmp_path: Path) -> None:
    values = ["1970-01-02", "1970-01-01T00:00:01", "1970-01-01T02:00:00+01:00", "1970-01-01T00:00:02Z"] * 5
    recipe = read(tmp_path, values, TIME)
    assert recipe.table.keys is not None
    assert recipe.table.keys[:4].tolist() == [86_400, 1, 3_600, 2]


def test_numbers_are_times_as_they_are(tmp_path: Path) -> None:
    recipe = read(tmp_path, [2000 + n for n in range(40)], TIME)
    assert recipe.split.test.tolist() == list(range(30, 40))


def test_a_key_is_the_same_text_in_every_format() -> None:
    assert key_text(7.0) == key_text(7) == key_text(" 7 ") == "7"
    assert key_text("007") != key_text(7)


@pytest.mark.parametrize(
    ("values", "settings", "message"),
    [
        (["red"] * 20, TIME, "`at` has no time in it: 'red'"),
        (["2024-01-01", 5] * 10, TIME, "both numbers and dates"),
        ([0] * 20, 'weight = "at"', "`at` is 0 in every row"),
        ([1] * 20, 'weight = "size"', "weight `size` is also a column of the schema"),
        ([1] * 20, 'weight = "att"', r"no column `att`, which \[tool.seatrial\] weight names"),
        ([1] * 20, TIME.replace('"at"', '"sold"'), r"no column `sold`, which \[tool.seatrial.split\] column names"),
    ],
)
def test_a_column_that_is_of_no_use_is_an_error(tmp_path: Path, values: list[Any], settings: str, message: str) -> None:
    with pytest.raises(SeatrialError, match=message) as raised:
        read(tmp_path, values, settings)
    assert raised.value.hint


@pytest.mark.parametrize(
    ("value", "settings", "rule"),
    [
        ("", TIME, "the time is missing"),
        ("soon", TIME, "neither a number nor a date"),
        ("", GROUP, "the key is missing"),
        ("", 'weight = "at"', "the weight is missing"),
        ("-1", 'weight = "at"', "the weight is negative"),
        ("inf", 'weight = "at"', "the weight is not a number"),
        ("much", 'weight = "at"', "the weight is not a number"),
    ],
)
def test_a_bad_value_is_named_with_its_line_or_its_row_is_dropped(
    tmp_path: Path, value: str, settings: str, rule: str
) -> None:
    values = [*range(1, 30), value, *range(30, 40)]
    project = project_of(tmp_path, values, settings)
    with pytest.raises(DataError) as raised:
        read_recipe(project, drop_bad_rows=False)
    (problem,) = raised.value.problems
    assert (problem.line, problem.column) == (31, "at")
    assert rule in problem.rule
    assert read_recipe(project).table.rows == len(values) - 1


def test_weights_are_one_on_average_in_each_part(tmp_path: Path) -> None:
    recipe = read(tmp_path, list(range(1, 41)), 'weight = "at"')
    for part in (recipe.split.train, recipe.split.test):
        weights = recipe.weights_of(part)
        assert weights is not None
        assert weights.mean() == pytest.approx(1)
        assert np.array_equal(np.argsort(weights), np.argsort(part))
