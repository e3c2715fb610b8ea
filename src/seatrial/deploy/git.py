"""What deployments need from git: the author, the reason, whether files were edited, and a commit of given files."""

import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from seatrial.core.git import GitError, ask_git, call_git, git_message, person, repository_root
from seatrial.core.version import version_diff, version_in_diff

LOCK_SECONDS = 3.0


class Git:
    """The repository of a project, if it is in one."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def present(self) -> bool:
        """Whether there is a repository."""
        return repository_root(self._root) is not None

    @property
    def commit(self) -> str:
        """The commit that is checked out; empty if there is none."""
        return self._output("rev-parse", "--verify", "--quiet", "HEAD")

    @property
    def subject(self) -> str:
        """The subject of the last commit that is not a deployment's own."""
        return self._output("log", "-1", "--format=%s", "--", ".", ":(exclude)deploy")

    @property
    def person(self) -> str:
        """The user name that git has, or the system's."""
        return person(self._root)

    def changed(self, path: Path) -> bool:
        """Whether a file differs from its committed version."""
        return bool(self._output("status", "--porcelain", "--untracked-files=all", "--ignored", "--", str(path)))

    def tracks(self, path: Path) -> bool:
        """Whether the index of git has a file."""
        return bool(self._output("ls-files", "--", str(path)))

    def versions(self, path: Path) -> list[bytes]:
        """The contents of a file in every commit that changed it, newest first."""
        top = repository_root(self._root) or self._root
        contents = []
        for commit in self._output("log", "--format=%H", "--", str(path)).split():
            name = path.resolve().relative_to(top.resolve()).as_posix()
            done = self._run("show", f"{commit}:{name}")
            if done.returncode == 0:
                contents.append(done.stdout)
        return contents

    def bumped_to(self, init: Path) -> str | None:
        """The version in a package's `__init__.py`, if that line is its only uncommitted change."""
        if self._run("diff", "--quiet", "--cached", "--", str(init)).returncode:
            return None  # somebody has staged a change of it
        return version_in_diff(version_diff(self._root, "HEAD", path=init))

    def commit_only(self, paths: Sequence[Path], message: str) -> str:
        """Commit these files and nothing else; returns git's error, or nothing.

        Hooks do not run: they are for the user's own changes, and some stash those for the time of the commit.
        """
        names = [str(path) for path in paths]
        if not (before := self._status(names)):
            return ""
        if ignored := [line[3:] for line in before if line.startswith("!!")]:
            return f"a .gitignore or the like excludes {ignored[0]}"
        # Only new files are added: `commit --only` stages nothing that a killed command could leave behind.
        new = [name for name in names if not self._output("ls-files", "--", name)]
        for command in (
            *([("add", "--intent-to-add", "--", *new)] if new else []),
            ("commit", "--quiet", "--no-verify", "-m", message, "--only", "--", *names),
        ):
            done = self._run_with_retry(*command)
            if done.returncode:
                return git_message(done)
        return f"{after[0][3:]} is still not committed" if (after := self._status(names)) else ""

    def _status(self, names: Sequence[str]) -> list[str]:
        """What git says of these files, a line for each that differs from the last commit."""
        return self._output("status", "--porcelain", "--untracked-files=all", "--ignored", "--", *names).splitlines()

    def _run_with_retry(self, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
        """Retry for a while if another git process holds the lock, such as that of a command that was killed."""
        deadline = time.monotonic() + LOCK_SECONDS
        done = self._run(*arguments)
        while done.returncode and b".lock" in done.stderr and time.monotonic() < deadline:
            time.sleep(0.1)
            done = self._run(*arguments)
        return done

    def push(self) -> str:
        """Push the branch, rebased on what others have pushed; returns git's error, or nothing."""
        done = self._run("push", "--quiet")
        if done.returncode and self._run("pull", "--quiet", "--rebase").returncode == 0:
            done = self._run("push", "--quiet")
        elif done.returncode:
            self._run("rebase", "--abort")
        return git_message(done) if done.returncode else ""

    def _output(self, *arguments: str) -> str:
        return (ask_git(self._root, *arguments) or "").strip()

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        try:
            return call_git(self._root, *arguments)
        except GitError as error:
            return subprocess.CompletedProcess(arguments, 127, b"", error.message.encode())
