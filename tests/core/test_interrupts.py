"""What Ctrl-C does where nothing can handle it."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from seatrial.core.interrupts import INTERRUPTED, RaisingInterrupts, end_at_interrupt

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")
INTERRUPT = "import os, signal; os.kill(os.getpid(), signal.SIGINT)"


def run(program: str, *, ignored: bool = False) -> tuple[int, str, str]:
    """Run a program that may use our functions; `ignored` is whether its caller ignores Ctrl-C, as `nohup ... &` does."""
    command = [sys.executable, "-c", f"from seatrial.core.interrupts import *\n{program}"]
    ignore = (lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)) if ignored else None
    done = subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=ignore)
    return done.returncode, done.stdout, done.stderr


def test_the_process_ends_at_once_without_a_traceback() -> None:
    swallowed = f"try:\n    {INTERRUPT}\nexcept BaseException: pass\nprint('went on')"
    assert run(f"end_at_interrupt(7, 'stopped\\n')\n{swallowed}") == (7, "", "stopped\n")
    assert run(f"end_at_interrupt(7)\nend_at_interrupt()\n{swallowed}") == (INTERRUPTED, "", "")
    assert run(swallowed) == (0, "went on\n", "")  # as it is without


def test_an_ignored_signal_stays_ignored() -> None:
    assert run(f"end_at_interrupt()\n{INTERRUPT}\nprint('went on')", ignored=True) == (0, "went on\n", "")


def test_within_the_context_it_raises_and_is_noted() -> None:
    before = signal.getsignal(signal.SIGINT)
    with RaisingInterrupts() as interrupts:
        assert not interrupts.arrived
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        assert interrupts.arrived
    assert signal.getsignal(signal.SIGINT) is before


def test_a_handler_of_the_callers_is_left_alone() -> None:
    seen: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: seen.append(number))
    try:
        end_at_interrupt()
        with RaisingInterrupts() as interrupts:
            os.kill(os.getpid(), signal.SIGINT)
        assert (seen, interrupts.arrived) == ([signal.SIGINT], False)
    finally:
        signal.signal(signal.SIGINT, before)


def test_in_another_thread_nothing_is_set() -> None:
    before, ended = signal.getsignal(signal.SIGINT), []

    def work() -> None:
        end_at_interrupt()
        with RaisingInterrupts():
            ended.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert ended == [before]


def test_it_loads_before_anything_that_takes_time() -> None:
    program = "import sys; old = set(sys.modules)\nimport seatrial.cli\nprint(*sorted(set(sys.modules) - old))"
    command = [sys.executable, "-c", program]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert [name for name in loaded if not name.startswith("seatrial")] == []
    assert "seatrial.core.interrupts" in loaded
