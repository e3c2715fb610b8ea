"""Commands that hold a lock: what a killed process has started is waited for."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest
from tests.serve.clients import until

from seatrial.deploy.tools import Tool, ToolError, wait_until_free

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no locks that a child inherits")
SHELL = Tool("/bin/sh")


def test_a_command_that_holds_a_lock_behaves_as_without(tmp_path: Path) -> None:
    lock = tmp_path / "new" / "lock"
    words = ("-c", 'printf "%s|" "$@"; cat', "sh", "two words", "$HOME")
    assert SHELL.run(*words, doing="print", lock=lock) == SHELL.run(*words, doing="print") == "two words|$HOME|"
    with pytest.raises(ToolError, match=r"sh cannot fail. Its output:\n  oh"):
        SHELL.run("-c", "echo oh >&2; exit 3", doing="fail", lock=lock)
    with pytest.raises(ToolError, match=r"did not finish within 0 s"):
        SHELL.run("-c", "sleep 30", doing="sleep", timeout=0.2, lock=lock)
    began = time.monotonic()
    wait_until_free(lock)
    assert time.monotonic() - began < 5


def test_what_a_killed_process_has_started_is_waited_for(tmp_path: Path) -> None:
    lock, started, done = (tmp_path / name for name in ("lock", "started", "done"))
    child = os.fork()
    if child == 0:
        with suppress(BaseException):
            SHELL.run("-c", f"touch {started}; sleep 1; touch {done}", doing="work", lock=lock)
        os._exit(0)
    until(started.exists)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    wait_until_free(lock, 0.1)
    assert not done.exists(), "it goes on, and we do not wait for longer than we were asked to"
    wait_until_free(lock)
    assert done.exists()


def test_what_the_command_leaves_running_is_not_waited_for(tmp_path: Path) -> None:
    """As podman leaves a process that watches the container."""
    lock = tmp_path / "lock"
    pid = int(SHELL.run("-c", "sleep 60 >/dev/null 2>&1 & echo $!", doing="start", lock=lock))
    try:
        began = time.monotonic()
        wait_until_free(lock)
        assert time.monotonic() - began < 5
    finally:
        os.kill(pid, signal.SIGKILL)
