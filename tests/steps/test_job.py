"""A job file is its owner's: it is written once, it is ordinary Python, and it names the release's package."""

import subprocess
import sys
from pathlib import Path

import pytest

from seatrial.core.errors import SeatrialError
from seatrial.steps.job import job_text, write_job


@pytest.mark.parametrize("engine", ["spark", "ray"])
def test_a_job_file_is_python_that_says_how_it_is_used(engine, tmp_path: Path):
    path = write_job(engine, "titanic_model", tmp_path / "job.py")
    text = path.read_text()
    assert 'PACKAGE = "titanic_model"' in text
    assert "MODEL_PACKAGE" not in text
    assert ("spark-submit --archives bundle/site.zip#site" in text) is (engine == "spark")
    assert ("ray job submit --working-dir job" in text) is (engine == "ray")
    done = subprocess.run([sys.executable, str(path), "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "titanic_model" in done.stdout


def test_a_job_file_that_exists_is_not_overwritten(tmp_path: Path):
    path = write_job("spark", "titanic_model", tmp_path / "job.py")
    path.write_text("mine")
    with pytest.raises(SeatrialError, match="exists already") as refused:
        write_job("spark", "titanic_model", path)
    assert "--output" in refused.value.hint
    assert path.read_text() == "mine"
    with pytest.raises(SeatrialError, match="does not exist"):
        write_job("ray", "titanic_model", tmp_path / "no" / "job.py")
    with pytest.raises(SeatrialError, match="'a b' is not the name of a release's package"):
        write_job("ray", "a b", tmp_path / "other.py")


def test_a_package_s_name_is_written_as_python():
    assert 'PACKAGE = "a\\"b"' in job_text("ray", 'a"b') or "PACKAGE = 'a\"b'" in job_text("ray", 'a"b')
