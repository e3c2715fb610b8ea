"""The git repository of a project: created with it, or checked before the project is changed."""

import shutil
import subprocess
from pathlib import Path

from seatrial.core.errors import SeatrialError


def _git(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["git", "-C", str(folder), *words],
        capture_output=True,
        text=True,
        check=False,
        encoding="utf-8",
        stdin=subprocess.DEVNULL,
    )


def has_git() -> bool:
    """Whether git is installed."""
    return shutil.which("git") is not None


def repository_above(folder: Path) -> Path | None:
    """The root of the repository that a folder is in, or would be in; None if there is none."""
    existing = next((f for f in (folder, *folder.parents) if f.is_dir()), None)
    if existing is None or not has_git():
        return None
    done = _git(existing, "rev-parse", "--show-toplevel")
    return Path(done.stdout.strip()) if done.returncode == 0 else None


def start_repository(folder: Path) -> bool:
    """Create a repository with the branch main; returns whether that worked."""
    return has_git() and _git(folder, "init", "--quiet", "--initial-branch", "main").returncode == 0


def first_commit(folder: Path, message: str) -> str:
    """Commit everything; returns "" or, if git refuses, its reason in one line."""
    for words in (("add", "--all"), ("commit", "--quiet", "--no-verify", "--message", message)):
        done = _git(folder, *words)
        if done.returncode != 0:
            if "Please tell me who" in done.stderr:
                return "git has no name and e-mail address for you"
            return (done.stderr or done.stdout).strip().splitlines()[-1]
    return ""


def check_clean(folder: Path) -> None:
    """Raise SeatrialError unless the folder is in a repository and has no uncommitted changes."""
    if repository_above(folder) is None:
        raise SeatrialError(
            f"{folder} is not in a git repository.",
            hint="Commit the project first, so that the update can be reviewed and undone.",
        )
    done = _git(folder, "status", "--porcelain", "--", ".")
    if done.returncode != 0:
        raise SeatrialError(f"git status failed in {folder}: {done.stderr.strip()}")
    changed = done.stdout.splitlines()
    if changed:
        raise SeatrialError(
            f"{folder} has {len(changed)} uncommitted change{'s' * (len(changed) > 1)}, the first in {changed[0][3:]}.",
            hint="Commit or discard them, so that the update can be reviewed and undone.",
        )


def user_name() -> str:
    """The author name that git is configured with, "" if there is none."""
    return _git(Path(), "config", "user.name").stdout.strip() if has_git() else ""
