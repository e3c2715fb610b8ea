"""Commands without a process of their own, where a test needs many: it spares loading scikit-learn anew for each.

That the command line works as a process is the business of tests/cli/test_app.py, tests/test_demo.py and others.
"""

import contextlib
import io
import subprocess
import sys
from pathlib import Path
from unittest import mock

from seatrial.cli.app import run


def run_here(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run `seatrial` with these words in a folder; gives what a process of it would."""
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(cwd),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        mock.patch.object(sys, "stdin", io.StringIO()),
    ):
        code = run(words)
    return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())
