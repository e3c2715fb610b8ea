"""A release with a real graph, made by hand, that does whatever a row's `what` says: crash, hang, lie, and worse."""

import functools
from collections.abc import Mapping
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

from tests.projects.tiny import RELEASE, make_wheel

SCHEMA = """
from typing import Literal
from seatrial import Schema

class Row(Schema):
    x: float | None
    what: str | None = None
    kind: Literal[1, 2] = 1
    sure: bool = False
"""

FEATURES = '''
import ctypes, os, signal, socket, subprocess, sys, time
from pathlib import Path

_kept = []

def y(x: float | None, what: str | None) -> float | None:
    """The model's only input: x itself, unless `what` is one of the functions below."""
    name, _, argument = (what or "").partition(" ")
    answer = globals()[f"_{name}"](argument) if name else None
    return x if answer is None else answer

def _raise(argument):
    raise KeyError(argument)

def _exit(argument):
    os._exit(int(argument))

def _quit(argument):
    sys.exit("enough")

def _crash(argument):
    ctypes.string_at(0)

def _abort(argument):
    os.abort()

def _kill(argument):
    os.kill(os.getpid(), signal.SIGKILL)

def _hang(argument):
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    while True:
        time.sleep(0.1)

def _eat(argument):
    while True:
        _kept.append(b"x" * 2**24)

def _print(argument):
    for stream in (1, 2):
        for _ in range(64):
            os.write(stream, b"\\x00\\xff garbage {]" * 8192)

def _forge(argument):
    folder = Path(os.environ["HOME"]).parent
    (folder / "answer.json").write_text(argument or "{]")
    os._exit(0)

def _leave(argument):
    """Fork, unseen by Python, a child that leaves the group, keeps the pipes open, ignores signals and stays alive."""
    child = ctypes.CDLL(None).fork()
    if child == 0:
        os.setsid()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        while True:
            time.sleep(0.1)
    with Path(argument).open("a") as file:
        file.write(f"{child}\\n")

def _fork(argument):
    if os.fork() == 0:
        os._exit(0)

def _start(argument):
    subprocess.run(["true"])

def _connect(argument):
    host, port = argument.split(":")
    socket.create_connection((host, int(port)), timeout=2).close()

def _connect_quietly(argument):
    try:
        _connect(argument)
    except OSError:
        return None

def _connect_below(argument):
    """Through the C library, bypassing Python's audit hook; returns the errno."""
    libc = ctypes.CDLL(None, use_errno=True)
    port = int(argument).to_bytes(2, "big")
    address = (2).to_bytes(2, sys.byteorder) + port + bytes([127, 0, 0, 1]) + bytes(8)
    return float(libc.connect(libc.socket(2, 1, 0), address, 16) and ctypes.get_errno())

def _nan(argument):
    return float("nan")

def _random(argument):
    return float.fromhex(os.urandom(2).hex()) / 65536

def _write(argument):
    Path("left-behind.txt").write_text("x")
    (Path.home() / "at-home.txt").write_text("x")

def _environment(argument):
    return float(os.environ.get(argument, "-1"))
'''

INIT = """
from functools import partial

from seatrial import Release
from seatrial.model import console

release = Release(__name__)
main = partial(console.main, release)
"""
PREDICT = "predict = release.predict\n"

# What a package's own predict() may do wrong; `given` are the rows as they came.
PREDICTS = {
    "drops": "return release.predict([row for row in given if row['x'] is not None])",
    "changes": "answer = release.predict(given); given[0]['x'] = 7.0; return answer",
    "shuffles": "given.reverse(); return release.predict(given)",
    "text": "return 'no list'",
    "nothing": "return [{} for row in given]",
    "batch": "mean = sum(row['x'] or 0 for row in given) / len(given); return release.predict([{**row, 'x': mean} for row in given])",
}


def make_moody(
    folder: Path,
    *,
    version: str = "0.1.0",
    predict: str = "",
    init: str = INIT,
    environment: Mapping[str, str] | None = None,
    engine: str = "onnx",
    model: bytes | None = None,
    more: Mapping[str, bytes] | None = None,
) -> Path:
    """Write the wheel of `moody-model`; `predict` names one of PREDICTS, `init` is the package's code."""
    own = f"def predict(given):\n    {PREDICTS[predict]}\n" if predict else PREDICT
    if environment is None:
        environment = {name: installed(name) for name in ("numpy", "onnxruntime", "pydantic")}
    release = {
        **RELEASE,
        "engine": engine,
        "inputs": {"numbers": ["y"], "strings": []},
        "typical": {"x": 1.0, "what": None, "kind": 1, "sure": False},
        "example": {"x": 2.0, "what": None, "kind": 1, "sure": False},
        "environment": dict(environment),
    }
    return make_wheel(
        folder,
        "moody-model",
        version,
        content=init + (own if init == INIT else ""),
        requires=("seatrial[native]>=0.1,<0.2" if engine == "native" else "seatrial>=0.1,<0.2",),
        release=release,
        more={
            "moody_model/schema.py": SCHEMA.encode(),
            "moody_model/features.py": FEATURES.encode(),
            f"moody_model/artifacts/model.{'skops' if engine == 'native' else 'onnx'}": model or sigmoid(),
            **(more or {}),
        },
    )


@functools.cache
def sigmoid() -> bytes:
    """The graph: [1 - s, s], with s the sigmoid of y."""
    from onnx import TensorProto, helper

    kind = TensorProto.DOUBLE
    graph = helper.make_graph(
        [
            helper.make_node("Sigmoid", ["numbers"], ["s"]),
            helper.make_node("Sub", ["one", "s"], ["t"]),
            helper.make_node("Concat", ["t", "s"], ["scores"], axis=1),
        ],
        "sigmoid",
        [helper.make_tensor_value_info("numbers", kind, [None, 1])],
        [helper.make_tensor_value_info("scores", kind, [None, 2])],
        [helper.make_tensor("one", kind, [1], [1.0])],
    )
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 5)]
    content: bytes = helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString()
    return content


def row(x: float | None = 0.5, what: str | None = None) -> dict[str, Any]:
    """One row of the schema."""
    return {"x": x, "what": what, "kind": 1, "sure": False}
