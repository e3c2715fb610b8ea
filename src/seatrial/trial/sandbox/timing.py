"""A job that is timed in turns with another release's. Loaded by path, in the sandbox's environment.

The judge sends a line for each turn: what to time ("predict" or "table"), how many rows, and how often. The answer is a
file with the seconds of each. So both releases are measured at the same time on the same machine, but never at once.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any


def measure(installed: Any, job: dict[str, Any], out: Path, tools: Any) -> dict[str, Any]:
    """Take turns until the end of the standard input; `tools` is jobs.py."""
    rows = job["rows"]
    table, _ = next(tools.read_csv(out.parent / job["table"], installed.columns, whole=True))
    for number, line in enumerate(sys.stdin):
        turn = json.loads(line)
        if not turn:
            break
        batch = [dict(rows[place % len(rows)]) for place in range(turn["size"])]
        seconds = []
        for _ in range(turn["repeats"]):
            began = time.perf_counter()
            if turn["what"] == "predict":
                installed.predict(batch)
            else:
                columns, _ = installed.release.checker.check(table)
                installed.release.score_table(columns)
            seconds.append(time.perf_counter() - began)
        part = out.parent / f"turn-{number}.part"
        part.write_text(json.dumps(seconds))
        part.replace(out.parent / f"turn-{number}.json")
    return {}
