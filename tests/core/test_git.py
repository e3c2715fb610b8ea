import getpass
import os
import subprocess
from pathlib import Path

import pytest

from seatrial.core import git
from seatrial.core.git import (
    GitError,
    NoGitError,
    NoRepositoryError,
    ask_git,
    cut_commits,
    git_user,
    person,
    repository_root,
    run_git,
)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    root = tmp_path / "repository"
    root.mkdir()
    run_git(root, "init", "--quiet", "--initial-branch", "main")
    run_git(root, "config", "user.name", "A Person")
    return root


def test_output_is_returned_unchanged_and_every_byte_can_be_recovered(repository: Path) -> None:
    content = b"caf\xe9\r\nno line break at the end"
    (repository / "latin1.txt").write_bytes(content)
    run_git(repository, "add", "--all")
    assert run_git(repository, "show", ":latin1.txt").encode("utf-8", "surrogateescape") == content


def test_a_folder_outside_a_repository_is_reported_as_that(tmp_path: Path) -> None:
    with pytest.raises(NoRepositoryError, match="is not in a git repository") as caught:
        run_git(tmp_path, "status")
    assert "git init" in caught.value.hint
    assert repository_root(tmp_path) is None


def test_a_missing_repository_is_recognized_whatever_the_language(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("LANGUAGE", "de:fr")
    with pytest.raises(NoRepositoryError):
        run_git(tmp_path, "status")


def test_missing_git_is_reported_as_that(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(subprocess, "run", _not_found)
    with pytest.raises(NoGitError, match="git is not installed"):
        run_git(repository, "status")
    assert ask_git(repository, "status") is None
    assert repository_root(repository) is None


def _not_found(*_arguments: object, **_options: object) -> None:
    raise FileNotFoundError("git")


def test_a_refusal_has_the_words_of_git(repository: Path) -> None:
    with pytest.raises(GitError, match=r"git log failed in .*: fatal: .*no-such-branch"):
        run_git(repository, "log", "no-such-branch")
    assert ask_git(repository, "log", "no-such-branch") is None


def test_an_untrusted_repository_is_a_refusal_and_not_a_missing_one(repository: Path, monkeypatch) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")  # git's own switch for its tests
    with pytest.raises(GitError, match="dubious ownership") as caught:
        repository_root(repository)
    assert not isinstance(caught.value, NoRepositoryError)
    assert "safe.directory" in caught.value.hint


def test_a_git_that_does_not_finish_is_an_error(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git, "TIMEOUT", 0.0)
    with pytest.raises(GitError, match="did not finish within"):
        run_git(repository, "status")


@pytest.mark.parametrize("variable", sorted(git.REDIRECTING))
def test_the_environment_cannot_point_git_at_another_repository(
    variable: str, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    run_git(other, "init", "--quiet")
    monkeypatch.setenv(variable, str(other / ".git"))
    (repository / "file").write_text("1")
    assert repository_root(repository) == repository.resolve()
    run_git(repository, "add", "--all")
    assert run_git(repository, "status", "--porcelain") == "A  file\n"
    assert not (other / ".git" / "index").exists()


def test_the_user_is_the_one_that_git_is_set_up_for(repository: Path, tmp_path: Path) -> None:
    assert git_user(repository) == "A Person"
    assert git_user(tmp_path) == ""


def test_a_user_without_a_name_is_known_by_a_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_entry() -> str:
        raise KeyError("getpwuid(): uid not found: 123456")

    monkeypatch.setattr(getpass, "getuser", no_entry)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    assert person(tmp_path) == str(os.getuid())


def test_git_is_called_in_one_module_only() -> None:
    sources = Path(git.__file__).parents[1]
    callers = [path for path in sources.rglob("*.py") if '["git",' in path.read_text("utf-8")]
    assert [path.relative_to(sources).as_posix() for path in callers] == ["core/git.py"]


def test_the_commits_at_which_a_shallow_clone_ends_are_known(repository: Path, tmp_path: Path) -> None:
    run_git(repository, "config", "user.email", "a@b.invalid")
    for message in ("first", "second"):
        run_git(repository, "commit", "--quiet", "--allow-empty", "--message", message)
    assert cut_commits(repository) == set()
    assert cut_commits(tmp_path) == set()
    run_git(tmp_path, "clone", "--quiet", "--depth", "1", repository.as_uri(), "shallow")
    assert cut_commits(tmp_path / "shallow") == {ask_git(repository, "rev-parse", "HEAD")}
