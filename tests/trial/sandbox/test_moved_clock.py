"""The clock of a process that is moved, in processes of their own: it cannot be put back completely."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from seatrial.trial.sandbox import moved_clock

YEAR = 366 * 86_400
SCRIPT = """
import importlib.util, json, os, sys
spec = importlib.util.spec_from_file_location("moved_clock", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
clock = module.install()
import datetime, time, ctypes
import numpy, pandas
before = clock.reads
clock.move(int(sys.argv[2]))
waited = time.perf_counter()
seen = {
    "time": time.time(),
    "now": datetime.datetime.now().timestamp(),
    "today": time.mktime(datetime.date.today().timetuple()),
    "gmtime": time.mktime(time.gmtime()),
    "numpy": numpy.datetime64("now").astype("int64").item(),
    "pandas": pandas.Timestamp.now().timestamp(),
    "C": ctypes.CDLL(None).time(None) & 0xFFFFFFFF,
}
waited = time.perf_counter() - waited
reads = clock.reads - before
clock.move(0)
print(json.dumps({"seen": seen, "waited": waited, "reads": reads, "back": time.time()}))
sys.stdout.flush()
os._exit(0)
"""


def movable() -> bool:
    return sys.platform == "linux" and moved_clock.platform.machine() == "x86_64"


def test_every_way_to_todays_date_finds_the_moved_one_and_is_counted():
    if not movable():
        assert moved_clock.install() is None
        return
    command = [sys.executable, "-c", SCRIPT, str(Path(moved_clock.__file__)), str(YEAR)]
    environment = {"TZ": "UTC", "PATH": ""}
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60, env=environment)
    found, now = json.loads(done.stdout), time.time()
    for name, seconds in found["seen"].items():
        assert abs(seconds - now - YEAR) < 2 * 86_400, name
    assert found["reads"] >= len(found["seen"])
    assert found["waited"] < 60  # a clock that measures durations did not jump
    assert abs(found["back"] - now) < 600


def test_another_processor_or_system_is_left_alone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(moved_clock.platform, "machine", lambda: "riscv64")
    assert moved_clock.install() is None
    monkeypatch.setattr(moved_clock.sys, "platform", "darwin")
    assert moved_clock.install() is None


def test_an_image_without_the_functions_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(moved_clock, "FUNCTIONS", {"__vdso_unknown": ""})
    assert moved_clock.install() is None
