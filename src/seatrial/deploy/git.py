"""What deployments need of git: who, why, whether files were changed by hand, and a commit of exactly these files."""

import getpass
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from seatrial.core.git import GitError, call_git, git_message, git_user
from seatrial.core.version import version_diff, version_in_diff

LOCK_SECONDS = 3.0


class Git:
    """The repository that a project lies in, if it lies in one."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def present(self) -> bool:
        """Whether there is a repository."""
        return self._run("rev-parse", "--git-dir").returncode == 0

    @property
    def commit(self) -> str:
        """The commit that is checked out; empty where there is none."""
        return self._say("rev-parse", "--verify", "--quiet", "HEAD")

    @property
    def subject(self) -> str:
        """What the last commit says it does that is no deployment's own."""
        return self._say("log", "-1", "--format=%s", "--", ".", ":(exclude)deploy")

    @property
    def person(self) -> str:
        """Git's user, or the system's."""
        return git_user(self._root) or getpass.getuser()

    def changed(self, path: Path) -> bool:
        """Whether a file differs from what is committed."""
        return bool(self._say("status", "--porcelain", "--untracked-files=all", "--ignored", "--", str(path)))

    def versions(self, path: Path) -> list[bytes]:
        """What a file was in every commit that changed it, from new to old."""
        top = self._say("rev-parse", "--show-toplevel")
        found = []
        for commit in self._say("log", "--format=%H", "--", str(path)).split():
            name = path.resolve().relative_to(Path(top).resolve()).as_posix()
            done = self._run("show", f"{commit}:{name}")
            if done.returncode == 0:
                found.append(done.stdout)
        return found

    def raised_to(self, init: Path) -> str | None:
        """The version in a package's `__init__.py`, if that line is all that differs there from what is committed."""
        if self._run("diff", "--quiet", "--cached", "--", str(init)).returncode:
            return None  # something of it is staged, which is somebody's work
        return version_in_diff(version_diff(self._root, "HEAD", path=init))

    def commit_only(self, paths: Sequence[Path], message: str) -> str:
        """Commit these files and nothing else; gives git's words where it does not.

        The user's hooks are left out: they are for the user's own changes, and some put these aside meanwhile.
        """
        names = [str(path) for path in paths]
        if not self._say("status", "--porcelain", "--untracked-files=all", "--", *names):
            return ""
        for command in (
            ("add", "--", *names),
            ("commit", "--quiet", "--no-verify", "-m", message, "--only", "--", *names),
        ):
            done = self._patiently(*command)
            if done.returncode:
                return git_message(done)
        return ""

    def _patiently(self, *words: str) -> "subprocess.CompletedProcess[bytes]":
        """Run git again for a while where another git is at it: maybe that of a command that was killed."""
        end = time.monotonic() + LOCK_SECONDS
        done = self._run(*words)
        while done.returncode and b".lock" in done.stderr and time.monotonic() < end:
            time.sleep(0.1)
            done = self._run(*words)
        return done

    def push(self) -> str:
        """Push the branch, on top of what others pushed meanwhile; gives git's words where that fails."""
        done = self._run("push", "--quiet")
        if done.returncode and self._run("pull", "--quiet", "--rebase").returncode == 0:
            done = self._run("push", "--quiet")
        elif done.returncode:
            self._run("rebase", "--abort")
        return git_message(done) if done.returncode else ""

    def _say(self, *words: str) -> str:
        done = self._run(*words)
        return done.stdout.decode(errors="replace").strip() if done.returncode == 0 else ""

    def _run(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        try:
            return call_git(self._root, *words)
        except GitError as error:
            return subprocess.CompletedProcess(words, 127, b"", error.message.encode())
