"""Standard output has results only, in UTF-8, and errors name the project's own file and line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.projects.tiny import make_project

from seatrial.core.errors import SeatrialError
from seatrial.core.project import find_project, importable

SCRIPT = """
import os, sys
from seatrial.core.results import results
with results() as stream:
    print("printed")
    os.write(1, b"from C\\n")
    stream.write("Zürich\\n")
print("after")
"""


def test_only_results_reach_standard_output() -> None:
    variables = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, env=variables, check=True)
    assert done.stdout.decode() == "Zürich\nafter\n"
    assert set(done.stderr.decode().split("\n")) == {"printed", "from C", ""}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1\ndef f(:\n", r"src/tiny_model/pipeline\.py, line 2: SyntaxError: "),
        ("\n\n1 / 0\n", r"src/tiny_model/pipeline\.py, line 3: ZeroDivisionError: division by zero"),
        ("import nosuch\n", r"src/tiny_model/pipeline\.py, line 1: ModuleNotFoundError: No module named 'nosuch'"),
    ],
)
def test_an_error_in_the_projects_own_file_names_it_and_the_line(tmp_path: Path, text: str, message: str) -> None:
    project = find_project(make_project(tmp_path / "tiny"))
    (project.source / "tiny_model/pipeline.py").write_text(text)
    with pytest.raises(SeatrialError, match=message), importable(project):
        import tiny_model.pipeline  # noqa: F401


def test_an_error_from_elsewhere_stays_as_it_is(tmp_path: Path) -> None:
    project = find_project(make_project(tmp_path / "tiny"))
    with pytest.raises(ZeroDivisionError), importable(project):
        raise ZeroDivisionError
