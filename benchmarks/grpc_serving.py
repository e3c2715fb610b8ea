"""Calls per second over gRPC with the example row, against grpcio's own echo of the same answer; medians of rounds.

The client takes as much of the machine as the server, so the servers' processor time for a call is measured as well.
"""

import asyncio
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc

from benchmarks.models import Model
from benchmarks.serving import CONTENDERS, DATATYPES, EXAMPLE

METHOD = "/inference.GRPCInferenceService/ModelInfer"
CONCURRENCY = 32
TICKS = os.sysconf("SC_CLK_TCK")


def request() -> bytes:
    """The example row with typed contents."""
    from seatrial.serve.grpc.grpc_form import CONTENTS
    from seatrial.serve.grpc.infer_messages import message_class

    message = message_class("ModelInferRequest")(model_name="titanic-model")
    for name, value in EXAMPLE.items():
        datatype = DATATYPES[type(value)]
        tensor = message.inputs.add(name=name, datatype=datatype, shape=[1])
        getattr(tensor.contents, CONTENTS[datatype]).append(value.encode() if isinstance(value, str) else value)
    return bytes(message.SerializeToString())


def measure(model: Model, folder: Path, *, rounds: int, seconds: float) -> dict[str, Any]:
    """Measure one model; both servers run in this environment, which has the extra grpc."""
    body = request()
    commands = {
        "grpc_echo": [sys.executable, str(CONTENDERS / "grpc_echo.py"), "{port}", str(folder / "answer.bin")],
        "grpc": [sys.executable, "-m", "seatrial.serve", "titanic_model", "--port", "0", "--grpc-port", "{port}"],
    }
    source = str(model.project / "src")
    with serving(commands["grpc"], source) as (_, port):
        (folder / "answer.bin").write_bytes(asyncio.run(load(port, body, 0.1))[1])
    rates: dict[str, list[float]] = {name: [] for name in commands}
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            with serving(command, source) as (process, port):
                asyncio.run(load(port, body, 1))  # warm up
                before = processor_seconds(process.pid)
                count, _answer = asyncio.run(load(port, body, seconds))
                rates[name].append(count / seconds)
                times[name].append((processor_seconds(process.pid) - before) / count)
    result: dict[str, Any] = {
        name: {
            "calls_per_second": round(statistics.median(rates[name])),
            "processor_us": round(statistics.median(times[name]) * 1e6),
        }
        for name in commands
    }
    pairs = zip(rates["grpc"], rates["grpc_echo"], strict=True)
    result["grpc_share_of_echo"] = round(statistics.median(ours / echo for ours, echo in pairs), 3)
    return result


async def load(port: int, body: bytes, seconds: float) -> tuple[int, bytes]:
    """Make calls for some seconds; returns how many were answered, and an answer."""
    count, answer = 0, b""
    end = time.perf_counter() + seconds
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        call = channel.unary_unary(METHOD)

        async def calls() -> None:
            nonlocal count, answer
            while time.perf_counter() < end:
                answer = await call(body, wait_for_ready=True, timeout=30)
                count += 1

        await asyncio.gather(*(calls() for _ in range(CONCURRENCY)))
    return count, answer


@contextmanager
def serving(command: list[str], source: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Run a server on a free port, and end it."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    words = [word.format(port=port) for word in command]
    environment = {**os.environ, "PYTHONPATH": source}
    process = subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process, port
    finally:
        process.terminate()
        process.wait(20)


def processor_seconds(pid: int) -> float:
    """The processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS
