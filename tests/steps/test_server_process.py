"""A server never outlives the command that started it."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

PARENT = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job has no handler
from pathlib import Path
from seatrial.steps import server_process as module
module.STOP_SECONDS = 0.5
with module.server_process(Path(sys.argv[1]), "tiny_model", []) as server:
    print(server.pid, flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("stubborn", [False, True])
def test_the_server_ends_with_its_command(tmp_path: Path, number: signal.Signals, stubborn: bool) -> None:
    interpreter = tmp_path / "python"  # starts a server that takes long to load
    interpreter.write_text(f"#!/bin/sh\n{'trap : TERM INT; ' if stubborn else ''}while true; do sleep 0.1; done\n")
    interpreter.chmod(0o755)
    command = [sys.executable, "-c", PARENT, str(interpreter)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as running:
        assert running.stdout
        server = int(running.stdout.readline())
        time.sleep(0.2)
        running.send_signal(number)
        try:
            running.wait(30)
        finally:
            running.kill()
    assert running.returncode in (128 + number, 1, -number)
    assert not psutil.pid_exists(server)
