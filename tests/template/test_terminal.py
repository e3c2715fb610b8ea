"""`seatrial new` in a terminal: few questions, and Ctrl-C leaves nothing behind."""

import os
import select
import sys
import time
from pathlib import Path

import pytest
from tests.template.commands import GIT, write_table

pty = pytest.importorskip("pty", reason="this system has no pseudo-terminals")
PATIENCE = 60


def talk(cwd: Path, *turns: tuple[str, str]) -> tuple[str, int]:
    """Wait for each text, and type the answer; returns all that was shown and the exit code."""
    child, terminal = pty.fork()
    if not child:
        os.chdir(cwd)
        command = [sys.executable, "-m", "seatrial", "new"]
        os.execve(sys.executable, command, {**os.environ, **GIT, "TERM": "xterm", "COLUMNS": "120"})
    shown = ""
    for wanted, typed in turns:
        start, end = len(shown), time.monotonic() + PATIENCE
        while wanted not in shown[start:]:
            assert time.monotonic() < end, f"{wanted!r} was not asked in {shown!r}"
            shown += _read(terminal)
        os.write(terminal, typed.encode())
    # Python drops a Ctrl-C that arrives in a finalizer; a person presses it again.
    again = "\x03" if turns[-1][1] == "\x03" else ""
    while part := _read(terminal, again):
        shown += part
    os.close(terminal)
    return shown, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _read(terminal: int, again: str = "") -> str:
    """The next output; "" at the end. While there is none, `again` is typed every few seconds."""
    end = time.monotonic() + PATIENCE
    while not select.select([terminal], [], [], 3 if again else PATIENCE)[0]:
        if time.monotonic() > end:
            return ""
        os.write(terminal, again.encode())
    try:
        return os.read(terminal, 2**16).decode(errors="replace")
    except OSError:  # how Linux signals the end of a terminal
        return ""


def test_seven_questions_make_a_project(tmp_path: Path) -> None:
    write_table(tmp_path / "customers.csv")
    shown, code = talk(
        tmp_path,
        ("Name of the project: ", "churn\n"),
        ("Table (CSV, Parquet, Excel, sklearn:NAME): ", "customers.csv\n"),
        ("Column to predict: ", "left\n"),
        ("> ", "\n"),
        ("CI (circleci, github, gitlab, none) [none]: ", "\n"),
        ("Licence (mit, apache, bsd, none) [none]: ", "\n"),
        ("Deploy to (local, docker, railway, kubernetes) [local]: ", "\n"),
    )
    assert code == 0, shown
    assert "customers.csv: 120 rows, 5 columns" in shown
    assert (tmp_path / "churn/src/churn_model/schema.py").is_file()


def test_ctrl_c_at_a_question_leaves_nothing(tmp_path: Path) -> None:
    shown, code = talk(tmp_path, ("Name of the project: ", "churn\n"), ("Table (CSV", "\x03"))
    assert code == 130
    assert shown.rstrip().endswith("stopped")
    assert "error" not in shown
    assert list(tmp_path.iterdir()) == []
