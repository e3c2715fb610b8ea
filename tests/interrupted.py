"""Ctrl-C at a chosen moment while a command loads."""

import os
import subprocess
import sys

PROGRAM = """\
import os, runpy, signal, sys

class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupt())
sys.argv = ["-m", *{arguments!r}]
runpy.run_module({command!r}, run_name="__main__", alter_sys=True)
"""


def interrupted_at_import(
    module: str, command: str, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run `python -m command arguments`; it gets Ctrl-C when it is about to import `module`."""
    program = PROGRAM.format(module=module, command=command, arguments=arguments)
    environment = {**os.environ, **environment}
    return subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
