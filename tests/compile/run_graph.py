"""Runs one converter alone, on any numbers."""

from collections.abc import Callable
from typing import Any

import numpy as np

from seatrial.compile.converter import _transform
from seatrial.compile.graph import Graph, Matrix
from seatrial.model.engines import GraphEngine
from seatrial.model.features import Floats
from seatrial.model.inputs import Inputs


def run_graph(rows: Floats, step: Any) -> Floats:
    """Convert a fitted transformer, or call a function that adds nodes to a graph, and run it on rows (n, columns)."""
    graph = Graph(Inputs(tuple(f"x{i}" for i in range(rows.shape[1])), ()))
    add: Callable[[Matrix, Graph], str] = step
    if hasattr(step, "transform"):
        result = graph.gather(_transform(step, Matrix(graph.root.cells), graph, ()))
    else:
        result = add(graph.root, graph)
    engine = GraphEngine(graph.finish(result, 2).SerializeToString())
    return engine(np.ascontiguousarray(rows, dtype=np.float64), np.empty((len(rows), 0), dtype=object))
