"""The git repository of a project: made with it, or looked at before it is changed."""

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
    """Whether git can be called."""
    return shutil.which("git") is not None


def repository_above(folder: Path) -> Path | None:
    """The top of the repository that a folder lies in, or would lie in; None where there is none."""
    existing = next((f for f in (folder, *folder.parents) if f.is_dir()), None)
    if existing is None or not has_git():
        return None
    done = _git(existing, "rev-parse", "--show-toplevel")
    return Path(done.stdout.strip()) if done.returncode == 0 else None


def start_repository(folder: Path) -> bool:
    """Make a repository on the branch main. Gives whether git did."""
    return has_git() and _git(folder, "init", "--quiet", "--initial-branch", "main").returncode == 0


def first_commit(folder: Path, message: str) -> str:
    """Commit everything; gives "" or, where git will not, its reason in a line."""
    for words in (("add", "--all"), ("commit", "--quiet", "--no-verify", "--message", message)):
        done = _git(folder, *words)
        if done.returncode != 0:
            said = (done.stderr or done.stdout).strip().splitlines()
            return "git has no name and e-mail address for you" if "Please tell me who" in done.stderr else said[-1]
    return ""


def check_clean(folder: Path) -> None:
    """Raise SeatrialError unless the folder is in a repository in which nothing of it waits to be committed."""
    if repository_above(folder) is None:
        raise SeatrialError(
            f"{folder} is in no git repository.",
            hint="Commit the project first: then an update can be looked at, and taken back.",
        )
    done = _git(folder, "status", "--porcelain", "--", ".")
    if done.returncode != 0:
        raise SeatrialError(f"git status failed in {folder}: {done.stderr.strip()}")
    changed = done.stdout.splitlines()
    if changed:
        raise SeatrialError(
            f"{folder} has changes that are not committed: {len(changed)}, {changed[0][3:]} the first.",
            hint="Commit them or take them back: then an update can be looked at, and taken back.",
        )


def user_name() -> str:
    """The name that git writes into commits, "" where it has none."""
    return _git(Path(), "config", "user.name").stdout.strip() if has_git() else ""
