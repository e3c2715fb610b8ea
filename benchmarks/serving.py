"""Requests per second and latency, against the bare limit and the seed's way, in turn; medians of several rounds."""

import json
import shutil
import statistics
import sys
from pathlib import Path
from typing import Any

from benchmarks.models import ROOT, Model
from benchmarks.server import PATH, UVICORN, Load, ask, load, serving
from seatrial.core.access_keys import make_key, render_keys
from seatrial.prediction_log.log_settings import PYTHON_VARIABLE

CONNECTIONS = 32
CONTENDERS = ROOT / "benchmarks" / "contenders"
EXAMPLE = {
    "pclass": 2, "name": "Hart, Miss. Eva Miriam", "sex": "female", "age": 7, "sibsp": 0, "parch": 2,
    "ticket": "F.C.C. 13529", "fare": 26.25, "cabin": "C85", "embarked": "S",
}  # fmt: skip
BODY = json.dumps({"inputs": [EXAMPLE]}).encode()
# The same row by the Open Inference Protocol
INFER = "/v2/models/titanic-model/infer"
DATATYPES = {str: "BYTES", int: "INT64", float: "FP64"}
INFER_BODY = json.dumps(
    {
        "inputs": [
            {"name": name, "datatype": DATATYPES[type(value)], "shape": [1], "data": [value]}
            for name, value in EXAMPLE.items()
        ]
    }
).encode()


def seatrial_command(model: Model) -> list[str]:
    """Serve the release from its environment, with the defaults of `seatrial serve`."""
    return [str(model.python), "-m", "seatrial.serve", "titanic_model", "--port", "{port}"]


def bare_command(python: Path, application: str) -> list[str]:
    """Serve one of the contenders under Uvicorn with the same loop and parser."""
    return [str(python), "-m", "uvicorn", application, "--app-dir", str(CONTENDERS), "--port", "{port}", *UVICORN]


def measure(model: Model, folder: Path, *, rounds: int, seconds: float) -> dict[str, Any]:
    """Measure one model and its contenders."""
    seed = {"PIPELINE": str(model.pipeline), "PYTHONPATH": str(model.project / "src")}
    with serving(seatrial_command(model), BODY) as running:
        answer = ask(running.url, BODY)
        infer_answer = ask(running.url, INFER_BODY, INFER)
    key, secret = make_key("benchmark", ["predict"], rate="1000000/s", quota="100000000000/day")
    log = {"SEATRIAL_LOG": str(folder / "log"), PYTHON_VARIABLE: sys.executable}  # the shipper is no part of a wheel
    production = {"SEATRIAL_KEYS": render_keys([key]), **log}
    contenders: dict[str, tuple[list[str], dict[str, str]]] = {
        "bare_infer": (bare_command(model.python, "bare:app"), {"ANSWER": infer_answer.decode()}),
        "infer": (seatrial_command(model), {}),
        "production": (seatrial_command(model), production),  # with a key, the prediction log, and metrics
        "bare": (bare_command(model.python, "bare:app"), {"ANSWER": answer.decode()}),
        "seatrial": (seatrial_command(model), {}),
        "seed": (bare_command(Path(sys.executable), "seed:app"), seed),
    }
    options: dict[str, Any]
    loads: dict[str, list[Load]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, (command, environment) in contenders.items():
            path, body = (INFER, INFER_BODY) if name.endswith("infer") else (PATH, BODY)
            options = {"connections": CONNECTIONS, "path": path, "key": secret if name == "production" else ""}
            with serving(command, BODY, environment, key=options["key"]) as running:
                load(running.url, body, folder, seconds=1, **options)  # warm up
                measured = load(running.url, body, folder, seconds=seconds, **options)
            shutil.rmtree(folder / "log", ignore_errors=True)
            if measured.errors:
                raise SystemExit(f"{name} answered {measured.errors} requests with an error")
            loads[name].append(measured)
    result: dict[str, Any] = {
        name: {
            "requests_per_second": round(statistics.median(one.rate for one in each)),
            "p50_ms": round(statistics.median(one.p50 for one in each), 3),
            "p99_ms": round(statistics.median(one.p99 for one in each), 3),
        }
        for name, each in loads.items()
    }
    inferred = zip(loads["infer"], loads["bare_infer"], strict=True)
    result["infer_share_of_bare"] = round(statistics.median(ours.rate / bare.rate for ours, bare in inferred), 3)
    logged = list(zip(loads["production"], loads["bare"], strict=True))
    result["production_share_of_bare"] = round(statistics.median(ours.rate / bare.rate for ours, bare in logged), 3)
    result["production_p99_of_bare"] = round(statistics.median(ours.p99 / bare.p99 for ours, bare in logged), 2)
    pairs = list(zip(loads["seatrial"], loads["bare"], loads["seed"], strict=True))
    result["share_of_bare"] = round(statistics.median(ours.rate / bare.rate for ours, bare, _ in pairs), 3)
    result["times_seed"] = round(statistics.median(ours.rate / seed_.rate for ours, _, seed_ in pairs), 1)
    result["p99_of_bare"] = round(statistics.median(ours.p99 / bare.p99 for ours, bare, _ in pairs), 2)
    return result
