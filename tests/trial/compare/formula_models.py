"""Formulas as models for the comparisons, with the fault that a test injects."""

from collections.abc import Callable

import numpy as np

from seatrial.model.features import Array, Columns
from seatrial.trial.compare.scoring import Scoring

BINARY = Scoring("binary", (0, 1))
SEVERAL = Scoring("multiclass", ("a", "b", "c"))
NUMBER = Scoring("regression", scale=2.0)


def passengers(rows: int = 400, seed: int = 0) -> Columns:
    g = np.random.default_rng(seed)
    age = g.normal(30, 10, rows).round(1)
    age[g.random(rows) < 0.2] = np.nan
    return {
        "age": age,
        "fare": np.exp(g.normal(3, 1, rows)).round(2),
        "sex": g.choice(np.array(["female", "male"], dtype=object), rows),
        "deck": g.choice(np.array(["A", "B", "C", None], dtype=object), rows),
    }


def odds(columns: Columns) -> Array:
    age = np.where(np.isnan(columns["age"]), 30.0, columns["age"])
    return (
        0.03 * (age - 30)
        + 0.4 * np.log1p(columns["fare"])
        + np.where(columns["sex"] == "female", 1.2, -1.2)
        + np.where(columns["deck"] == "B", 0.5, 0.0)
        - 1.3
    )


def survival(columns: Columns) -> Array:
    p = 1 / (1 + np.exp(-odds(columns)))
    return np.stack([1 - p, p], axis=1)


def faulty(change: Callable[[Columns], Columns]) -> Callable[[Columns], Array]:
    return lambda columns: survival(change(columns))


def one_at_a_time(base: Columns, row: int = 0) -> Columns:
    """A row, and the same with one value changed, for every column and a few values."""
    values = {
        "age": [5.0, 60.0, np.nan],
        "fare": [1.0, 9.0, 200.0],
        "sex": ["female", "male"],
        "deck": ["A", "B", None],
    }
    rows = [{n: v[row] for n, v in base.items()}]
    rows += [{**rows[0], name: value} for name, listed in values.items() for value in listed]
    return {n: np.array([r[n] for r in rows], dtype=base[n].dtype) for n in base}


def together(*parts: Columns) -> Columns:
    return {n: np.concatenate([part[n] for part in parts]) for n in parts[0]}
