"""Rows that are hard for trees, and the proof of a model on them."""

from typing import Any

import numpy as np
import pandas as pd

from seatrial.compile.converter import compile_pipeline
from seatrial.compile.proof import prove
from seatrial.compile.reference import reference_of
from seatrial.model.decision import DecisionRule
from seatrial.model.engines import Proof
from seatrial.model.features import Floats
from seatrial.model.inputs import Inputs

UNUSUAL = (np.nan, 0.0, -0.0, 5e-324, -5e-324, 1e-45, -1e-45, 1e-36, -1e-36, 1e-35, -1e-35, 1.0, -1.0, 1e30, -1e30)
CODES = (np.nan, -1.0, -0.5, 0.0, 0.5, 0.99999999999, 1.5, 2.0**24 - 1, 2.0**24, 1e9, -1e9)


def names(width: int) -> list[str]:
    """The columns of a table of numbers."""
    return [f"x{position}" for position in range(width)]


def table(rows: int, width: int, categories: dict[int, int], *, missing: float = 0.1, seed: int = 0) -> Floats:
    """A table (rows, width) with missing values, and with whole codes in the columns of categories."""
    generator = np.random.default_rng(seed)
    values = generator.normal(size=(rows, width))
    for position, count in categories.items():
        values[:, position] = generator.integers(count, size=rows)
    values[generator.random((rows, width)) < missing] = np.nan
    return values


def hard_rows(model: Any, width: int, rows: int, categories: dict[int, int], seed: int = 1) -> Floats:
    """Rows on thresholds, next to them in double and in single precision, and of unusual values and codes."""
    generator = np.random.default_rng(seed)
    booster = reference_of(model).booster
    assert booster is not None
    thresholds = {feature: known[abs(known) < 1e38] for feature, known in booster.thresholds().items()}
    columns = []
    for position in range(width):
        known = np.append(thresholds.get(position, []), 0.0)
        single = known.astype(np.float32)
        around = [
            known,
            np.nextafter(known, np.inf),
            np.nextafter(known, -np.inf),
            single.astype(np.float64),
            np.nextafter(single, np.float32(np.inf)).astype(np.float64),
            np.nextafter(single, np.float32(-np.inf)).astype(np.float64),
            generator.normal(size=len(known)),
        ]
        values = np.concatenate(around)
        if position in categories:
            codes = np.arange(categories[position] + 3, dtype=np.float64)
            values = np.concatenate([codes, codes - 1e-9, codes + 0.5])
        drawn = generator.choice(values, rows)
        unusual = generator.choice(CODES if position in categories else UNUSUAL, rows)
        columns.append(np.where(generator.random(rows) < 0.15, unusual, drawn))
    return np.stack(columns, axis=1)


def proof_on(
    model: Any, values: Floats, target: Any, hard: Floats, *, graph: bytes | None = None, threshold: float = 0.5
) -> Proof:
    """Prove a fitted model, or another graph in place of its own, on its table and on hard rows."""
    inputs = Inputs(tuple(names(values.shape[1])), ())
    classes = tuple(np.unique(target).tolist()) if hasattr(model, "predict_proba") else ()
    rule = DecisionRule(
        "regression" if not classes else "binary" if len(classes) == 2 else "multiclass", classes, threshold=threshold
    )
    frames = [pd.DataFrame(each, columns=names(values.shape[1])) for each in (values, hard)]
    return prove(model, graph or compile_pipeline(model, inputs), inputs, *frames, rule)
