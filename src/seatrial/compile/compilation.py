"""What training calls: compile, generate rows, prove; it succeeds completely or raises an error with the reason."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from seatrial.compile.boundaries import boundary_rows
from seatrial.compile.converter import compile_pipeline
from seatrial.compile.proof import prove
from seatrial.compile.proof_rows import ROWS, generate_allowed, table_parts
from seatrial.compile.reference import reference_of, stopping_without_fallback
from seatrial.core.errors import CompileError
from seatrial.model.decision import DecisionRule
from seatrial.model.engines import Compiled
from seatrial.model.features import Array, Columns
from seatrial.model.inputs import Inputs
from seatrial.model.schema import Column

TABLE_ROWS = 200_000  # of a larger table, so many rows are compared


def compile_release(
    pipeline: Any,
    *,
    inputs: Inputs,
    table: Columns,
    columns: Sequence[Column],
    to_frame: Callable[[Columns], Any],
    allowed: Callable[[Columns], Array],
    rule: DecisionRule,
    seed: int = 0,
    rows: int = ROWS,
    progress: Callable[[str], None] = lambda _: None,
) -> Compiled:
    """Compile a fitted pipeline, and prove it on its table and on at least `rows` rows generated from the schema.

    `table` holds raw columns, `to_frame` turns such columns into the DataFrame that the pipeline takes, and `allowed`
    returns a mask of the rows that the schema accepts. Of a large table, 200,000 rows at random are compared. The same
    arguments give the same graph and the same proof. Raises CompileError with the step that does not compile, or with
    the difference and the worst row where the proof fails; SeatrialError for a model of XGBoost, LightGBM or CatBoost,
    which no other engine serves.
    """
    import pandas as pd

    with stopping_without_fallback(pipeline):
        reference = reference_of(pipeline, partial(to_frame, table))
        graph = compile_pipeline(pipeline, inputs, reference.booster)
        progress(f"generating {rows:,} rows from the schema")
        part, source = table_parts(table, TABLE_ROWS, seed)
        frame = to_frame(part)
        generated = to_frame(generate_allowed(columns, source, allowed, rows=rows, seed=seed))
        progress("generating rows on the model's thresholds")
        edges = boundary_rows(pipeline, inputs, frame, generated, seed=seed, reference=reference)
        progress(f"comparing {len(frame) + len(generated) + len(edges):,} rows")
        harder = pd.concat([generated, edges], ignore_index=True)
        proof = prove(pipeline, graph, inputs, frame, harder, rule, reference)
        if not proof.holds:
            raise CompileError(f"The compiled graph differs from the pipeline: {proof.reason}.")
        return Compiled(graph, proof)
