"""The engine's own settings; what it computes is tested with the compiler."""

import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
from onnx import TensorProto, helper

from seatrial.model.engines import ROWS_AT_ONCE, GraphEngine


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
