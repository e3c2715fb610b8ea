"""A rendered project is clean by its own rules, whatever the table."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.hostile_words import WORDS as HOSTILE
from tests.template.projects import examined, render, source_of

from seatrial.core.errors import SeatrialError
from seatrial.template.inference.examination import examine
from seatrial.template.records import Examination
from seatrial.template.render import check_free

NAMES = [
    "camelCase",
    "UPPER",
    "$(touch X)",
    "Config",
    "false",
    "None",
    "0x1F",
    '"""',
    "-",
    "größe",
    "x y",
    "{{ 1 }}",
    "#",
    "NaiveDatetime",
]
WORDS = [f"a rather long category number {n}" for n in range(12)]


def wide_table() -> Examination:
    """Columns whose example row is far longer than a line, and with names and categories that need care."""
    columns = {f"Column {n} (in mm)": [f"value {(n + row) % 5}" for row in range(60)] for n in range(20)}
    columns["class"] = [WORDS[row % 12] for row in range(60)]
    columns["note"] = [f"we paid {row} of it back to them {'late' if row % 3 else ''}" for row in range(60)]
    return examine(source_of(**columns, y=[row // 2 % 3 for row in range(60)]), "y")


def odd_table() -> Examination:
    """Names and categories that mean something to Python, ruff, TOML or Markdown, or are in another script."""
    values = [word for word in HOSTILE if 0 < len(word.strip()) < 50 and "\n" not in word] + [
        "1914\u20131918",
        "\u041c",
        "\u2019",
    ]
    columns = {name: [values[(row * 7 + place) % 19 + place] for row in range(60)] for place, name in enumerate(NAMES)}
    columns["fullText"] = [
        f"we paid {row} \u201cof it\u201d back \u2013 {'late' if row % 3 else ''}" for row in range(60)
    ]
    return examine(source_of(**columns, y=[row // 2 % 3 for row in range(60)]), "y")


@pytest.mark.parametrize("table", ["sklearn:breast_cancer", "sklearn:diabetes", "sklearn:wine", "wide", "odd"])
def test_a_project_passes_its_own_lint(tmp_path: Path, table: str) -> None:
    made_up = {"wide": wide_table, "odd": odd_table}
    project = render(tmp_path / "project", made_up[table]() if table in made_up else examined(table))
    assert len((project.root / "README.md").read_text().splitlines()) > 90
    for words in (("check", "."), ("format", "--check", ".")):
        command = [sys.executable, "-m", "ruff", *words, "--no-cache"]
        done = subprocess.run(command, cwd=project.root, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_project_has_notes_for_coding_agents(tmp_path: Path) -> None:
    project = render(tmp_path / "project", examined("sklearn:wine"))
    text = (project.root / "AGENTS.md").read_text()
    for words in ("seatrial train", "seatrial build && seatrial trial", "src/little_model/features.py", "`data/`"):
        assert words in text
    assert "{{" not in text


def test_a_project_is_not_made_inside_another_one(tmp_path: Path) -> None:
    project = render(tmp_path / "outer", examined("sklearn:iris"))
    with pytest.raises(SeatrialError, match="is in a Seatrial project, and a new one belongs beside it"):
        check_free(project.root / "data" / "inner")
    check_free(tmp_path / "inner")
