"""What the tests of sandboxes share: the moody release, and what it should answer."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from seatrial.trial.policy import Policy
from seatrial.trial.sandbox.sandbox import Sandbox

POLICY = Policy(timeout=20.0, memory_mb=512)
XS = [-2.0, 0.0, None, 3.5]

Open = Callable[..., Sandbox]


def expected(xs: list[float | None]) -> np.ndarray:
    scores = 1 / (1 + np.exp(-np.array([np.nan if x is None else x for x in xs])))
    return np.stack([1 - scores, scores], axis=1)


def gone(pid: int) -> bool:
    """Whether a process has ended (or only waits for somebody to ask how)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def wait_until(condition: Callable[[], bool], seconds: float = 15.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)
