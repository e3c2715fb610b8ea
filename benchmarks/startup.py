"""The time from process start to the first prediction, memory and disk space, and the cost of an import."""

import json
import statistics
import subprocess
import time
from pathlib import Path
from typing import Any

from benchmarks.models import Model
from benchmarks.server import ask, load, serving
from benchmarks.serving import BODY, EXAMPLE, bare_command, seatrial_command

SINGLE = json.dumps(EXAMPLE).encode()
LIBRARIES = "import numpy, onnxruntime"
PREDICTION = f"import titanic_model; print(titanic_model.predict([{EXAMPLE!r}]))"


def measure(model: Model, folder: Path, *, rounds: int) -> dict[str, Any]:
    """Start both servers in turn, from the same environment."""
    first: dict[str, list[float]] = {"seatrial": [], "fastapi": []}
    resident = []
    for _ in range(rounds):
        with serving(bare_command(model.python, "fastapi_echo:app"), SINGLE) as running:
            first["fastapi"].append(running.first_answer)
        with serving(seatrial_command(model), BODY) as running:
            first["seatrial"].append(running.first_answer)
            load(running.url, BODY, folder, connections=32, seconds=2)
            ask(running.url, BODY)
            resident.append(running.resident_mb)
    ratios = [ours / bare for ours, bare in zip(first["seatrial"], first["fastapi"], strict=True)]
    return {
        "first_answer_s": {name: round(statistics.median(values), 3) for name, values in first.items()},
        "first_answer_of_fastapi": round(statistics.median(ratios), 2),
        "resident_mb": round(statistics.median(resident), 1),
        "environment_mb": round(_disk(model.environment) / 1e6, 1),
        **_imports(model.python, rounds),
    }


def _imports(python: Path, rounds: int) -> dict[str, Any]:
    seconds: dict[str, list[float]] = {LIBRARIES: [], PREDICTION: []}
    for _ in range(rounds + 1):
        for code, values in seconds.items():
            clock = time.perf_counter()
            subprocess.run([python, "-c", code], check=True, stdout=subprocess.DEVNULL)
            values.append(time.perf_counter() - clock)
    libraries, prediction = (statistics.median(values[1:]) for values in seconds.values())
    return {
        "import_libraries_s": round(libraries, 3),
        "import_and_predict_s": round(prediction, 3),
        "import_and_predict_extra_s": round(prediction - libraries, 3),
    }


def _disk(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
