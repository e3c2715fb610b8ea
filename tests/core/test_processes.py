import os
import subprocess
import sys

import pytest

from seatrial.core import processes
from seatrial.core.processes import is_running


def test_a_process_is_running_until_it_ends_and_is_not_disturbed() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        assert is_running(process.pid)
        assert is_running(process.pid)
        assert process.poll() is None
        process.communicate(b"\n")
    assert process.returncode == 0
    assert not is_running(process.pid)


def test_another_users_process_is_running(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_pid: int, _signal: int) -> None:
        raise PermissionError

    monkeypatch.setattr(processes.os, "kill", refuse)
    assert is_running(1)


@pytest.mark.parametrize("pid", [0, -1, -os.getpid(), 2**70], ids=["zero", "minus one", "own group", "too large"])
def test_an_invalid_process_id_is_not_running(pid: int) -> None:
    assert not is_running(pid)
