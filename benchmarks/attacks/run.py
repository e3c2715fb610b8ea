"""Runs one attack beside honest clients, and measures what they and the server's memory notice."""

import json
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from benchmarks.attacks.container import ROOT, contained_server, control_group

SOURCE = ROOT / "titanic" / "src"
PAGES = ("/", "/docs", "/redoc", "/redoc.js", "/openapi.json")
WARM_UP = 2.0
CALM = 8.0  # seconds after the attack until memory is measured again


def measure(
    kind: str, seconds: float, *options: str, source: Path = SOURCE, visited: bool = True, bare: bool = False
) -> dict[str, Any]:
    """Attack a new server; `options` are the server's. `bare`: one that only answers, for comparison.

    Before memory is measured, each page is visited once: the server loads what they need on the first visit.
    """
    with control_group() as group, contained_server(group, *options, source=source, bare=bare) as server:
        _finish(_start("honest", server.port, WARM_UP))
        for path in PAGES if visited and not bare else ():
            with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}", timeout=30) as response:
                response.read()
        start = server.resident
        honest = _start("honest", server.port, seconds)
        time.sleep(0.3)
        attackers = _start("attackers", kind, server.port, seconds - 0.6, nice=10)
        peak = start
        while honest.poll() is None:
            peak = max(peak, server.resident)
            time.sleep(0.1)
        figures = _finish(honest)
        seen = _finish(attackers)
        time.sleep(CALM)
        return {
            "killed": server.process.poll() is not None,
            **figures,
            "start_mb": round(start, 1),
            "peak_mb": round(peak, 1),
            "afterwards_mb": round(server.resident, 1),
            "attackers": seen,
        }


def _start(module: str, *arguments: object, nice: int = 0) -> "subprocess.Popen[str]":
    """Start attackers or honest clients. Attackers yield the processor: real ones have machines of their own."""
    command = ["nice", "-n", str(nice), sys.executable, "-m", f"benchmarks.attacks.{module}", *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def _finish(process: "subprocess.Popen[str]") -> dict[str, Any]:
    output, _ = process.communicate(timeout=120)
    return json.loads(output.splitlines()[-1]) if output.strip() else {}
