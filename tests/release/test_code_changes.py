"""Reading the code of a release takes bounded time, whatever it contains, and never fails."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import pytest

from seatrial.release.code_changes import changed_modules, estimators, feature_functions, parameters
from seatrial.wheels.wheel import WheelInfo


@dataclass
class Source:
    """A wheel whose modules all have this source."""

    content: bytes
    package: str = "tiny_model"
    version: str = "0.1.0"

    def read(self, name: str) -> bytes:
        return self.content

    def changed_code(self, older: "Source") -> list[str]:
        return ["features.py"]


def wheel(content: bytes) -> WheelInfo:
    return cast(Any, Source(content))


HOSTILE = {
    "thousands of calls": b"X(a=1)\n" * 5_000,
    "a deep expression": b"X(a=" + b"-" * 2_000 + b"1)",
    "an expression without end": b"x = " + b"-" * 200_000 + b"1",
    "a long module": b"def f():\n    return [" + b"1," * 1_000_000 + b"]\n",
}


@pytest.mark.parametrize("case", HOSTILE)
@pytest.mark.parametrize("read", [feature_functions, parameters, estimators])
def test_hostile_code_is_read_in_time(case: str, read: Callable[[WheelInfo], Any]) -> None:
    began = time.process_time()
    assert len(read(wheel(HOSTILE[case]))) <= 5_000
    assert time.process_time() - began < 3.0


def test_repeated_arguments_are_numbered() -> None:
    assert parameters(wheel(b"X(a=1)\nX(a=2, b=3)\nX(a=4)\n")) == {
        "X.a": "1",
        "X.a (2)": "2",
        "X.b": "3",
        "X.a (3)": "4",
    }
    assert parameters(wheel(HOSTILE["a deep expression"])) == {"X.a": "nested too deeply to be shown"}


def test_long_modules_are_not_compared_line_by_line() -> None:
    lines = [b"%d\n" % (n * n % 997) for n in range(6_000)]
    before, after = (wheel(b"".join(part)) for part in (lines, lines[::-1]))
    began = time.process_time()
    [change] = changed_modules(before, after)
    assert "more than 2,000 lines" in change.diff
    assert time.process_time() - began < 1.0
