"""Bad rows are grouped by column and rule."""

from seatrial.core.errors import Problem
from seatrial.model.bad_rows import GROUPS_SHOWN, KEPT, BadRows


def test_one_cause_is_one_line_with_its_count_and_the_first_three_rows() -> None:
    bad = BadRows()
    bad.add([Problem(0, "age", "-1", "too small", 2), Problem(0, "sex", "x", "male or female", 2)])
    bad.add([Problem(n, "age", str(-n), "too small", n + 2) for n in range(5, 9)])
    assert bad.rows == 5
    assert bad.lines() == [
        "column age: too small (5 rows): line 2 ('-1'), line 7 ('-5'), line 8 ('-6'), ...",
        "line 2, column sex: 'x': male or female",
    ]


def test_a_row_without_a_column_or_a_value_has_neither() -> None:
    bad = BadRows()
    bad.add([Problem(n, "", "", "the row has 2 cells") for n in range(2)])
    assert bad.lines() == ["the row has 2 cells (2 rows): row 1, row 2"]


def test_what_is_kept_and_shown_is_bounded() -> None:
    bad = BadRows()
    for start in range(0, 5_000, 1_000):
        bad.add([Problem(n, f"c{n % 30}", str(n), "wrong") for n in range(start, start + 1_000)])
    assert (bad.rows, len(bad.problems)) == (5_000, KEPT)
    lines = bad.lines()
    assert len(lines) == GROUPS_SHOWN + 1
    assert lines[-1].startswith("... and 20 more rules, broken 3,3")
    error = bad.error("rows.csv", 9_000, "Fix them.")
    assert error.message.startswith("rows.csv: 5,000 of 9,000 rows break the schema.\n  column c")
