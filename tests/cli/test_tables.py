"""Tables in a terminal: whole words and figures at any width."""

import pytest

from seatrial.cli.tables import table_lines

HEADINGS = ("column", "is", "values", "missing", "use")
ROWS = [
    ("average_daily_electricity_consumption_kwh", "numbers", "0.05 to 22.19", "10.7%", "used"),
    ("plan", "categories", "basic, plus, pro, business flex and 12 more", "", "an identifier, judging by its name"),
]


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 200])
def test_no_word_and_no_figure_is_lost_at_any_width(width: int) -> None:
    head, body = table_lines(HEADINGS, ROWS, width, right=(3,))
    words = " ".join([*head, *body]).split()
    assert all(word in words for row in ROWS for text in row for word in text.split())
    if width >= 60:
        assert max(map(len, [*head, *body])) <= width


def test_text_wraps_between_words_under_its_own_column() -> None:
    head, body = table_lines(HEADINGS, ROWS[1:], 80, right=(3,))
    assert head == ["column  is          values                         use"]
    assert body == [
        "plan    categories  basic, plus, pro, business     an identifier, judging by its",
        "                    flex and 12 more               name",
    ]


def test_a_long_name_stands_above_its_row() -> None:
    _, body = table_lines(HEADINGS, ROWS, 70, right=(3,))
    assert body[0] == ROWS[0][0]
    assert body[1].split() == ["numbers", "0.05", "to", "22.19", "10.7%", "used"]


def test_where_no_columns_fit_each_value_has_a_line_with_its_heading() -> None:
    head, body = table_lines(HEADINGS, ROWS[:1], 30, right=(3,))
    assert head == []
    assert body == [ROWS[0][0], "    is: numbers", "    values: 0.05 to 22.19", "    missing: 10.7%", "    use: used"]


def test_figures_are_aligned_to_the_right() -> None:
    _, body = table_lines(("name", "size"), [("a", "5 kB"), ("b", "1,234 kB")], 80, right=(1,))
    assert body == ["a         5 kB", "b     1,234 kB"]
