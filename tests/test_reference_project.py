"""The reference project's own tests, as its developer runs them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

FEWEST = 40  # so that tests that are not found are not a pass


@pytest.mark.slow
def test_the_tests_of_the_reference_project_pass(titanic_project: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "tests"]
    done = subprocess.run(command, cwd=titanic_project, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    counts = re.search(r"(\d+) passed", done.stdout)
    assert counts, done.stdout
    assert int(counts[1]) >= FEWEST, done.stdout
