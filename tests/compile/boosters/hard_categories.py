"""Tables of numbers and strings, rows of them that are hard for CatBoost, and the proof of a model on those."""

from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline, make_pipeline
from tests.compile.boosters.hard_rows import UNUSUAL

from seatrial.compile.converter import compile_pipeline
from seatrial.compile.proof import prove
from seatrial.compile.reference import Reference, reference_of
from seatrial.model.decision import DecisionRule
from seatrial.model.engines import Proof, to_frame
from seatrial.model.features import Floats
from seatrial.model.inputs import Inputs

NUMBERS = 4
EXTREMES = (*UNUSUAL, np.inf, -np.inf, 1e308, -1e308, 3.4028235e38, -3.4028235e38, 3.4028235677973366e38)
UNSEEN = ("unseen", "V1", " v1", "", "日本語", "x" * 300)


def inputs_of(words: tuple[int, ...]) -> Inputs:
    """The columns of a table with so many categories in each of its columns of strings."""
    return Inputs(tuple(f"x{i}" for i in range(NUMBERS)), tuple(f"s{i}" for i in range(len(words))))


def table(words: tuple[int, ...], *, rows: int = 600, missing: float = 0.15, seed: int = 0) -> tuple[Any, Floats]:
    """A DataFrame with missing values and strings, and a target that depends on pairs of them."""
    generator = np.random.default_rng(seed)
    numbers = generator.normal(size=(rows, NUMBERS))
    numbers[:, 1] = np.round(numbers[:, 1] * 2)
    numbers[:, 2] = np.exp(numbers[:, 2] * 3)
    numbers[generator.random(numbers.shape) < missing] = np.nan
    codes = np.array([np.minimum(generator.geometric(2 / (n + 1), rows) - 1, n - 1) for n in words]).reshape(-1, rows)
    strings = np.array([[f"v{code}" if code else "" for code in column] for column in codes], dtype=object)
    target = np.nan_to_num(numbers[:, 0]) + np.nan_to_num(numbers[:, 1]) + generator.normal(size=rows) / 3
    for column, count in zip(codes, words, strict=True):
        target += generator.normal(size=count)[column]
    if len(words) > 1:
        target += generator.normal(size=words[:2])[codes[0], codes[1]]
    return to_frame(inputs_of(words), numbers, strings.reshape(len(words), rows).T), target


def targets(signal: Floats, kind: str) -> Any:
    """The target of a task: binary, multiclass, count or real."""
    if kind == "binary":
        return (signal > np.median(signal)).astype(int)
    if kind == "multiclass":
        return np.digitize(signal, np.quantile(signal, [0.3, 0.7]))
    if kind == "count":
        return np.random.default_rng(5).poisson(np.exp(np.clip(signal / 2, -3, 3)))
    return signal


def pipeline_of(model: Any, words: tuple[int, ...]) -> Any:
    """The model behind a step that passes strings and numbers through, strings first."""
    if not words:
        return Pipeline([("model", model)])
    columns = inputs_of(words)
    parts = [("strings", "passthrough", list(columns.strings)), ("numbers", "passthrough", list(columns.numbers))]
    return make_pipeline(ColumnTransformer(parts), model.set_params(cat_features=list(range(len(words)))))


def hard_frame(reference: Reference, frame: Any, words: tuple[int, ...], rows: int, offset: int) -> Any:
    """Rows on borders, next to them in double and in single precision, with extreme values and unseen strings.

    `offset` is the position of the first number in what the model gets.
    """
    generator = np.random.default_rng(1)
    assert reference.booster is not None
    thresholds = reference.booster.thresholds()
    hard = frame.iloc[generator.integers(len(frame), size=rows)].reset_index(drop=True)
    for position in range(NUMBERS):
        known = thresholds.get(position + offset, np.array([0.0]))
        with np.errstate(over="ignore"):
            single = known.astype(np.float32)
            beside = [np.nextafter(each, each.dtype.type(end)) for each in (known, single) for end in (np.inf, -np.inf)]
        pool = np.concatenate([known, single, *beside, EXTREMES]).astype(np.float64)
        chosen = generator.random(rows) < 0.6
        hard.loc[chosen, f"x{position}"] = generator.choice(pool, chosen.sum())
    for position in range(len(words)):
        pool = np.array([*frame[f"s{position}"].unique(), *UNSEEN], dtype=object)
        chosen = generator.random(rows) < 0.5
        hard.loc[chosen, f"s{position}"] = generator.choice(pool, chosen.sum())
    return hard


def proof_of(
    pipeline: Any,
    frame: Any,
    words: tuple[int, ...],
    classes: int,
    rows: int,
    *,
    offset: int | None = None,
    **changed: Any,
) -> tuple[Proof, Reference]:
    """Prove a fitted pipeline on its table and on hard rows, perhaps with parts of its model changed after reading."""
    reference = reference_of(pipeline, frame)
    hard = hard_frame(reference, frame, words, rows, len(words) if offset is None else offset)
    if changed:
        reference = replace(reference, booster=replace(reference.booster, **changed))
    task = "regression" if not classes else "binary" if classes == 2 else "multiclass"
    rule = DecisionRule(task, tuple(range(classes)))
    graph = compile_pipeline(pipeline, inputs_of(words), reference.booster)
    return prove(pipeline, graph, inputs_of(words), frame, hard, rule, reference), reference
