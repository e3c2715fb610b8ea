"""Compares a library's model with its graph on rows that are hard for trees: every leaf, every score."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime as ort

from seatrial.compile.boosters import Booster
from seatrial.compile.graph import Graph, Matrix
from seatrial.model.features import Array, Floats
from seatrial.model.inputs import Inputs

HARD = [np.nan, 0.0, -0.0, 5e-324, 1e-36, -1e-36, 1e-35, -1e-35, np.inf, -np.inf]
HARD += [float(np.nextafter(sign * np.float64(np.float32(1e-35)), to)) for sign in (1, -1) for to in (np.inf, -np.inf)]
CODES = [np.nan, -1.0, -0.5, 0.5, 1.5, 77.0, 2.0**24, 3e9, -3e9]


@dataclass(frozen=True)
class Certificate:
    """What was compared."""

    rows: int
    leaves: int
    leaves_differ: int
    largest: float  # difference in probability; for predictions relative to max(1, |value|)


def hard_rows(booster: Booster, table: Floats, count: int, seed: int = 0) -> Floats:
    """Rows of a table in which half of the values are on thresholds, next to them in both precisions, or odd."""
    generator = np.random.default_rng(seed)
    rows = table[generator.integers(len(table), size=count)]
    thresholds = booster.thresholds()
    for feature in range(table.shape[1]):
        at = thresholds.get(feature, np.zeros(1))
        single = at.astype(np.float32)
        around = [at, np.nextafter(at, -np.inf), np.nextafter(at, np.inf), single.astype(np.float64)]
        around += [np.nextafter(single, np.float32(side)).astype(np.float64) for side in (-np.inf, np.inf)]
        pool = np.concatenate([*around, HARD, CODES])
        chosen = generator.random(count) < 0.5
        rows[chosen, feature] = generator.choice(pool, int(chosen.sum()))
    return rows


def run(add: Callable[[Matrix, Graph], str], rows: Floats, rank: int) -> Floats:
    """Run what `add` adds to a graph of as many number columns."""
    names = tuple(f"x{position}" for position in range(rows.shape[1]))
    graph = Graph(Inputs(names, ()))
    model = graph.finish(add(graph.root, graph), rank)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"numbers": rows})[0])


def certify(booster: Booster, rows: Floats) -> Certificate:
    """Compare all leaves and all scores."""
    expected, leaves = booster.reference(rows), booster.leaves(rows)
    actual = run(booster.add_scores, rows, expected.ndim)
    assert actual.shape == expected.shape
    numbers: Array = run(booster.add_leaves, rows, 2)
    assert numbers.shape == leaves.shape
    scale = np.maximum(1.0, np.abs(expected)) if expected.ndim == 1 else 1.0
    largest = float((np.abs(actual - expected) / scale).max())
    return Certificate(len(rows), leaves.size, int((numbers != leaves).sum()), largest)


def made_table(rows: int = 600, *, seed: int = 5) -> tuple[Floats, dict[str, Any]]:
    """Eight columns, with missing values, zeros, tiny values and two columns of codes, and targets of each kind."""
    generator = np.random.default_rng(seed)
    table = generator.normal(size=(rows, 8))
    table[:, 1] = np.where(generator.random(rows) < 0.3, 0.0, table[:, 1])
    table[:, 2] *= 3e-35  # around LightGBM's zero
    table[:, 3] = np.round(table[:, 3], 1)
    table[:, 6] = generator.integers(0, 40, rows)
    table[:, 7] = generator.integers(0, 3, rows)
    signal = table[:, 0] + table[:, 1] * 2 + (table[:, 2] > 0) + np.isin(table[:, 6], [1, 4, 9, 16, 25, 36]) * 2
    signal += (table[:, 7] == 2) + generator.normal(size=rows) / 2
    table[:, 4][generator.random(rows) < 0.2] = np.nan
    table[:, 0][generator.random(rows) < 0.1] = np.nan
    values = np.exp(signal / 2)
    targets = {
        "binary": np.where(signal > np.median(signal), "yes", "no"),
        "multiclass": np.digitize(signal, np.quantile(signal, [0.3, 0.7])),
        "regression": values,
        "share": 1 / (1 + np.exp(-signal)),
    }
    return table, targets
