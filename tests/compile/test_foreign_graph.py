"""Graphs of other converters are run on a table, or refused with what is wrong."""

from pathlib import Path

import numpy as np
import pytest
from skl2onnx import to_onnx
from sklearn.linear_model import LinearRegression, LogisticRegression

from seatrial.compile.foreign_graph import ForeignGraph
from seatrial.core.errors import SeatrialError

X = np.random.default_rng(0).normal(size=(50, 3))
LABELS = np.arange(50) % 3
OPSET = {"": 18, "ai.onnx.ml": 3}


@pytest.mark.parametrize("zipmap", [True, False])
def test_probabilities_are_found_among_the_outputs(zipmap: bool, tmp_path: Path) -> None:
    model = LogisticRegression().fit(X, LABELS)
    graph = to_onnx(model, X[:1].astype(np.float32), options={"zipmap": zipmap}, target_opset=OPSET)
    (tmp_path / "model.onnx").write_bytes(graph.SerializeToString())
    foreign = ForeignGraph(tmp_path / "model.onnx", columns=3, classes=3)
    assert foreign.single
    assert np.allclose(foreign(X), model.predict_proba(X), atol=1e-5)
    with pytest.raises(SeatrialError, match="has no output with"):
        ForeignGraph(tmp_path / "model.onnx", columns=3, classes=4)(X)


def test_predictions_are_one_column(tmp_path: Path) -> None:
    model = LinearRegression().fit(X, X[:, 0])
    (tmp_path / "model.onnx").write_bytes(to_onnx(model, X[:1], target_opset=OPSET).SerializeToString())
    foreign = ForeignGraph(tmp_path / "model.onnx", columns=3, classes=0)
    assert not foreign.single
    assert np.allclose(foreign(X), model.predict(X))
    with pytest.raises(SeatrialError, match="fails on a row"):
        foreign(X[:, :2])


def test_no_graph_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SeatrialError, match="does not exist"):
        ForeignGraph(tmp_path / "none.onnx", columns=3, classes=0)
    (tmp_path / "text.onnx").write_text("text")
    with pytest.raises(SeatrialError, match="is not a graph that onnxruntime can run"):
        ForeignGraph(tmp_path / "text.onnx", columns=3, classes=0)
