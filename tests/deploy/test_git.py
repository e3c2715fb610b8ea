"""Git operations of deployments, on real repositories."""

import subprocess
from pathlib import Path

import pytest

from seatrial.deploy.git import Git


def git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True, text=True).stdout


def commit(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text)
    git(folder, "add", name)
    git(folder, "commit", "--quiet", "-m", f"Write {name}")


@pytest.fixture
def clones(tmp_path: Path) -> tuple[Path, Path]:
    """Two clones of one repository."""
    git(tmp_path, "init", "--quiet", "--bare", "-b", "main", "hub")
    for name in ("one", "other"):
        git(tmp_path, "clone", "--quiet", "hub", name)
        git(tmp_path / name, "config", "user.name", "Ada Tester")
        git(tmp_path / name, "config", "user.email", "ada@localhost")
        if name == "one":
            git(tmp_path / name, "checkout", "--quiet", "-B", "main")
            commit(tmp_path / name, "lockfile", "0.1.0")
            git(tmp_path / name, "push", "--quiet", "-u", "origin", "main")
    return tmp_path / "one", tmp_path / "other"


def test_a_commit_is_pushed_on_top_of_what_others_have_pushed(clones: tuple[Path, Path]) -> None:
    one, other = clones
    commit(other, "README", "more")
    git(other, "push", "--quiet")
    commit(one, "lockfile", "0.2.0")
    assert Git(one).push() == ""
    assert git(one.parent / "hub", "log", "--format=%s", "main").splitlines() == [
        "Write lockfile", "Write README", "Write lockfile",
    ]  # fmt: skip


@pytest.mark.parametrize("rule", ["deploy/", "*.txt"])
def test_a_file_that_git_ignores_is_not_taken_for_committed(clones: tuple[Path, Path], rule: str) -> None:
    one, _ = clones
    lockfile = one / "deploy/requirements.txt"
    lockfile.parent.mkdir()
    lockfile.write_text("0.1.0")
    assert Git(one).commit_only([lockfile], "Deploy") == ""
    git(one, "rm", "--quiet", "--cached", str(lockfile))
    git(one, "commit", "--quiet", "-m", "Forget it")
    (one / ".git/info/exclude").write_text(rule)
    assert Git(one).commit_only([lockfile], "Deploy").startswith("a .gitignore or the like excludes deploy/")


def test_a_conflicting_commit_is_left_alone_and_reported(clones: tuple[Path, Path]) -> None:
    one, other = clones
    commit(other, "lockfile", "0.3.0")
    git(other, "push", "--quiet")
    commit(one, "lockfile", "0.2.0")
    before = git(one, "rev-parse", "HEAD")
    assert "failed to push" in Git(one).push()
    assert git(one, "rev-parse", "HEAD") == before
    assert git(one, "status", "--porcelain") == ""
