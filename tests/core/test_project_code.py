"""Code of a project does not get into the process that judges it, or is seen there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from seatrial.core.project_code import loaded_from, note_import


@pytest.fixture
def poisoned(tmp_path: Path) -> Path:
    """A folder in which two libraries of the judge are replaced."""
    for name in ("scipy", "typer", "rich"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit('the judge was patched')\n")
    return tmp_path


@pytest.mark.parametrize("variables", [{}, {"PYTHONPATH": "."}], ids=["current folder", "PYTHONPATH"])
def test_a_library_of_the_judge_is_not_taken_from_the_project(poisoned: Path, variables: dict[str, str]):
    done = subprocess.run(
        [sys.executable, "-m", "seatrial", "trial", "--help"],
        cwd=poisoned, env={**os.environ, **variables}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "patched" not in done.stdout + done.stderr
    bare = [sys.executable, "-c", "import typer"]
    naked = subprocess.run(bare, cwd=poisoned, capture_output=True, text=True, check=False)
    assert "the judge was patched" in naked.stderr, "otherwise this test would show nothing"


def test_a_customization_of_python_from_the_project_is_seen(tmp_path: Path):
    (tmp_path / "sitecustomize.py").write_text("patched = True\n")
    code = (
        "from pathlib import Path\nfrom seatrial.core.project_code import loaded_from\nprint(loaded_from(Path.cwd()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "['sitecustomize']\n"


def test_a_project_that_was_trained_here_has_run_here(tmp_path: Path):
    assert loaded_from(tmp_path) == []
    note_import(tmp_path)
    assert loaded_from(tmp_path) == ["the package"]
