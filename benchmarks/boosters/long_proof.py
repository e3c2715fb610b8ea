"""What the proof of a model with 5,000 trees takes: seconds, and memory."""

import resource
import time
from typing import Any

import numpy as np

from seatrial.compile.compilation import compile_release
from seatrial.model.decision import DecisionRule
from seatrial.model.engines import to_frame
from seatrial.model.inputs import Inputs, stack_columns
from seatrial.model.schema import Column

COLUMNS, FITTED, TREES = 20, 20_000, 5_000


def measure(trees: int = TREES) -> dict[str, Any]:
    """Prove a model of each library as training does: on its table, 100,000 rows of the schema, and thresholds."""
    import pandas as pd

    generator = np.random.default_rng(0)
    columns = generator.normal(size=(FITTED, COLUMNS))
    columns[generator.random(columns.shape) < 0.05] = np.nan
    signal = np.nan_to_num(columns[:, 0]) + np.nan_to_num(columns[:, 1] * columns[:, 2])
    target = (signal + generator.normal(size=FITTED) > 0).astype(int)
    names = tuple(f"x{place}" for place in range(COLUMNS))
    inputs = Inputs(names, ())
    table = dict(zip(names, columns.T, strict=True))
    figures: dict[str, Any] = {}
    for library, model in _models(trees).items():  # the one that takes the most memory is last
        model.fit(pd.DataFrame(table), target)
        started, processor = time.perf_counter(), time.process_time()
        compiled = compile_release(
            model,
            inputs=inputs,
            table=table,
            columns=[Column(name, "number", nullable=True, required=False) for name in names],
            to_frame=lambda drawn: to_frame(inputs, *stack_columns(inputs, drawn)),
            allowed=lambda drawn: np.ones(len(drawn["x0"]), dtype=bool),
            rule=DecisionRule("binary", (0, 1)),
        )
        figures[library] = {
            "seconds": round(time.perf_counter() - started, 1),
            "processor_seconds": round(time.process_time() - processor, 1),
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            "rows": compiled.proof.rows_table + compiled.proof.rows_generated,
            "leaves": compiled.proof.paths,
            "leaves_differ": compiled.proof.paths_differ,
            "graph_mb": round(len(compiled.graph) / 2**20, 1),
        }
    return {"trees": trees, "figures": figures}


def _models(trees: int) -> dict[str, Any]:
    import catboost
    import lightgbm
    import xgboost

    slowly = {"learning_rate": 0.02}
    return {
        "catboost": catboost.CatBoostClassifier(
            iterations=trees, depth=6, verbose=0, thread_count=1, allow_writing_files=False, **slowly
        ),
        "lightgbm": lightgbm.LGBMClassifier(n_estimators=trees, num_leaves=31, n_jobs=1, verbose=-1, **slowly),
        "xgboost": xgboost.XGBClassifier(n_estimators=trees, max_depth=6, n_jobs=1, **slowly),
    }
