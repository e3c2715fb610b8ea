"""The commit recorded in a release: the last one that changed its files."""

import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from seatrial.core.project import find_project
from seatrial.release import build_release
from seatrial.train.provenance import EXCLUDED, git_state


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=Test", "-c", "user.email=test@localhost")
    done = subprocess.run(["git", *who, "-C", str(folder), *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet")
    write(tmp_path / "src" / "features.py", "one")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message", "Begin")
    return tmp_path


@pytest.mark.parametrize(
    "name",
    [
        "deploy/local/requirements.txt",
        "tests/test_model.py",
        "accepted.json",
        ".circleci/config.yml",
        "requirements/ci.txt",
        ".copier-answers.yml",
    ],
)
def test_a_commit_of_other_files_does_not_change_the_provenance(name: str, project: Path):
    before = git_state(project)
    write(project / name, "a pin")
    assert git_state(project) == before == {"commit": git(project, "rev-parse", "HEAD"), "dirty": False}
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "Deploy")
    assert git_state(project) == before


@pytest.mark.parametrize("name", ["src/features.py", "data/table.csv", "pyproject.toml", ".gitignore"])
def test_a_commit_of_a_releases_files_changes_the_provenance(name: str, project: Path):
    before = git_state(project)
    write(project / name, "two")
    assert git_state(project) == {**before, "dirty": True}
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "Change")
    assert git_state(project) == {"commit": git(project, "rev-parse", "HEAD"), "dirty": False}


def test_excluded_files_are_not_in_a_wheel(titanic_project: Path, tmp_path: Path):
    root = tmp_path / "titanic"
    shutil.copytree(titanic_project, root, ignore=shutil.ignore_patterns("dist", ".seatrial"))
    for name in EXCLUDED:
        place = root / name
        write(place if name.endswith((".json", ".yml")) else place / "x", "x")
    built = build_release(find_project(root))
    with tarfile.open(built.sdist) as archive:
        inside = {Path(member.name).parts[1] for member in archive}
    assert inside & set(EXCLUDED) == set()


def test_outside_of_git_there_is_no_commit(tmp_path: Path):
    assert git_state(tmp_path) == {}


INIT = "src/model/__init__.py"


@pytest.fixture
def versioned(project: Path) -> Path:
    write(project / INIT, '"""A model."""\n\n__version__ = "0.1.0"\n')
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "Name the version")
    return project


def test_a_version_bump_does_not_change_the_provenance(versioned: Path):
    before = git_state(versioned)
    write(versioned / INIT, '"""A model."""\n\n__version__ = "0.1.1"\n')
    assert git_state(versioned) == before
    write(versioned / "deploy" / "local" / "requirements.txt", "a pin")
    git(versioned, "add", "--all")
    git(versioned, "commit", "--quiet", "--message", "Deploy")
    assert git_state(versioned) == before


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (INIT, '"""A model."""\n\n__version__ = "0.1.1"\nimport os\n'),
        ("src/new.py", "untracked"),
        ("src/features.py", "two"),
    ],
)
def test_a_version_bump_with_another_change_changes_it(name: str, text: str, versioned: Path):
    before = git_state(versioned)
    write(versioned / INIT, '"""A model."""\n\n__version__ = "0.1.1"\n')
    write(versioned / name, text)
    assert git_state(versioned) == {**before, "dirty": True}
    git(versioned, "add", "--all")
    git(versioned, "commit", "--quiet", "--message", "Change")
    assert git_state(versioned) == {"commit": git(versioned, "rev-parse", "HEAD"), "dirty": False}
