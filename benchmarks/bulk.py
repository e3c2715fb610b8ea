"""One million rows as tables over HTTP, beside predicting the same file; and the memory of a long request."""

import os
import re
import socket
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.batch import _run as run_process
from benchmarks.batch import make_rows
from benchmarks.models import Model
from benchmarks.server import Running, serving

ARROW, CSV, LINES = "application/vnd.apache.arrow.stream", "text/csv", "application/x-ndjson"
LONG = 10**9  # bytes of the request whose memory is measured
LIMIT = 2 * 10**9


class Reply(NamedTuple):
    """The answer to a table: its status, size and seconds."""

    status: int
    size: int
    seconds: float


def measure(model: Model, folder: Path, *, rounds: int, rows: int) -> dict[str, Any]:
    """Predict a file and send it, in turn."""
    source = folder / f"rows-{rows}.parquet"
    if not source.exists():
        make_rows(model, source, rows)
    bodies = {
        ARROW: folder / f"rows-{rows}.arrow",
        CSV: folder / f"rows-{rows}.csv",
        LINES: folder / f"rows-{rows}.jsonl",
    }
    if not bodies[LINES].exists():
        write_bodies(source, bodies)
    # the release's own command, which reads the file as it is; that of a project reads it by its reading rules
    code = "import sys, titanic_model; sys.exit(titanic_model.main(sys.argv[1:]))"
    paths = {"PYTHONPATH": str(model.project / "src")}

    def predict(path: Path) -> float:
        output = folder / f"{model.kind}-predicted{path.suffix}"
        return run_process([sys.executable, "-c", code, "predict", str(path), "-o", str(output)], paths)[0]

    seconds: dict[str, list[float]] = {name: [] for name in ("predict", "predict_csv", *bodies)}
    with _server(model, folder) as server:
        port = int(server.url.rpartition(":")[2])
        for _ in range(rounds):
            seconds["predict"].append(predict(source))
            seconds["predict_csv"].append(predict(bodies[CSV]))
            for form, body in bodies.items():
                reply = post(port, form, [body])
                if reply.status != 200:
                    raise SystemExit(f"{form}: {reply}")
                seconds[form].append(reply.seconds)
        started = peak_mb(server)
    figures: dict[str, Any] = {"rows": rows, "peak_mb": started}
    for form, name, like in ((ARROW, "arrow", "predict"), (CSV, "csv", "predict_csv"), (LINES, "lines", "predict_csv")):
        shares = [p / o for p, o in zip(seconds[like], seconds[form], strict=True)]
        figures[f"{name}_share_of_predict"] = round(statistics.median(shares), 2)
    figures["seconds"] = {form.rpartition("/")[2]: round(statistics.median(each), 2) for form, each in seconds.items()}
    for form, name in ((ARROW, "arrow"), (CSV, "csv")):
        with _server(model, folder) as server:
            port = int(server.url.rpartition(":")[2])
            parts = long_body(bodies[form], form)
            reply = post(port, form, parts)
            figures[f"gigabyte_{name}"] = {
                "status": reply.status,
                "seconds": round(reply.seconds, 1),
                "peak_mb": peak_mb(server),
            }
    return figures


def write_bodies(source: Path, bodies: dict[str, Path]) -> None:
    """Write the rows as Arrow, CSV and JSON lines."""
    import json

    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet as pq

    table = pq.read_table(source)
    with bodies[ARROW].open("wb") as file, pa.ipc.new_stream(file, table.schema) as stream:
        stream.write_table(table, max_chunksize=65_536)
    pa.csv.write_csv(table, bodies[CSV])
    with bodies[LINES].open("w", encoding="utf-8") as file:
        for batch in table.to_batches(65_536):
            file.writelines(json.dumps(row) + "\n" for row in batch.to_pylist())


def long_body(path: Path, form: str) -> list[Path]:
    """The parts of a body of a gigabyte: the rows of this file again and again."""
    times = -(-LONG // path.stat().st_size)
    again = path.with_name(f"{path.name}.again")
    if form == CSV:
        if not again.exists():
            _, _, rows = path.read_bytes().partition(b"\n")
            again.write_bytes(rows)
        return [path] + [again] * (times - 1)
    import pyarrow as pa

    whole = path.with_name(f"{path.name}.long")
    if not whole.exists():
        with pa.ipc.open_stream(path) as stream:
            table = stream.read_all()
        with whole.open("wb") as file, pa.ipc.new_stream(file, table.schema) as out:
            for _ in range(times):
                out.write_table(table, max_chunksize=65_536)
    return [whole]


def post(port: int, form: str, parts: list[Path]) -> Reply:
    """Send files as one body, and read the answer meanwhile."""
    size = sum(path.stat().st_size for path in parts)
    head = (
        f"POST /api/v1/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {form}\r\n"
        f"Content-Length: {size}\r\nConnection: close\r\n\r\n"
    )
    clock = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port)) as connection:

        def send() -> None:
            connection.sendall(head.encode())
            for path in parts:
                with path.open("rb") as file:
                    connection.sendfile(file)

        sending = threading.Thread(target=send)
        sending.start()
        start, received, end = b"", 0, b""
        while data := connection.recv(2**18):
            start = start if len(start) > 12 else start + data
            received += len(data)
            end = (end + data)[-5:]
        sending.join()
    status = int(start.split()[1])
    complete = end == b"0\r\n\r\n" or b"content-length" in start[:2000].lower()
    return Reply(status if complete else 0, received, time.perf_counter() - clock)


def peak_mb(server: Running) -> int:
    """The most resident memory that the server's process had, in MB."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return round(int(re.search(r"VmHWM:\s+(\d+)", status)[1]) * 1024 / 1e6)  # type: ignore[index]


@contextmanager
def _server(model: Model, folder: Path) -> Iterator[Running]:
    """Serve the model with the toolkit's own environment, which has pyarrow."""
    import json

    command = [sys.executable, "-m", "seatrial.serve", "titanic_model", "--port", "{port}"]
    metadata = json.loads((model.project / "src/titanic_model/artifacts/release.json").read_text())
    source = str(model.project / "src")
    environment = {**os.environ, "PYTHONPATH": source}
    options = ["--bulk-limit", str(LIMIT), "--log-level", "warning"]
    with serving([*command, *options], json.dumps(metadata["example"]).encode(), environment, folder=folder) as server:
        yield server
