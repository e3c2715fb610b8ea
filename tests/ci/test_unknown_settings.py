"""The doctor on settings that nothing reads."""

from pathlib import Path

import pytest
from tests.projects.tiny import make_project

from seatrial.ci.doctor.tree import Tree
from seatrial.ci.doctor.unknown_settings import check


def findings(root: Path, more: str) -> list[str]:
    make_project(root)
    path = root / "pyproject.toml"
    path.write_text(path.read_text().replace('target = "y"\n', f'target = "y"\n{more}\n'))
    lines = path.read_text().splitlines()
    return [f"{lines[found.line - 1]} | {found.check} | {found.message} {found.hint}" for found in check(Tree(root))]


@pytest.mark.parametrize(
    "more", ["", 'weight = "w"', '[tool.seatrial.split]\nby = "time"\ncolumn = "at"', 'labels = { "1" = "yes" }']
)
def test_settings_that_are_read(tmp_path: Path, more: str) -> None:
    assert findings(tmp_path, more) == []


@pytest.mark.parametrize(
    ("more", "line", "message"),
    [
        ('wieght = "w"', 'wieght = "w"', "unknown key `wieght`. Did you mean `weight`?"),
        ("seed = true", "seed = true", "seed = True has the wrong type"),
        ('[tool.seatrial.split]\nby = "time"\ncolum = "at"', 'colum = "at"', "unknown key `colum`"),
        ('[tool.seatrial.split]\nby = "grop"\ncolumn = "at"', 'by = "grop"', "by = 'grop'"),
        ('[tool.seatrial.split]\nby = "time"', "[tool.seatrial.split]", "needs `column`"),
    ],
)
def test_a_misspelled_setting_is_found_in_its_line(tmp_path: Path, more: str, line: str, message: str) -> None:
    (found,) = findings(tmp_path, more)
    assert found.startswith(f"{line} | unknown-setting | [tool.seatrial")
    assert message in found
    assert str(tmp_path) not in found


def test_a_file_that_is_no_toml_is_left_to_other_commands(tmp_path: Path) -> None:
    for text in ("[tool.seatrial", "tool = 3", "[tool]\nseatrial = 3"):
        (tmp_path / "pyproject.toml").write_text(text)
        assert list(check(Tree(tmp_path))) == []
