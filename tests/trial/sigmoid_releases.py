"""Releases whose score is the sigmoid of one column, and trials of them."""

import csv
import io
import json
from dataclasses import asdict
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

import numpy as np
from tests.projects.misbehaving import FEATURES, make_moody
from tests.projects.tiny import RELEASE

from seatrial.model.schema import Column
from seatrial.release import open_index, publish_toolkit
from seatrial.train.profile import fingerprint
from seatrial.trial.policy import Policy
from seatrial.trial.records import Verdict
from seatrial.trial.run import run

# A text that is not the name of a trick is harmless: probes contain many texts.
MILD = FEATURES.replace('globals()[f"_{name}"](argument)', 'globals().get(f"_{name}", lambda _: None)(argument)')
# A missing value is zero, as after an imputer: no real model answers NaN.
IMPUTED = MILD.replace("return x if answer is None", "return (0.0 if x is None else x) if answer is None")
SHIFT = 0.1  # without it a probe with x = 0 is a tie, which rounding decides
NOTED = Policy(inconclusive="note", timeout=30)
ROWS = 300


def _fingerprint() -> dict[str, Any]:
    xs = np.random.default_rng(2).normal(size=1000)
    found = fingerprint("0" * 64, {"x": xs}, COLUMNS, (xs > 0).astype(np.int64), "y", "binary")
    return json.loads(json.dumps(asdict(found)))


COLUMNS = (Column("x", "number", nullable=True, required=True),)
FINGERPRINT = _fingerprint()


def graph(scale: float = 1.0, shift: float = 0.0) -> bytes:
    """[1 - s, s] with s the sigmoid of scale * y + shift."""
    from onnx import TensorProto, helper

    kind = TensorProto.DOUBLE
    nodes = [
        helper.make_node("Mul", ["numbers", "scale"], ["a"]),
        helper.make_node("Add", ["a", "shift"], ["b"]),
        helper.make_node("Sigmoid", ["b"], ["s"]),
        helper.make_node("Sub", ["one", "s"], ["t"]),
        helper.make_node("Concat", ["t", "s"], ["scores"], axis=1),
    ]
    constants = {"scale": scale, "shift": shift, "one": 1.0}
    made = helper.make_graph(
        nodes,
        "sigmoid",
        [helper.make_tensor_value_info("numbers", kind, [None, 1])],
        [helper.make_tensor_value_info("scores", kind, [None, 2])],
        [helper.make_tensor(name, kind, [1], [value]) for name, value in constants.items()],
    )
    sets = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 5)]
    return bytes(helper.make_model(made, opset_imports=sets, ir_version=10).SerializeToString())


def scores(xs: Any, scale: float, shift: float) -> list[list[float]]:
    s = 1 / (1 + np.exp(-(scale * np.asarray(xs, dtype=float) + shift)))
    return np.stack([1 - s, s], axis=1).tolist()


def reference(rows: int = ROWS, target: str = "y") -> str:
    generator = np.random.default_rng(1)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["x", "what", "kind", "sure", target])
    for x in generator.normal(size=rows).tolist():
        writer.writerow([repr(x), "", 1 + int(generator.random() < 0.5), False, int(x + generator.normal() > 0)])
    return text.getvalue()


def golden(scale: float = 1.0, shift: float = 0.0, what: str | None = None, count: int = 8) -> dict[str, Any]:
    xs = np.linspace(-2, 2, count).tolist()
    rows = [{"x": x, "what": what, "kind": 1, "sure": False} for x in xs]
    return {"rows": rows, "scores": scores(xs, scale, shift)}


def make(folder: Path, version: str, *, scale: float = 1.0, shift: float = 0.0, **more: Any) -> Path:
    """A release whose score is the sigmoid of scale * x + shift; `more` changes files, facts, or the package's code."""
    facts = {
        "inputs": {"numbers": ["y"], "strings": []},
        "typical": {"x": 1.0, "what": None, "kind": 1, "sure": False},
        "example": {"x": 2.0, "what": None, "kind": 1, "sure": False},
        "split": {"seed": 1, "cuts": {"0": 1.0, "1": 1.0}},
        "data": FINGERPRINT,
        "environment": {name: installed(name) for name in ("numpy", "onnxruntime", "pydantic")},
        **more.pop("facts", {}),
    }
    files = {
        "release.json": json.dumps({**RELEASE, **facts, "name": "moody-model"}),
        "golden.json": json.dumps(golden(scale, shift)),
        "reference.csv": reference(),
        **more.pop("files", {}),
    }
    contents = {f"moody_model/artifacts/{name}": text.encode() for name, text in files.items() if text is not None}
    contents |= {
        f"moody_model/{name}": text.encode() for name, text in {"features.py": MILD, **more.pop("code", {})}.items()
    }
    return make_moody(folder / version, version=version, model=graph(scale, shift), more=contents, **more)


class ReleaseMaker:
    """Makes releases and runs trials of them, with environments shared by all tests of this file."""

    def __init__(self, root: Path) -> None:
        self.root, self.count = root, 0
        self.index = open_index(root / "index")
        publish_toolkit(self.index)
        self.baseline = make(root / "baseline", "0.1.0")

    def make(self, version: str = "0.2.0", **how: Any) -> Path:
        self.count += 1
        return make(self.root / str(self.count), version, **how)

    def run(self, candidate: Path, baseline: Path | None = None, policy: Policy = NOTED, **how: Any) -> Verdict:
        return run(candidate, baseline or self.baseline, policy=policy, index=self.index, **how)
