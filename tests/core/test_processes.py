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


@pytest.mark.parametrize("closed", [(0,), (2,), (1, 2), (0, 1, 2)], ids=str)
def test_closed_standard_streams_are_opened_and_their_numbers_are_not_given_to_others(closed: tuple[int, ...]) -> None:
    code = (
        "import os, sys; from seatrial.core.processes import open_closed_streams; open_closed_streams();"
        "print('a note', file=sys.stderr, flush=True); print('a result', flush=True);"
        "os.write(int(sys.argv[1]), bytes([48 + min(os.open('/dev/null', os.O_RDONLY), 3), 48 + sys.stderr.fileno()]))"
    )
    reading, writing = os.pipe()
    words = " ".join(f"{number}>&-" for number in closed)
    command = f'"$@" {words}'
    arguments = ["sh", "-c", command, "sh", sys.executable, "-c", code, str(writing)]
    done = subprocess.run(arguments, pass_fds=[writing], capture_output=True, text=True, check=False)
    os.close(writing)
    with os.fdopen(reading) as answer:
        assert (answer.read(), done.returncode) == ("32", 0)
    assert done.stdout == "" if 1 in closed else "a result\n"
    assert done.stderr == "" if 2 in closed else "a note\n"
