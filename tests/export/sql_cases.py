"""Runs a compiled graph as SQL in DuckDB, and as a graph, on the same hard rows."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from tests.compile.cases import COLUMNS, INPUTS
from tests.compile.cases import TABLE as CASES

from seatrial.compile.proof_rows import generate
from seatrial.export.expressions import Expressions
from seatrial.export.graph_expressions import score_expressions
from seatrial.export.sql import Output, select
from seatrial.export.sql_proof import KEY, TABLE, arrow_rows, duckdb_database
from seatrial.export.sql_release import column_value, engine_input
from seatrial.model.engines import GraphEngine
from seatrial.model.features import Columns, Floats
from seatrial.model.inputs import stack_columns


def graph_select(graph: bytes, dialect: Any = "duckdb") -> str:
    """The scores of a graph over the columns of `tests.compile.cases`, as a SELECT."""
    pool = Expressions()
    columns = {column.name: engine_input(column_value(column, pool), pool) for column in COLUMNS}
    scores = score_expressions(graph, INPUTS, columns, pool)
    outputs = [Output(f"score_{place}", score) for place, score in enumerate(scores)]
    return select(outputs, table=TABLE, keep=[KEY], dialect=dialect)


def hard_rows(rows: int = 2000) -> Columns:
    return generate(COLUMNS, CASES, rows=rows, seed=11)


def largest_difference(graph: bytes, rows: Columns, database: Any = duckdb_database, dialect: Any = "duckdb") -> float:
    """How far the scores of SQL are from those of the graph, relative where they are large."""
    answer = database(graph_select(graph, dialect), arrow_rows(COLUMNS, rows))
    expected = GraphEngine(graph)(*stack_columns(INPUTS, rows))
    return distance(answer, expected)


def distance(answer: Mapping[str, list[Any]], expected: Floats) -> float:
    wide = expected.reshape(len(expected), -1)
    found = np.stack([np.array(answer[f"score_{n}"], dtype=np.float64) for n in range(wide.shape[1])], axis=1)
    assert np.isfinite(wide).all()
    return float(np.nan_to_num(np.abs(found - wide) / np.maximum(np.abs(wide), 1), nan=np.inf).max())
