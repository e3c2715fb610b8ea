"""Repositories with several projects, made of copies of titanic/."""

import subprocess
from pathlib import Path

from tests.ci.test_pipeline_files import FURY
from tests.conftest import copy_titanic

JOBS = ("lint", "train", "test", "build", "trial", "publish", "deploy")
ME = ("-c", "user.name=Test", "-c", "user.email=test@localhost")


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *ME, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def commit(top: Path, *paths: str) -> str:
    """Change files and commit them; the commit."""
    for name in paths:
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text((path.read_text() if path.exists() else "") + "\n")
    git(top, "add", "--all")
    git(top, "commit", "--quiet", "--allow-empty", "--message", "Change")
    return git(top, "rev-parse", "HEAD")


def project(top: Path, folder: str, name: str, settings: str = "") -> None:
    """A copy of titanic/ under another name, in a folder of a repository."""
    copy_titanic(top / folder)
    package = name.replace("-", "_")
    (top / folder / "src" / "titanic_model").rename(top / folder / "src" / package)
    for path in (top / folder).rglob("*.py"):
        path.write_text(path.read_text().replace("titanic_model", package).replace("titanic-model", name))
    path = top / folder / "pyproject.toml"
    text = path.read_text().replace("titanic-model", name).replace("titanic_model", package)
    text = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("repository"))
    path.write_text(
        text.replace('target = "railway"\n', f'target = "railway"\n{settings}') + FURY.replace("[tool", "\n[tool")
    )
