"""Run commands in this process where a test needs many, which saves loading scikit-learn for each.

tests/cli/test_app.py, tests/test_demo.py and others test the command line as a process.
"""

import contextlib
import io
import subprocess
import sys
from pathlib import Path
from unittest import mock

from seatrial.cli.app import run


def run_here(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run `seatrial` with these words in a folder; return what a process would."""
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(cwd),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        mock.patch.object(sys, "stdin", io.StringIO()),
    ):
        code = run(words)
    return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())
