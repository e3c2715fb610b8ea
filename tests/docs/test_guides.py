"""The guides and READMEs work: each is followed in order, by the commands that it shows."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.conftest import TITANIC
from tests.docs.scenarios import DOCS, GUIDES, README, RENDERED, ROOT, guide
from tests.docs.walking import walk_in
from tests.soak import SOAK
from tests.template.commands import git

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a reader has saved the tables."""
    folder = tmp_path_factory.mktemp("reader")
    for table in ("customers.csv", "customers-july.csv"):
        shutil.copy(DOCS / table, folder)
    return folder


def test_the_guides_work_as_written(reader: Path) -> None:
    """The first guide; all of them in `make soak`."""
    with walk_in(reader) as walk:
        for name in GUIDES if SOAK else GUIDES[:1]:  # each continues where the previous one ended
            if name == "projects.md":  # its first project is not made inside the other one
                walk.shell.run("cd ..")
            walk.page(guide(name), long=SOAK)
    assert {"seatrial train", "seatrial trial", "seatrial publish", "seatrial deploy local"} <= set(walk.done)
    if SOAK:
        assert {"seatrial rollback local", "seatrial deploy local --stop"} <= set(walk.done)
        assert (reader / "churn" / "accepted.json").is_file()


@pytest.mark.soak
def test_the_readme_works_in_a_fresh_clone(tmp_path: Path) -> None:
    """The clone has what is committed, and the environment that `make setup` would make."""
    clone = tmp_path / "seatrial"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    environment = clone / ".venv"
    environment.mkdir()
    for part in Path(sys.prefix).iterdir():
        if part.name not in (".run", ".dev"):
            (environment / part.name).symlink_to(part)
    for marker in (".run", ".dev"):
        (environment / marker).touch()
    with walk_in(clone) as walk:
        walk.page(README, long=True)
    assert "seatrial deploy local" in walk.done
    assert (tmp_path / "churn" / "dist").is_dir()


@pytest.mark.soak
def test_the_readme_of_a_rendered_project_works(tmp_path: Path) -> None:
    skip = shutil.ignore_patterns("artifacts", "runs", "dist", ".seatrial", "__pycache__", ".*_cache")
    project = Path(shutil.copytree(TITANIC, tmp_path / "titanic", ignore=skip))
    with walk_in(project) as walk:
        walk.use_free_port(project / "pyproject.toml")
        for words in (("init", "--quiet"), ("add", "--all"), ("commit", "--quiet", "--message", "Begin")):
            git(*words, cwd=project)
        walk.page(RENDERED, long=True)
    assert {"python -m pytest", "mypy", "seatrial publish", "seatrial deploy local"} <= set(walk.done)
