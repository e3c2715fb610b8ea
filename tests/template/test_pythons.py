"""A rendered project under each Python that the toolkit supports: lint, types, tests, the doctor. `make soak` runs it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.template.commands import GIT, git, write_table

ROOT = Path(__file__).parent.parent.parent
UV = Path(sys.executable).parent / "uv"
PYTHONS = ("3.11", "3.12", "3.13")


def uv(*words: str) -> str:
    done = subprocess.run([UV, *words], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def interpreter(version: str) -> str:
    """A Python on the path or of pyenv, whose shims on the path fail for all but one version; "" if there is none."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for path in (shutil.which(f"python{version}"), *map(str, sorted(pyenv.glob(f"{version}.*/bin/python")))):
        if path and subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode == 0:
            return path
    return ""


@pytest.mark.soak
@pytest.mark.parametrize("version", PYTHONS)
def test_a_project_is_clean_under(version: str, tmp_path: Path) -> None:
    base = interpreter(version)
    if not base:
        pytest.skip(f"Python {version} is not on this machine")
    python = tmp_path / "env" / ("Scripts" if os.name == "nt" else "bin") / "python"
    uv("venv", "--quiet", "--python", base, str(tmp_path / "env"))
    pins = str(ROOT / "requirements" / "dev.txt")
    uv("pip", "install", "--quiet", "--python", str(python), "--require-hashes", "--requirement", pins)
    uv("pip", "install", "--quiet", "--python", str(python), "--no-deps", "--editable", str(ROOT))
    path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, **GIT, "PATH": path, "PYTHONWARNINGS": "error::DeprecationWarning:churn_model"}
    table = write_table(tmp_path / "customers.csv")

    def run(*words: str, cwd: Path) -> str:
        command = [str(python), "-m", *words]
        done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{words}\n{done.stdout}{done.stderr}"
        return done.stdout

    run(
        "seatrial",
        "new",
        "churn",
        "--data",
        str(table),
        "--target",
        "left",
        "--ci",
        "github",
        "--yes",
        cwd=tmp_path,
    )
    project = tmp_path / "churn"
    run("ruff", "check", ".", cwd=project)
    run("ruff", "format", "--check", ".", cwd=project)
    run("mypy", cwd=project)
    run("seatrial", "doctor", cwd=project)
    assert "Compiled exactly" in run("seatrial", "train", cwd=project)
    assert " passed" in run("pytest", "-p", "no:cacheprovider", cwd=project)
    assert git("status", "--porcelain", cwd=project) == ""
