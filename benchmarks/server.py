"""Server processes, a load generator, and the memory that the servers use."""

import json
import os
import re
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

PATH = "/api/v1/predict"
PATIENCE = 120  # seconds until the first answer
UVICORN = ("--workers", "1", "--no-access-log", "--log-level", "warning", "--loop", "uvloop", "--http", "httptools")


@dataclass(frozen=True)
class Running:
    """A server that has answered, and how many seconds after the start of its process."""

    process: subprocess.Popen[bytes]
    url: str
    first_answer: float

    @property
    def resident_mb(self) -> float:
        """Resident memory of the process, in MB (10**6)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024 / 1e6  # type: ignore[index]


@dataclass(frozen=True)
class Load:
    """What a client measured: requests/s, milliseconds, and answers other than 200."""

    rate: float
    p50: float
    p99: float
    errors: int


@contextmanager
def serving(
    command: list[str],
    body: bytes,
    environment: dict[str, str] | None = None,
    *,
    folder: Path | None = None,
    output: int | BinaryIO = subprocess.DEVNULL,
    key: str = "",
) -> Iterator[Running]:
    """Run a server until it has answered `body`, and end its process afterwards; {port} in `command` is the port.

    `key` is the access key that it wants, here and in the functions below.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    words = [word.format(port=port) for word in command]
    clock = time.perf_counter()
    process = subprocess.Popen(
        words, cwd=folder, env={**os.environ, **(environment or {})}, stdout=output, stderr=output
    )
    try:
        while True:
            if process.poll() is not None:
                raise SystemExit(f"{' '.join(words)} ended with {process.returncode}")
            try:
                ask(url, body, key=key)
                break
            except OSError:
                time.sleep(0.002)
                if time.perf_counter() - clock > PATIENCE:
                    raise SystemExit(f"{' '.join(words)} did not answer within {PATIENCE} s") from None
        yield Running(process, url, time.perf_counter() - clock)
    finally:
        process.terminate()
        process.wait(20)


def ask(url: str, body: bytes, path: str = PATH, key: str = "") -> bytes:
    """Request one prediction, and give the bytes of the response."""
    headers = {"Content-Type": "application/json", **({"X-API-Key": key} if key else {})}
    request = urllib.request.Request(url + path, body, headers)
    with urllib.request.urlopen(request, timeout=30) as response:
        return response.read()


def load(
    url: str, body: bytes, folder: Path, *, connections: int, seconds: float, path: str = PATH, key: str = ""
) -> Load:
    """Load a server with wrk over keep-alive connections."""
    if not shutil.which("wrk"):
        raise SystemExit("wrk is not installed. On Debian: apt-get install wrk.")
    script = folder / "post.lua"
    script.write_text(
        'wrk.method = "POST"\n'
        f"wrk.body = {json.dumps(body.decode())}\n"
        'wrk.headers["Content-Type"] = "application/json"\n'
        + (f'wrk.headers["X-API-Key"] = "{key}"\n' if key else "")
        + "function done(summary, latency, requests)\n"
        '  io.write(string.format("RESULT %f %f %f %d\\n", summary.requests / (summary.duration / 1e6),\n'
        "    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,\n"
        "    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout))\n"
        "end\n"
    )
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "-s", str(script), url + path]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    match = re.search(r"RESULT (\S+) (\S+) (\S+) (\d+)", done.stdout)
    if not match:
        raise SystemExit(f"wrk printed:\n{done.stdout}{done.stderr}")
    return Load(float(match[1]), float(match[2]), float(match[3]), int(match[4]))
