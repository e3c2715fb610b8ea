"""The proof fails when it should: with faults injected into a graph, down to the smallest possible."""

from dataclasses import replace

import numpy as np
import onnx
import pandas as pd
import pytest
from onnx import numpy_helper
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier
from tests.compile.cases import BINARY, COLUMNS, FRAME, INPUTS, NUMBERS, RULES, STRINGS, TABLE, VALUES, framed

from seatrial.compile.boundaries import boundary_rows
from seatrial.compile.converter import compile_pipeline
from seatrial.compile.proof import compare_labels, prove
from seatrial.compile.proof_rows import generate
from seatrial.core.errors import CompileError


def pipeline_with(model, target=BINARY, *, scaled=True):
    numbers = make_pipeline(SimpleImputer(), StandardScaler() if scaled else "passthrough")
    strings = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    columns = ColumnTransformer([("numbers", numbers, NUMBERS), ("strings", strings, STRINGS)])
    return make_pipeline(columns, model).fit(FRAME, target)


def proof_of(pipeline, graph, *, rule=RULES["binary"], boundaries=True):
    rows = framed(generate(COLUMNS, TABLE, rows=2000, seed=1))
    if boundaries:
        rows = pd.concat([rows, boundary_rows(pipeline, INPUTS, FRAME, rows, seed=1)], ignore_index=True)
    return prove(pipeline, graph, INPUTS, FRAME, rows, rule)


def altered(graph, operator, name, change):
    """Change one tensor attribute of the first node of that kind."""
    model = onnx.load_from_string(graph)
    node = next(node for node in model.graph.node if node.op_type == operator)
    attribute = next(attribute for attribute in node.attribute if attribute.name == name)
    values = numpy_helper.to_array(attribute.t).copy()
    attribute.t.CopyFrom(numpy_helper.from_array(change(values), name))
    return model.SerializeToString()


def at(position, change):
    def apply(values):
        values[position] = change(values[position])
        return values

    return apply


TREES = [
    DecisionTreeClassifier(max_depth=4, random_state=0),
    RandomForestClassifier(5, max_depth=4, random_state=0),
    HistGradientBoostingClassifier(max_iter=3, max_depth=4, random_state=0),
]


@pytest.mark.parametrize("model", TREES, ids=lambda model: type(model).__name__)
def test_a_slightly_changed_leaf_is_detected(model):
    pipeline = pipeline_with(model)
    graph = compile_pipeline(pipeline, INPUTS)
    assert proof_of(pipeline, graph).holds
    proof = proof_of(pipeline, altered(graph, "TreeEnsemble", "leaf_weights", at(0, lambda weight: weight + 1e-7)))
    assert not proof.holds
    assert 1e-9 < proof.largest_difference < 1e-6
    assert "worst row: age=" in proof.reason


@pytest.mark.parametrize("direction", [-np.inf, np.inf])
@pytest.mark.parametrize("model", TREES, ids=lambda model: type(model).__name__)
def test_a_threshold_changed_to_the_next_double_is_detected(model, direction):
    # Not scaled: a scaler reaches only some doubles, and a threshold may move between two of them without effect.
    pipeline = pipeline_with(model, scaled=False)
    graph = compile_pipeline(pipeline, INPUTS)
    node = first_numeric_node(graph)
    moved = altered(graph, "TreeEnsemble", "nodes_splits", at(node, lambda t: np.nextafter(t, direction)))
    assert not proof_of(pipeline, moved).holds
    if np.isposinf(direction):
        assert proof_of(pipeline, moved, boundaries=False).holds  # nothing but rows on the threshold shows it


def first_numeric_node(graph):
    node = next(node for node in onnx.load_from_string(graph).graph.node if node.op_type == "TreeEnsemble")
    features = next(attribute.ints for attribute in node.attribute if attribute.name == "nodes_featureids")
    return next(i for i, feature in enumerate(features) if feature < 2)  # age and fare


@pytest.mark.parametrize("model", TREES, ids=lambda model: type(model).__name__)
def test_thresholds_in_float32_are_detected(model):
    pipeline = pipeline_with(model)
    graph = compile_pipeline(pipeline, INPUTS)
    rounded = altered(graph, "TreeEnsemble", "nodes_splits", lambda t: t.astype(np.float32).astype(np.float64))
    assert not proof_of(pipeline, rounded).holds


def test_a_graph_computed_in_float32_is_detected():
    pipeline = pipeline_with(LogisticRegression())
    model = onnx.load_from_string(compile_pipeline(pipeline, INPUTS))
    weights = next(node for node in model.graph.node if node.op_type == "Gemm").input[1]
    constant = next(c for c in model.graph.initializer if c.name == weights)
    single = numpy_helper.to_array(constant).astype(np.float32).astype(np.float64)
    constant.CopyFrom(numpy_helper.from_array(single, weights))
    proof = proof_of(pipeline, model.SerializeToString())
    assert not proof.holds
    assert proof.labels_differ == 0  # labels alone would have let it pass


def test_a_forgotten_category_is_detected():
    pipeline = pipeline_with(LogisticRegression())

    def forget(words):
        return np.array(["?" if word in ("B", b"B") else word for word in words.tolist()], dtype=object)

    graph = altered(compile_pipeline(pipeline, INPUTS), "LabelEncoder", "keys_tensor", forget)
    assert not proof_of(pipeline, graph).holds


def test_the_graph_of_another_model_is_detected():
    graph = compile_pipeline(pipeline_with(LogisticRegression(C=0.9)), INPUTS)
    assert not proof_of(pipeline_with(LogisticRegression()), graph).holds


def test_another_number_of_classes_is_refused():
    from tests.compile.cases import MULTICLASS

    graph = compile_pipeline(pipeline_with(LogisticRegression(), MULTICLASS), INPUTS)
    with pytest.raises(CompileError, match="where the pipeline gives"):
        proof_of(pipeline_with(LogisticRegression()), graph)


def test_invalid_bytes_are_refused():
    with pytest.raises(CompileError, match="cannot be loaded"):
        proof_of(pipeline_with(LogisticRegression()), b"no graph")


def test_differences_of_a_regression_are_relative():
    large = VALUES * 1e9
    pipeline = pipeline_with(Ridge(), large)
    proof = proof_of(pipeline, compile_pipeline(pipeline, INPUTS), rule=RULES["regression"])
    assert proof.holds
    other = pipeline_with(Ridge(), large * (1 + 1e-7))
    assert not proof_of(pipeline, compile_pipeline(other, INPUTS), rule=RULES["regression"]).holds


class _Fixed:
    """A pipeline that always gives the same probabilities."""

    def __init__(self, scores):
        self.scores = scores

    def predict_proba(self, frame):
        return np.tile(self.scores, (len(frame), 1))


def test_ties_are_counted_and_no_label_differs_at_them():
    binary = RULES["binary"]
    half = np.array([[0.5, 0.5]])
    below = np.array([[0.5 + 1e-13, 0.5 - 1e-13]])
    assert compare_labels(half, below, binary) == (0, 1)
    assert compare_labels(half, below, RULES["multiclass"]) == (0, 1)
    clear = np.array([[0.51, 0.49]])
    assert compare_labels(half, clear, binary) == (
        0,
        1,
    )  # a tie on one side; its distance fails the proof anyway
    assert compare_labels(np.array([[0.4, 0.6]]), clear, binary) == (1, 0)
    assert compare_labels(np.array([[0.4, 0.6]]), clear, replace(binary, threshold=0.45)) == (0, 0)


def test_ties_at_a_configured_threshold_are_counted():
    pipeline = pipeline_with(RandomForestClassifier(4, random_state=0))
    proof = proof_of(pipeline, compile_pipeline(pipeline, INPUTS), rule=replace(RULES["binary"], threshold=0.75))
    assert proof.holds
    assert proof.ties > 0


def test_nan_in_only_one_of_the_two_fails():
    pipeline = pipeline_with(LogisticRegression())
    proof = proof_of(_Fixed([np.nan, np.nan]), compile_pipeline(pipeline, INPUTS), boundaries=False)
    assert not proof.holds
    assert proof.largest_difference == np.inf
