"""Servers as processes, a client that loads them, and what the system says of their memory."""

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

PATH = "/api/v1/predict"
UVICORN = ("--workers", "1", "--no-access-log", "--log-level", "warning", "--loop", "uvloop", "--http", "httptools")


@dataclass(frozen=True)
class Running:
    """A server that has answered, and how many seconds that took from the start of its process."""

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
    """What a client measured: requests/s, milliseconds, and answers that were no 200."""

    rate: float
    p50: float
    p99: float
    errors: int


@contextmanager
def serving(command: list[str], body: bytes, environment: dict[str, str] | None = None) -> Iterator[Running]:
    """Run a server; `command` has {port} where the port belongs. Ends the process it started."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    words = [word.format(port=port) for word in command]
    began = time.perf_counter()
    process = subprocess.Popen(
        words, env={**os.environ, **(environment or {})}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while True:
            if process.poll() is not None:
                raise SystemExit(f"{' '.join(words)} ended with {process.returncode}")
            try:
                ask(url, body)
                break
            except OSError:
                time.sleep(0.002)
                if time.perf_counter() - began > 60:
                    raise
        yield Running(process, url, time.perf_counter() - began)
    finally:
        process.terminate()
        process.wait(10)


def ask(url: str, body: bytes) -> bytes:
    """Send one prediction, and give the answer's bytes."""
    request = urllib.request.Request(url + PATH, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read()


def load(url: str, body: bytes, folder: Path, *, connections: int, seconds: float) -> Load:
    """Load a server with wrk over keep-alive connections."""
    if not shutil.which("wrk"):
        raise SystemExit("wrk is not installed (Debian: apt-get install wrk).")
    script = folder / "post.lua"
    script.write_text(
        'wrk.method = "POST"\n'
        f"wrk.body = {json.dumps(body.decode())}\n"
        'wrk.headers["Content-Type"] = "application/json"\n'
        "function done(summary, latency, requests)\n"
        '  io.write(string.format("RESULT %f %f %f %d\\n", summary.requests / (summary.duration / 1e6),\n'
        "    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,\n"
        "    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout))\n"
        "end\n"
    )
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "-s", str(script), url + PATH]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = re.search(r"RESULT (\S+) (\S+) (\S+) (\d+)", done.stdout)
    if not found:
        raise SystemExit(f"wrk said:\n{done.stdout}{done.stderr}")
    return Load(float(found[1]), float(found[2]), float(found[3]), int(found[4]))
