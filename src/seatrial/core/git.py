"""Git, always called on the repository that a folder is in, whatever GIT_DIR and similar variables say.

GitError             git failed; the message contains git's output
├── NoGitError            git is not installed
└── NoRepositoryError     the folder is not in a repository
"""

import getpass
import os
import re
import subprocess
from contextlib import suppress
from pathlib import Path

from seatrial.core.errors import SeatrialError

TIMEOUT = 60.0  # seconds
# Git sets these for its hooks, and some CI runners set them for a job; each can point git at another repository.
REDIRECTING = frozenset(
    f"GIT_{name}"
    for name in (
        *("ALTERNATE_OBJECT_DIRECTORIES", "COMMON_DIR", "DIR", "GRAFT_FILE", "IMPLICIT_WORK_TREE", "INDEX_FILE"),
        *("NAMESPACE", "OBJECT_DIRECTORY", "PREFIX", "SHALLOW_FILE", "WORK_TREE"),
    )
)
# No invisible prompts, and messages in English, since a missing repository is recognized by its message.
LOCK_EXISTS = re.compile(r"Unable to create '(.+\.lock)': File exists")
FETCH_ALL = (
    "fetch the whole history (`git fetch --unshallow`; in a pipeline `fetch-depth: 0` of actions/checkout, "
    "`GIT_DEPTH: 0` of GitLab)"
)
SETTINGS = {"GIT_TERMINAL_PROMPT": "0", "LANGUAGE": "C"}


class GitError(SeatrialError):
    """Git failed; the message contains git's output."""


class NoGitError(GitError):
    """Git is not installed."""


class NoRepositoryError(GitError):
    """The folder is not in a git repository."""


def run_git(folder: Path, *arguments: str) -> str:
    """Run git in `folder` and return its output, unchanged; `encode("utf-8", "surrogateescape")` gives the bytes.

    Raises NoGitError, NoRepositoryError, or GitError with git's output.
    """
    completed = call_git(folder, *arguments)
    if completed.returncode:
        message = git_message(completed)
        if "not a git repository" in message:
            raise NoRepositoryError(f"{folder} is not in a git repository.", hint="Create one with `git init`.")
        trust = f"If you trust this folder: `git config --global --add safe.directory {folder}`."
        raise GitError(
            f"git {arguments[0]} failed in {folder}: {message}", hint=trust if "dubious ownership" in message else ""
        )
    return completed.stdout.decode(errors="surrogateescape")


def ask_git(folder: Path, *arguments: str) -> str | None:
    """Run git in `folder` and return its output without the last line break; None where git fails for any reason."""
    try:
        return run_git(folder, *arguments).rstrip("\n")
    except GitError:
        return None


def call_git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run git in `folder`, for callers that read its exit code; raises GitError only where git could not finish."""
    environment = {key: value for key, value in os.environ.items() if key not in REDIRECTING} | SETTINGS
    try:
        return subprocess.run(
            ["git", "-C", str(folder), *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT,
            check=False,
        )
    except FileNotFoundError:
        raise NoGitError("git is not installed.", hint="Install git, and check that it is on the PATH.") from None
    except OSError as error:
        raise GitError(f"git cannot be run: {error.strerror or error}.") from None
    except subprocess.TimeoutExpired:
        raise GitError(f"git {arguments[0]} did not finish within {TIMEOUT:.0f} s in {folder}.") from None


def git_message(completed: subprocess.CompletedProcess[bytes]) -> str:
    """The reason that git printed for a failure, in one line: its `fatal:` or `error:`, else the last line."""
    printed = (completed.stderr or completed.stdout).decode(errors="replace")
    if held := LOCK_EXISTS.search(printed):
        return f"{held[1]} exists; if no other git command is running, one was killed: delete that file"
    lines = printed.strip().splitlines()
    lines = [line.strip() for line in lines if not line.startswith("hint:")]
    reasons = [line for line in lines if line.startswith(("fatal:", "error:"))] or lines
    return reasons[-1] if reasons else f"git exited with code {completed.returncode}"


def cut_commits(folder: Path) -> set[str]:
    """The commits whose parents a shallow clone lacks; none in a whole one, or outside of a repository."""
    if ask_git(folder, "rev-parse", "--is-shallow-repository") != "true":
        return set()
    file = ask_git(folder, "rev-parse", "--path-format=absolute", "--git-path", "shallow")
    with suppress(OSError):
        return set(Path(file or "shallow").read_text("utf-8").split())
    return {ask_git(folder, "rev-parse", "HEAD") or ""}


def repository_root(folder: Path) -> Path | None:
    """The root of the repository that `folder` is in; None where there is none, or git is not installed."""
    try:
        return Path(run_git(folder, "rev-parse", "--show-toplevel").rstrip("\n"))
    except (NoGitError, NoRepositoryError):
        return None


def ignored_files(folder: Path, *paths: str) -> list[str]:
    """The files at these paths that git ignores, so that a clone lacks them; none where git does not answer."""
    listed = ask_git(folder, "ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--", *paths)
    return [path for path in (listed or "").split("\0") if path]


def person(folder: Path) -> str:
    """Who works here: the name that git writes into commits, else the user of the system, who may have no name."""
    if name := git_user(folder):
        return name
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return str(os.getuid()) if hasattr(os, "getuid") else "unknown"


def git_user(folder: Path) -> str:
    """The name that git writes into commits; empty where none is set."""
    return (ask_git(folder, "config", "user.name") or "").strip()
