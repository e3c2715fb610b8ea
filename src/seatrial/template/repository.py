"""The git repository of a project: made with it, or looked at before it is changed."""

import shutil
from pathlib import Path

from seatrial.core.errors import SeatrialError
from seatrial.core.git import ask_git, call_git, git_message, git_user, repository_root, run_git


def has_git() -> bool:
    """Whether git can be called."""
    return shutil.which("git") is not None


def repository_above(folder: Path) -> Path | None:
    """The top of the repository that a folder lies in, or would lie in; None where there is none."""
    existing = next((f for f in (folder, *folder.parents) if f.is_dir()), None)
    return repository_root(existing) if existing else None


def start_repository(folder: Path) -> bool:
    """Make a repository on the branch main. Gives whether git did."""
    return ask_git(folder, "init", "--quiet", "--initial-branch", "main") is not None


def first_commit(folder: Path, message: str) -> str:
    """Commit everything; gives "" or, where git will not, its reason in a line."""
    for words in (("add", "--all"), ("commit", "--quiet", "--no-verify", "--message", message)):
        done = call_git(folder, *words)
        if done.returncode != 0:
            nameless = b"Please tell me who" in done.stderr
            return "git has no name and e-mail address for you" if nameless else git_message(done)
    return ""


def check_clean(folder: Path) -> None:
    """Raise SeatrialError unless the folder is in a repository in which nothing of it waits to be committed."""
    if repository_above(folder) is None:
        raise SeatrialError(
            f"{folder} is in no git repository.",
            hint="Commit the project first: then an update can be looked at, and taken back.",
        )
    changed = run_git(folder, "status", "--porcelain", "--", ".").splitlines()
    if changed:
        raise SeatrialError(
            f"{folder} has changes that are not committed: {len(changed)}, {changed[0][3:]} the first.",
            hint="Commit them or take them back: then an update can be looked at, and taken back.",
        )


def user_name() -> str:
    """The name that git writes into commits, "" where it has none."""
    return git_user(Path())
