"""A worker that fills the disk is stopped."""

import sys
from pathlib import Path

import pytest

from seatrial.trial.sandbox import process
from seatrial.trial.sandbox.process import Running

FILLING = """
import pathlib, sys, time
for number in range(8):
    (pathlib.Path(sys.argv[1]) / str(number)).write_bytes(bytes(8 << 20))
time.sleep(30)
"""


@pytest.mark.parametrize("asked", [False, True])
def test_a_worker_that_fills_the_disk_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: bool) -> None:
    monkeypatch.setattr(process, "MOST_WRITTEN", 16 << 20)
    monkeypatch.setattr(process, "DISK_SECONDS", 0.05)
    script, folder = tmp_path / "script.py", tmp_path / "folder"
    script.write_text(FILLING)
    folder.mkdir()
    with Running(Path(sys.executable), folder, timeout=20, threads=1, script=script, asked=asked) as running:
        ended = running.ask("{}", folder / "answer.json", 20) if asked else running.wait()
    assert ended is not None
    assert ended.filled
    assert ended.code is None


def test_a_worker_that_writes_little_is_not_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even on a disk that is nearly full."""
    monkeypatch.setattr(process, "LEAST_FREE", 1 << 62)
    monkeypatch.setattr(process, "DISK_SECONDS", 0.05)
    script = tmp_path / "script.py"
    script.write_text("import time\ntime.sleep(0.3)\n")
    with Running(Path(sys.executable), tmp_path, timeout=20, threads=1, script=script) as running:
        ended = running.wait()
    assert (ended.code, ended.filled) == (0, False)
