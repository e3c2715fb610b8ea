"""Three times the load that a server can take: what is still answered, health checks beside it, and what is left of it.

The load is an open loop (open_loop.py): its callers do not wait for each other, and give up after a second.
"""

import json
import statistics
import subprocess
import sys
import threading
from pathlib import Path
from time import sleep
from typing import Any

from benchmarks.models import ROOT, Model
from benchmarks.server import PATH, Running, load, serving
from benchmarks.serving import BODY, seatrial_command

FACTOR = 3
CONNECTIONS = 1_000  # that the callers may have open; the peak is reached with 32 to 256
SLOW, IDLE = 200, 10_000
AFTER = 3.0  # seconds of half the peak after the overload
CALM_MS = 50.0  # in which everything is answered once the server is back to normal


def measure(model: Model, folder: Path, *, rounds: int, seconds: float) -> dict[str, Any]:
    """Overload the server of a model, alone and beside slow senders and idle connections; medians of the rounds."""
    found: dict[str, list[dict[str, Any]]] = {"alone": [], "beside_slow_and_idle": []}
    for _ in range(rounds):
        for name, each in found.items():
            each.append(overload(model, folder, seconds=seconds, beside=name != "alone"))
    return {name: {key: _middle([one[key] for one in each]) for key in each[0]} for name, each in found.items()}


def overload(model: Model, folder: Path, *, seconds: float, beside: bool) -> dict[str, Any]:
    """Find the peak of a new server, and overload it; returns the figures."""
    request = folder / "request"
    head = f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    request.write_bytes(f"{head}Content-Length: {len(BODY)}\r\n\r\n".encode() + BODY)
    with serving(seatrial_command(model), BODY) as running:
        port = int(running.url.rpartition(":")[2])
        load(running.url, BODY, folder, connections=32, seconds=1)  # warm up
        peak = max(load(running.url, BODY, folder, connections=n, seconds=3).rate for n in (32, 128, 256))
        crowd = ["--slow", str(SLOW), "--idle", str(IDLE)] if beside else []
        lasting = seconds + (20 if beside else 1)
        others = _start("bystanders", port, lasting, *crowd)
        assert others.stdout
        others.stdout.readline()  # until they are connected
        memory = _Memory(running)
        during = _client(port, request, rate=FACTOR * peak, seconds=seconds)
        after = _client(port, request, rate=peak / 2, seconds=AFTER)
        highest = memory.stop()
        output, _ = others.communicate(timeout=60)
        seen = json.loads(output.splitlines()[-1])
    counts = during["counts"]
    return {
        "peak_per_second": round(peak),
        "answered_per_second": round(counts.get("200", 0) / seconds),
        "goodput_of_peak": round(counts.get("200", 0) / seconds / peak, 3),
        "answered_p50_ms": during["p50_ms"],
        "answered_p99_ms": during["p99_ms"],
        "refused_per_second": round(counts.get("503", 0) / seconds),
        "given_up_per_second": round(counts.get("timeout", 0) / seconds),
        "health_p99_ms": max(seen["health_new_ms"][1], seen["health_kept_ms"][1]),
        "health_worst_ms": max(seen["health_new_ms"][2], seen["health_kept_ms"][2]),
        "normal_after_s": _normal_after(after["bins"]),
        "resident_mb": round(highest),
        **({"idle_left": seen["seen"].get("idle at the end", 0)} if beside else {}),
    }


def _start(module: str, *arguments: object) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", f"benchmarks.{module}", *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def _client(port: int, request: Path, *, rate: float, seconds: float) -> dict[str, Any]:
    client = _start("open_loop", port, request, "--rate", rate, "--seconds", seconds, "--connections", CONNECTIONS)
    output, _ = client.communicate(timeout=seconds + 60)
    report: dict[str, Any] = json.loads(output)
    return report


def _normal_after(bins: list[dict[str, Any]]) -> float:
    """The seconds after which everything is answered, and soon."""
    for each in reversed(bins):
        if set(each) - {"at", "200", "worst_ms"} or each["worst_ms"] > CALM_MS:
            return round(each["at"] + 0.1, 1)
    return 0.0


class _Memory:
    """Samples the resident memory of a server, and remembers the highest."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._highest = 0.0
        self._stopped = False
        self._thread = threading.Thread(target=self._sample)
        self._thread.start()

    def _sample(self) -> None:
        while not self._stopped:
            self._highest = max(self._highest, self._running.resident_mb)
            sleep(0.2)

    def stop(self) -> float:
        """The highest, in MB."""
        self._stopped = True
        self._thread.join()
        return self._highest


def _middle(values: list[float]) -> float:
    return round(statistics.median(values), 3)
