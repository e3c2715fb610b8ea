"""A small tracking server that answers the documented calls of MLflow's REST API, as far as an export needs them."""

import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlparse


@dataclass
class Tracking:
    """What was sent: experiments by name, runs by id, artifacts by path, and the calls in their order."""

    url: str = ""
    experiments: dict[str, str] = field(default_factory=dict)
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    artifacts: dict[str, bytes] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    fails: str = ""  # the call that is refused

    def answer(self, call: str, body: dict[str, Any]) -> tuple[int, Any]:
        self.calls.append(call)
        if call == self.fails:
            return 403, {"error_code": "PERMISSION_DENIED", "message": "You may not write here."}
        known = {
            "experiments/get-by-name": self.experiment,
            "experiments/create": self.create_experiment,
            "runs/search": self.search,
            "runs/create": self.create_run,
            "runs/get": lambda body: {"run": self.shown(body["run_id"])},
            "runs/log-batch": self.log_batch,
            "runs/update": self.update,
        }
        return self.found(known[call](body)) if call in known else (404, {"error_code": "ENDPOINT_NOT_FOUND"})

    def found(self, answer: Any) -> tuple[int, Any]:
        missing = {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "There is none."}
        return (404, missing) if answer is None else (200, answer)

    def experiment(self, body: dict[str, Any]) -> Any:
        name = body["experiment_name"]
        if name not in self.experiments:
            return None
        return {"experiment": {"experiment_id": self.experiments[name], "name": name, "lifecycle_stage": "active"}}

    def create_experiment(self, body: dict[str, Any]) -> Any:
        self.experiments[body["name"]] = str(len(self.experiments) + 1)
        return {"experiment_id": self.experiments[body["name"]]}

    def search(self, body: dict[str, Any]) -> Any:
        wanted = body["filter"].rpartition("= ")[2].strip("'")
        runs = [
            name
            for name, run in self.runs.items()
            if run["tags"].get("seatrial.run") == wanted and run["experiment_id"] in body["experiment_ids"]
        ]
        return {"runs": [self.shown(name) for name in runs]}

    def create_run(self, body: dict[str, Any]) -> Any:
        name = uuid.uuid4().hex  # MLflow's client remembers by it where artifacts go
        self.runs[name] = {"params": {}, "metrics": {}, "tags": {}, "status": "RUNNING", **body}
        self.runs[name]["tags"] = {tag["key"]: tag["value"] for tag in body.get("tags", [])}
        return {"run": self.shown(name)}

    def shown(self, name: str) -> dict[str, Any]:
        run = self.runs[name]
        info = {
            "run_id": name,
            "experiment_id": run["experiment_id"],
            "status": run["status"],
            "lifecycle_stage": "active",
            "artifact_uri": f"mlflow-artifacts:/1/{name}/artifacts",
        }
        return {"info": info, "data": {}}

    def log_batch(self, body: dict[str, Any]) -> Any:
        run = self.runs[body["run_id"]]
        assert len(body.get("params", [])) <= 100
        for kind in ("params", "metrics", "tags"):
            run[kind].update({each["key"]: each["value"] for each in body.get(kind, [])})
        return {}

    def update(self, body: dict[str, Any]) -> Any:
        self.runs[body["run_id"]]["status"] = body["status"]
        return {"run_info": self.shown(body["run_id"])["info"]}


@contextmanager
def tracking_server() -> Iterator[Tracking]:
    """Run the server on a free port of this machine."""
    tracking = Tracking()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = {name: values[0] for name, values in parse_qs(urlparse(self.path).query).items()}
            self.reply(query)

        def do_POST(self) -> None:
            self.reply(json.loads(self.body() or b"{}"))

        def do_PUT(self) -> None:
            tracking.artifacts[urlparse(self.path).path.partition("mlflow-artifacts/artifacts/")[2]] = self.body()
            self.send(200, {})

        def body(self) -> bytes:
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))

        def reply(self, body: dict[str, Any]) -> None:
            call = urlparse(self.path).path.partition("/mlflow/")[2]
            self.send(*tracking.answer(call, body))

        def send(self, code: int, answer: Any) -> None:
            content = json.dumps(answer).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    tracking.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield tracking
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
