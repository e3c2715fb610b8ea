"""The engine's own settings; what it computes is tested with the compiler."""

import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from seatrial.model.engines import MANY_TREES, ROWS_AT_ONCE, GraphEngine


def test_onnxruntimes_telemetry_is_disabled():
    code = (
        "import os; from seatrial.core.errors import SeatrialError; from seatrial.model.engines import GraphEngine\n"
        "try: GraphEngine(b'')\n"
        "except SeatrialError: print(os.environ['ORT_DISABLE_TELEMETRY'])"
    )
    clean = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    done = subprocess.run([sys.executable, "-c", code], env=clean, capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"


def test_a_graph_gets_a_bounded_number_of_rows_at_once():
    columns = ["N", 1]
    source = helper.make_tensor_value_info("numbers", TensorProto.DOUBLE, columns)
    result = helper.make_tensor_value_info("scores", TensorProto.DOUBLE, columns)
    body = helper.make_graph([helper.make_node("Neg", ["numbers"], ["scores"])], "graph", [source], [result])
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    engine = GraphEngine(model.SerializeToString())
    sizes = []
    session = engine._session
    engine._session = SimpleNamespace(
        run=lambda names, given: sizes.append(len(given["numbers"])) or session.run(names, given)
    )
    for rows in (0, 1, ROWS_AT_ONCE, 2 * ROWS_AT_ONCE + 5):
        numbers = np.arange(rows, dtype=np.float64)[:, None]
        assert np.array_equal(engine(numbers, np.empty((rows, 0), dtype=object)), -numbers)
    assert sizes == [0, 1, ROWS_AT_ONCE, ROWS_AT_ONCE, ROWS_AT_ONCE, 5]


def _trees(number: int) -> bytes:
    """A sum of trees with one split each: does a column lie below a number?"""
    generator = np.random.default_rng(1)
    nodes = np.tile([0, 1, 2], number)
    ids = np.repeat(np.arange(number), 3)
    modes = ["BRANCH_LT", "LEAF", "LEAF"] * number
    leaves = np.tile([1, 2], number)
    node = helper.make_node(
        "TreeEnsembleRegressor",
        ["numbers"],
        ["scores"],
        domain="ai.onnx.ml",
        nodes_treeids=ids.tolist(),
        nodes_nodeids=nodes.tolist(),
        nodes_featureids=(ids % 3).tolist(),
        nodes_modes=modes,
        nodes_values_as_tensor=numpy_helper.from_array(generator.normal(size=3 * number)),
        nodes_truenodeids=np.tile([1, 0, 0], number).tolist(),
        nodes_falsenodeids=np.tile([2, 0, 0], number).tolist(),
        target_treeids=np.repeat(np.arange(number), 2).tolist(),
        target_nodeids=leaves.tolist(),
        target_ids=[0] * (2 * number),
        target_weights_as_tensor=numpy_helper.from_array(generator.normal(size=2 * number)),
        n_targets=1,
    )
    source = helper.make_tensor_value_info("numbers", TensorProto.DOUBLE, ["N", 3])
    result = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", 1])
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 3)]
    graph = helper.make_graph([node], "graph", [source], [result])
    return helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString()


def test_many_rows_go_through_many_trees_in_another_order_and_get_the_same_scores():
    graph = _trees(1500)
    assert len(graph) >= MANY_TREES
    engine = GraphEngine(graph)
    rows = 2 * ROWS_AT_ONCE + 5
    numbers, strings = np.random.default_rng(0).normal(size=(rows, 3)), np.empty((rows, 0), dtype=object)
    seen = []
    session = engine._session
    engine._session = SimpleNamespace(run=lambda n, given: seen.append(given["numbers"]) or session.run(n, given))
    scores = engine(numbers, strings)
    one_by_one = np.concatenate([engine(row[None, :], strings[:1]) for row in numbers])
    assert scores.tobytes() == one_by_one.tobytes()
    assert not np.array_equal(seen[0], numbers[:ROWS_AT_ONCE])


def test_rows_keep_their_places_where_trees_are_few_or_threads_are_many():
    for engine in (GraphEngine(_trees(5)), GraphEngine(_trees(1500), threads=2)):
        seen = []
        engine._session = SimpleNamespace(
            run=lambda _, given, seen=seen: (seen.append(given["numbers"]), [seen[-1]])[1]
        )
        numbers = np.random.default_rng(0).normal(size=(ROWS_AT_ONCE + 1, 3))
        assert np.array_equal(engine(numbers, np.empty((ROWS_AT_ONCE + 1, 0), dtype=object)), numbers)
