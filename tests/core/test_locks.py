"""One command at a time changes a project."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from seatrial.core import locks
from seatrial.core.errors import SeatrialError
from seatrial.core.locks import changing
from seatrial.steps.deploy import pin_base
from seatrial.steps.refresh import refresh
from seatrial.steps.releases import build, bump
from seatrial.steps.train import train
from seatrial.steps.trial_decisions import accept, sign_trial

STEPS: list[Callable[..., Any]] = [train, refresh, bump, build, accept, sign_trial, pin_base]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__)
def test_a_step_that_changes_a_project_waits_for_no_other_for_long(
    step: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "WAIT_SECONDS", 0)
    with changing(tmp_path), pytest.raises(SeatrialError, match=f"Another command is changing {tmp_path.name}"):
        step(SimpleNamespace(root=tmp_path))


def test_projects_are_independent_and_a_step_leaves_its_own_free(tmp_path: Path) -> None:
    with changing(tmp_path / "one"), changing(tmp_path / "two"):
        pass
    with pytest.raises(ZeroDivisionError), changing(tmp_path / "one"):
        raise ZeroDivisionError
    with changing(tmp_path / "one"):
        pass


def test_a_killed_command_leaves_the_project_free(tmp_path: Path) -> None:
    program = "import sys, time; from pathlib import Path; from seatrial.core.locks import changing\n"
    program += "with changing(Path(sys.argv[1])):\n    print('locked', flush=True); time.sleep(60)"
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        began = time.monotonic()
        with pytest.raises(SeatrialError, match="Another command"), changing(tmp_path):
            pass
        assert time.monotonic() - began >= locks.WAIT_SECONDS
        os.kill(other.pid, signal.SIGKILL)
        other.wait()
    with changing(tmp_path):
        pass
