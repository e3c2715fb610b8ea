"""How fast the graphs are, paired and in turn: one row beside HistGradientBoosting's graph, a table beside the library.

Times are of the processor, on one thread each, since the machine may have other work; the ratio of each round is of two
measurements that follow each other.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from seatrial.compile.converter import compile_pipeline
from seatrial.model.engines import GraphEngine
from seatrial.model.features import Floats
from seatrial.model.inputs import Inputs

COLUMNS, FITTED, TREES, LEAVES = 20, 20_000, 200, 32
ROWS, TABLE = 300, 1_000_000  # single rows of a round, and rows of the table
PART = 50_000  # of the table, between which the two take turns
ROUNDS = 9

Score = Callable[[Any], Any]


def measure(rows: int = TABLE) -> dict[str, Any]:
    """Measure each library with 200 trees of 32 leaves on 20 columns of numbers."""
    columns = np.random.default_rng(0).normal(size=(FITTED, COLUMNS))
    noise = np.random.default_rng(1).normal(size=FITTED)
    target = (columns[:, 0] + columns[:, 1] * columns[:, 2] + noise > 0).astype(int)
    table = np.random.default_rng(2).normal(size=(PART, COLUMNS))
    models = {name: model.fit(columns, target) for name, model in _models().items()}
    graphs = {name: _graph(model) for name, model in models.items()}
    peer = graphs["scikit-learn"]
    figures: dict[str, Any] = {}
    for name, graph in graphs.items():
        one, one_peer = _one_row(graph, peer, table[:ROWS])
        own, ours = _turns(models[name].predict_proba, graph, table, rows)
        figures[name] = {
            "one_row_us": round(float(np.median(one)) * 1e6, 1),
            "one_row_of_scikit_learn_graph": round(float(np.median(one / one_peer)), 2),
            "rows_per_second": round(PART / float(np.median(ours))),
            "rows_per_second_library": round(PART / float(np.median(own))),
            "speed_of_library": round(float(np.median(own / ours)), 2),
        }
    return {"trees": TREES, "leaves_each": LEAVES, "columns": COLUMNS, "rows": rows, "figures": figures}


def _models() -> dict[str, Any]:
    import catboost
    import lightgbm
    import xgboost
    from sklearn.ensemble import HistGradientBoostingClassifier

    leaf_wise = {"grow_policy": "lossguide", "max_leaves": LEAVES, "max_depth": 0}
    return {
        "scikit-learn": HistGradientBoostingClassifier(
            max_iter=TREES, max_leaf_nodes=LEAVES, early_stopping=False, random_state=0
        ),
        "xgboost": xgboost.XGBClassifier(n_estimators=TREES, n_jobs=1, random_state=0, **leaf_wise),
        "lightgbm": lightgbm.LGBMClassifier(
            n_estimators=TREES, num_leaves=LEAVES, n_jobs=1, random_state=0, verbose=-1
        ),
        "catboost": catboost.CatBoostClassifier(
            iterations=TREES, depth=5, random_seed=0, verbose=0, thread_count=1, allow_writing_files=False
        ),
    }


def _graph(model: Any) -> Score:
    inputs = Inputs(tuple(f"x{place}" for place in range(COLUMNS)), ())
    engine = GraphEngine(compile_pipeline(model, inputs), threads=1)
    return lambda rows: engine(rows, np.empty((len(rows), 0), dtype=object))


def _one_row(graph: Score, peer: Score, rows: Floats) -> tuple[Floats, Floats]:
    """Seconds for a row, in each round: of a graph, and of its peer."""
    found = []
    for _ in range(ROUNDS):
        found.append([_seconds(each, [row[None] for row in rows]) / len(rows) for each in (graph, peer)])
    first, second = np.array(found[1:]).T
    return first, second


def _turns(library: Score, graph: Score, table: Floats, rows: int) -> tuple[Floats, Floats]:
    """Seconds for a part of the table, in turn: of the library, and of its graph."""
    for each in (library, graph):
        each(table)
    turns = max(rows // PART, 2)
    first, second = np.array([[_seconds(each, [table]) for each in (library, graph)] for _ in range(turns)]).T
    return first, second


def _seconds(score: Score, parts: list[Floats]) -> float:
    started = time.process_time()
    for part in parts:
        score(part)
    return time.process_time() - started
