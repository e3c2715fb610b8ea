"""What runs the project's code apart from the judge says what went wrong as if it ran here."""

from pathlib import Path

import pytest
from tests.projects.tiny import make_project

from seatrial.core.errors import SeatrialError
from seatrial.core.project import find_project
from seatrial.core.project_code import loaded_from
from seatrial.steps.own_process import copy_export, run_apart
from seatrial.steps.train import train_apart
from seatrial.trial.records import PolicyError

SCHEMA = """
from seatrial import Schema

print("a schema may print")

class Row(Schema):
    x: int
"""


def test_a_command_returns_its_result_or_raises_its_own_error(tmp_path: Path):
    assert run_apart(["--version"]).startswith("seatrial ")
    with pytest.raises(SeatrialError, match="No Seatrial project in") as raised:
        run_apart(["trial", "--json", "--project", str(tmp_path)], expected=(0, 1, 3))
    assert "--project" in raised.value.hint
    root = make_project(tmp_path / "tiny")
    (root / "pyproject.toml").write_text((root / "pyproject.toml").read_text() + "\n[tool.seatrial.trial]\nmargn = 1\n")
    with pytest.raises(PolicyError, match="unknown key `margn`"):
        run_apart(["release", "--project", str(root)])


def test_code_of_the_project_runs_in_another_process(tmp_path: Path):
    root = make_project(tmp_path / "tiny")
    (root / "src" / "tiny_model" / "schema.py").write_text(SCHEMA)
    (tmp_path / "rows.csv").write_text("x,y\n3,1\n")
    (tmp_path / "copies").mkdir()
    copy = copy_export(find_project(root), tmp_path / "rows.csv", tmp_path / "copies")
    assert copy.read_text().split() == ["x,y", "3,1"]
    with pytest.raises(SeatrialError, match=r"other\.csv does not exist"):
        copy_export(find_project(root), tmp_path / "other.csv", tmp_path / "copies")
    (root / "src" / "tiny_model" / "schema.py").write_text("raise RuntimeError('broken')\n")
    with pytest.raises(SeatrialError, match=r"schema\.py, line 1: RuntimeError: broken") as raised:
        train_apart(find_project(root))
    assert raised.value.hint == "Correct this line."
    assert loaded_from(root) == []
