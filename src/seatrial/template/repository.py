"""The git repository of a project: created with it, or checked before the project is changed."""

from pathlib import Path

from seatrial.core.errors import SeatrialError
from seatrial.core.git import ask_git, call_git, git_message, repository_root, run_git


def repository_above(folder: Path) -> Path | None:
    """The root of the repository that a folder is in, or would be in; None if there is none."""
    existing = next((f for f in (folder, *folder.parents) if f.is_dir()), None)
    return repository_root(existing) if existing else None


def start_repository(folder: Path) -> bool:
    """Create a repository with the branch main; returns whether that worked."""
    return ask_git(folder, "init", "--quiet", "--initial-branch", "main") is not None


def first_commit(folder: Path, message: str) -> str:
    """Commit everything; returns "" or, if git refuses, its reason in one line."""
    for words in (("add", "--all"), ("commit", "--quiet", "--no-verify", "--message", message)):
        done = call_git(folder, *words)
        if done.returncode != 0:
            nameless = b"Please tell me who" in done.stderr
            return "git has no name and e-mail address for you" if nameless else git_message(done)
    return ""


def check_clean(folder: Path) -> None:
    """Raise SeatrialError unless the folder is in a repository and has no uncommitted changes."""
    if repository_above(folder) is None:
        raise SeatrialError(
            f"{folder} is not in a git repository.",
            hint="Commit the project first, so that the update can be reviewed and undone.",
        )
    changed = run_git(folder, "status", "--porcelain", "--", ".").splitlines()
    if changed:
        raise SeatrialError(
            f"{folder} has {len(changed)} uncommitted change{'s' * (len(changed) > 1)}, the first in {changed[0][3:]}.",
            hint="Commit or discard them, so that the update can be reviewed and undone.",
        )
