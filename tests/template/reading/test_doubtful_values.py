"""Values that may mean something else are kept and reported."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.template.projects import examined
from tests.template.tables import WriteFile, column, decisions, table


@pytest.mark.parametrize(("value", "usual"), [(999, lambda n: 20 + n), (-1, lambda n: n), (-99, lambda n: n * 1.5)])
def test_a_number_that_may_mean_missing_is_kept_and_reported(
    write_file: WriteFile, value: int, usual: Callable[[int], Any]
) -> None:
    examination = examined(write_file(table("size,age,y", age=lambda n: value if n % 8 == 3 else usual(n))), "y")
    assert column(examination, "age").missing == 0
    assert f"age: {value} kept as a number: it is far from all other values" in decisions(examination)
    assert "(in 5 rows)" in decisions(examination)


def test_a_number_near_the_others_is_not_reported(write_file: WriteFile) -> None:
    assert "kept as a number" not in decisions(examined(write_file(table("size,age,y", age=lambda n: 960 + n)), "y"))
    assert "kept as a number" not in decisions(
        examined(write_file(table("size,age,y", age=lambda n: n % 9 - 1 - n % 2)), "y")
    )


def test_values_that_differ_only_in_case_are_reported(write_file: WriteFile) -> None:
    examination = examined(write_file(table(colour=lambda n: ["Red", "red", "blue"][n % 3])), "y")
    assert "colour: 'Red' and 'red' kept as different values: they differ only in upper and lower case" in decisions(
        examination
    )
