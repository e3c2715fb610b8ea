"""The settings in [tool.seatrial.split]."""

from pathlib import Path

import pytest
from tests.train.projects import write_project

from seatrial.core.errors import SeatrialError


@pytest.mark.parametrize(
    ("settings", "message", "hint"),
    [
        ('[tool.seatrial.split]\nby = "tiem"\ncolumn = "at"', "by = 'tiem'", "newest rows"),
        ('[tool.seatrial.split]\nby = "time"\ncolum = "at"', "unknown key `colum`", "`column`"),
        ('[tool.seatrial.split]\nby = "time"', "needs `column`", "time of a row"),
        ('[tool.seatrial.split]\nby = "group"', "needs `column`", "customer_id"),
        ('[tool.seatrial.split]\ncolumn = "at"', "does not say what it is", "by ="),
        ('[tool.seatrial.split]\nby = "time"\ncolumn = "y"', "is the target", "without the label"),
        ('weight = "y"', "weight is the target", "another column"),
        ('wieght = "at"', "unknown key `wieght`", "`weight`"),
        ('splitt = "at"', "unknown key `splitt`", "`split`"),
    ],
)
def test_a_wrong_setting_names_the_key_and_what_it_means(
    tmp_path: Path, settings: str, message: str, hint: str
) -> None:
    with pytest.raises(SeatrialError, match=message) as raised:
        write_project(tmp_path, "size,colour,note,y\n", settings=settings)
    assert hint in raised.value.hint


def test_without_settings_rows_are_split_by_their_content(tmp_path: Path) -> None:
    assert write_project(tmp_path, "size,colour,note,y\n").split.words == "rows at random"
