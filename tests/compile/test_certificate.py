"""The certificate finds what is known to be wrong with other converters, and passes what is right."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from onnxmltools import convert_lightgbm, convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType as SingleType
from skl2onnx.common.data_types import StringTensorType
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC
from tests.compile.boosters.conftest import library

from seatrial.compile.certificate import GraphCertificate, certify
from seatrial.compile.saved_models import load_model
from seatrial.core.errors import SeatrialError

ROWS = 5_000
OPSET = {"": 18, "ai.onnx.ml": 3}
X = np.random.default_rng(0).normal(size=(600, 4))
Y = (X[:, 0] + X[:, 1] * X[:, 2] > 0).astype(int)


def converted(model: Any, file: Path, kind: Any = np.float64) -> Path:
    """The graph that skl2onnx writes."""
    options = {"zipmap": False} if hasattr(model, "classes_") else None
    file.write_bytes(to_onnx(model, X[:1].astype(kind), options=options, target_opset=OPSET).SerializeToString())
    return file


def certificate(model: Any, file: Path, **more: Any) -> GraphCertificate:
    return certify(model, file, rows=ROWS, **more)


@pytest.mark.parametrize("model", [LogisticRegression(), make_pipeline(StandardScaler(), LogisticRegression())])
def test_a_graph_in_double_is_the_model(model: Any, tmp_path: Path) -> None:
    found = certificate(model.fit(X, Y), converted(model, tmp_path / "model.onnx"))
    assert found.holds
    assert found.rows == ROWS
    assert found.largest < 1e-12
    assert "is the model" in found.verdict


def test_a_forest_in_single_precision_is_not(tmp_path: Path) -> None:
    model = RandomForestClassifier(5, random_state=0).fit(X, Y)
    found = certificate(model, converted(model, tmp_path / "model.onnx", np.float32))
    assert not found.holds
    assert found.rounds_input
    assert found.paths == ROWS * 5
    assert found.leaves > 100
    worst = found.worst[0]
    row = pd.DataFrame([worst.values])
    assert model.predict_proba(row.to_numpy())[0].tolist() == worst.model
    assert abs(worst.model[1] - worst.graph[1]) == worst.difference == found.largest


def test_one_wrong_weight_is_found(tmp_path: Path) -> None:
    model = LinearRegression().fit(X, X[:, 0] * 2)
    file = converted(model, tmp_path / "model.onnx")
    assert certificate(model, file).holds
    model.coef_[3] += 1e-4
    assert certificate(model, file).differ > ROWS / 2


def test_lightgbm_rounded_to_single_precision_is_found(tmp_path: Path) -> None:
    """onnxmltools#708: the thresholds are doubles, and the graph takes floats."""
    model = library("lightgbm").LGBMClassifier(n_estimators=10, verbose=-1, n_jobs=1).fit(X, Y)
    graph = convert_lightgbm(model, initial_types=[("X", FloatTensorType([None, 4]))], zipmap=False)
    (tmp_path / "model.onnx").write_bytes(graph.SerializeToString())
    found = certificate(model, tmp_path / "model.onnx")
    assert found.differ > 100
    assert found.largest > 0.01


def test_a_base_score_before_its_link_is_found(tmp_path: Path) -> None:
    """onnxmltools#726: a regressor with the objective binary:logistic adds a probability to sums of log-odds."""
    model = library("xgboost").XGBRegressor(n_estimators=10, objective="binary:logistic", subsample=0.7).fit(X, Y)
    graph = convert_xgboost(model, initial_types=[("X", FloatTensorType([None, 4]))])
    (tmp_path / "model.onnx").write_bytes(graph.SerializeToString())
    assert certificate(model, tmp_path / "model.onnx").differ == ROWS


@pytest.mark.parametrize("wrong", ["column", "intercept"])
def test_xgboost_with_a_wrong_column_or_intercept_is_found(tmp_path: Path, wrong: str) -> None:
    """Of the kind of onnxmltools#667: what the trees are given, or added to, is another than in training."""
    model = library("xgboost").XGBClassifier(n_estimators=10, colsample_bytree=0.5, n_jobs=1).fit(X, Y)
    graph = convert_xgboost(model, initial_types=[("X", FloatTensorType([None, 4]))])
    right, altered = tmp_path / "right.onnx", tmp_path / "altered.onnx"
    right.write_bytes(graph.SerializeToString())
    assert certificate(model, right).holds
    (node,) = [node for node in graph.graph.node if node.op_type == "TreeEnsembleClassifier"]
    attributes = {attribute.name: attribute for attribute in node.attribute}
    if wrong == "column":
        features = attributes["nodes_featureids"].ints
        features[:] = [(each + 1) % 4 for each in features]
    else:
        attributes["base_values"].floats[:] = [each + 0.01 for each in attributes["base_values"].floats]
    altered.write_bytes(graph.SerializeToString())
    assert certificate(model, altered).differ > ROWS / 2


def test_the_rows_of_a_table_are_compared_too(tmp_path: Path) -> None:
    table = pd.DataFrame({"size": X[:, 0], "kind": np.where(X[:, 1] > 0, "a", "b")})
    encode = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["kind"]), remainder="passthrough", sparse_threshold=0
    )
    model = make_pipeline(encode, LogisticRegression()).fit(table, Y)
    types = [("size", SingleType([None, 1])), ("kind", StringTensorType([None, 1]))]
    graph = to_onnx(model, initial_types=types, options={"zipmap": False}, target_opset=OPSET)
    (tmp_path / "model.onnx").write_bytes(graph.SerializeToString())
    found = certificate(model, tmp_path / "model.onnx", table=table, allowed=1e-5)
    assert found.rows == ROWS + len(table)
    assert found.holds, found.verdict


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (LogisticRegression(), "does not say how many columns it has"),
        (LinearSVC().fit(X, Y), "LinearSVC predicts no probabilities"),
    ],
)
def test_what_cannot_be_compared_is_refused(model: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(SeatrialError, match=message):
        certificate(model, tmp_path / "model.onnx")


def test_catboosts_own_export_from_its_file(tmp_path: Path) -> None:
    model = library("catboost").CatBoostClassifier(iterations=5, verbose=0, allow_writing_files=False).fit(X, Y)
    model.save_model(str(tmp_path / "model.cbm"))
    model.save_model(str(tmp_path / "model.onnx"), format="onnx")
    found = certificate(load_model(tmp_path / "model.cbm"), tmp_path / "model.onnx")
    assert found.paths == ROWS * 5
    assert found.holds
    assert 1e-9 < found.largest < 1e-6  # it adds in single precision


def test_a_table_is_read_in_its_order_by_a_model_without_names(tmp_path: Path) -> None:
    model = LogisticRegression().fit(X, Y)
    graph = converted(model, tmp_path / "model.onnx")
    table = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    assert certificate(model, graph, table=table).rows == ROWS + len(X)
    with pytest.raises(SeatrialError, match="The table lacks the model's columns"):
        certificate(model, graph, table=table[["a"]])
