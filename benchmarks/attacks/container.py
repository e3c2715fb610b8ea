"""A control group with little memory, as a container has it, and a model server in it."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
GROUPS = Path("/sys/fs/cgroup")
MEMORY = 512 * 2**20


class NoControlGroupsError(Exception):
    """This machine does not let us make a control group; the message says why."""


@contextmanager
def control_group(memory: int = MEMORY) -> Iterator[Path]:
    """Make a control group with a limit of memory and without swap, and remove it with its processes in the end."""
    first = (GROUPS / "memory").is_dir()
    parent = GROUPS / "memory" if first else GROUPS
    group = parent / f"seatrial-{os.getpid()}-{time.monotonic_ns()}"
    try:
        group.mkdir()
        if first:
            (group / "memory.limit_in_bytes").write_text(str(memory))
            with suppress(OSError):  # not every kernel counts swap
                (group / "memory.memsw.limit_in_bytes").write_text(str(memory))
            (group / "memory.swappiness").write_text("0")
        else:
            (group / "memory.max").write_text(str(memory))
            (group / "memory.swap.max").write_text("0")
    except OSError as error:
        with suppress(OSError):
            group.rmdir()
        raise NoControlGroupsError(f"a control group cannot be made: {error}") from None
    try:
        yield group
    finally:
        for pid in (group / "cgroup.procs").read_text().split():
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        for _ in range(100):
            with suppress(OSError):
                group.rmdir()
                break
            time.sleep(0.05)


@dataclass(frozen=True)
class Contained:
    """A server in a control group."""

    process: "subprocess.Popen[bytes]"
    port: int

    @property
    def resident(self) -> float:
        """Resident memory in MB (10**6); 0 where the process has ended."""
        with suppress(OSError):
            status = Path(f"/proc/{self.process.pid}/status").read_text()
            if found := re.search(r"VmRSS:\s+(\d+)", status):
                return int(found[1]) * 1024 / 1e6
        return 0.0


@contextmanager
def contained_server(
    group: Path, *options: str, source: Path = ROOT / "titanic" / "src", bare: bool = False
) -> Iterator[Contained]:
    """Serve the reference project's model in a control group, with a log that goes nowhere; it must be trained.

    `bare`: the server of `benchmarks.attacks.bare` instead.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(source), str(ROOT)])}
    command = [sys.executable, "-m", "seatrial.serve", "titanic_model", "--port", str(port), *options]
    if bare:
        command = [sys.executable, "-m", "benchmarks.attacks.bare", str(port)]
    process = subprocess.Popen(
        ["sh", "-c", f'echo $$ > "{group}/cgroup.procs" && exec "$@"', "sh", *command],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(600):
            with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=2):
                break
            time.sleep(0.05)
        yield Contained(process, port)
    finally:
        if process.poll() is None:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()
        process.wait()
