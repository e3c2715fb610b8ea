"""`seatrial exact` says whether a graph is the model, and shows the rows where it is not."""

import json
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from skl2onnx import to_onnx
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from seatrial.cli.app import run

X = np.random.default_rng(0).normal(size=(300, 3))
Y = (X[:, 0] > 0).astype(int)
OPSET = {"": 18, "ai.onnx.ml": 3}


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str, str]:
    """A model, a graph of it, and a graph of a forest in single precision."""
    model, forest = LogisticRegression().fit(X, Y), RandomForestClassifier(3, random_state=0).fit(X, Y)
    for name, each, kind in (("model", model, np.float64), ("forest", forest, np.float32)):
        joblib.dump(each, tmp_path / f"{name}.joblib")
        graph = to_onnx(each, X[:1].astype(kind), options={"zipmap": False}, target_opset=OPSET)
        (tmp_path / f"{name}.onnx").write_bytes(graph.SerializeToString())
    return str(tmp_path / "model"), str(tmp_path / "forest"), str(tmp_path)


def test_a_graph_that_is_the_model(files: tuple[str, str, str], capsys: pytest.CaptureFixture[str]) -> None:
    model = files[0]
    assert run(["exact", f"{model}.joblib", f"{model}.onnx", "--trust", "--rows", "2000"]) == 0
    assert "The graph is the model: no score differs by more than 1e-9." in capsys.readouterr().out


def test_a_graph_that_is_not(files: tuple[str, str, str], capsys: pytest.CaptureFixture[str]) -> None:
    _, forest, folder = files
    words = ["exact", f"{forest}.joblib", f"{forest}.onnx", "--trust", "--rows", "2000"]
    assert run([*words, "--output", f"{folder}/rows.csv"]) == 1
    out = capsys.readouterr().out
    assert "of 2,000 rows differ by more than 1e-06." in out
    assert "single precision" in out
    worst = pd.read_csv(f"{folder}/rows.csv")
    assert worst.columns.tolist() == ["x0", "x1", "x2", "model_0", "model_1", "graph_0", "graph_1", "difference"]
    assert (worst["difference"] > 1e-6).all()
    assert run([*words, "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["holds"] is False
    assert document["differ"] > 0
    assert run([*words, "--allowed", "1"]) == 0


def test_a_pickle_is_not_trusted_unasked(files: tuple[str, str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["exact", f"{files[0]}.joblib", f"{files[0]}.onnx"]) == 1
    assert "add --trust" in capsys.readouterr().err
