"""A persistent shell: the commands of a page are typed into it one by one, as a reader does."""

import os
import signal
import socket
import subprocess
import time
import uuid
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Timer


class Shell:
    """Bash in a folder. Background processes are ended by their id."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._bash = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._logs = TemporaryDirectory(prefix="seatrial-walk-")  # not in the folder, where a reader would see it
        self.servers: list[int] = []

    def run(self, command: str, timeout: float = 300) -> tuple[int, str]:
        """Run a command; return its exit code and output."""
        assert self._bash.stdin
        assert self._bash.stdout
        mark = f"done-{uuid.uuid4().hex}"
        self._bash.stdin.write(f"{command} </dev/null\necho {mark} $?\n")
        self._bash.stdin.flush()
        alarm = Timer(timeout, os.killpg, [self._bash.pid, signal.SIGKILL])
        alarm.start()
        lines: list[str] = []
        try:
            for line in self._bash.stdout:
                before, separator, code = line.partition(mark)
                lines.append(before)
                if separator:
                    return int(code), "".join(lines)
        finally:
            alarm.cancel()
        self._bash.wait(10)
        raise AssertionError(f"{command} did not end within {timeout:g} s:\n{''.join(lines)}")

    def serve(self, command: str, port: int, timeout: float = 120) -> None:
        """Start a server in the background and wait until it accepts connections."""
        log = Path(self._logs.name) / f"server-{len(self.servers)}.log"
        code, output = self.run(f"{command} > {log} 2>&1 & echo $!")
        assert code == 0, output
        self.servers.append(int(output))
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.05)
        self._bash.wait(10)
        raise AssertionError(f"{command} did not accept connections:\n{log.read_text()}")

    def stop_servers(self) -> None:
        for process in self.servers:
            self.run(f"kill {process}; wait {process}; true", timeout=30)
        self.servers.clear()

    def close(self) -> None:
        if self._bash.poll() is None:
            self.stop_servers()
        assert self._bash.stdin
        assert self._bash.stdout
        with suppress(BrokenPipeError):
            self._bash.stdin.close()
        self._bash.wait(10)
        self._bash.stdout.close()
        self._logs.cleanup()
