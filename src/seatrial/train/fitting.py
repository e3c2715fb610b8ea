"""Fit the pipeline, and find out which inputs it uses."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seatrial.core.errors import SeatrialError
from seatrial.core.model_libraries import library_of
from seatrial.core.project import ProjectSettings
from seatrial.core.random_state import seed_pipeline
from seatrial.model.features import Array, Columns, Feature, add_features
from seatrial.model.inputs import Inputs, texts_of
from seatrial.model.schema import Column
from seatrial.train.early_stopping import fit_pipeline
from seatrial.train.inner_folds import InnerSplit
from seatrial.train.own_decision import last_estimator
from seatrial.train.pipeline_code import build_pipeline, first_line, fit_error
from seatrial.train.row_weights import fit_parameters

# Changes a built pipeline in place, and returns the target to fit it to.
Alter = Callable[[Any, Array], Array]


NUMBERED = "xgboost.sklearn.XGBClassifier"  # wants the labels 0, 1, ...; also what XGBRFClassifier is made of


@dataclass(frozen=True)
class Framer:
    """Converts checked columns to the DataFrame that the pipeline takes, with its features."""

    columns: Sequence[Column]
    features: Sequence[Feature]
    inputs: Inputs

    def __call__(self, table: Columns) -> Any:
        """Make the DataFrame: numbers as float64 with NaN, strings with "" for missing."""
        return frame_of(self.inputs, add_features(table, self.features, self.columns))


def frame_of(inputs: Inputs, columns: Columns) -> Any:
    """Make the DataFrame of `seatrial.model.engines.to_frame`, to the last bit, without copies in between."""
    import pandas as pd

    rows = len(next(iter(columns.values())))
    numbers = np.empty((len(inputs.numbers), rows), dtype=np.float64)
    for values, name in zip(numbers, inputs.numbers, strict=True):
        values[:] = columns[name]
    strings = np.empty((len(inputs.strings), rows), dtype=object)
    for values, name in zip(strings, inputs.strings, strict=True):
        values[:] = texts_of(columns[name])
    parts = [
        pd.DataFrame(block.T, columns=list(names), dtype=block.dtype, copy=False)
        for block, names in ((numbers, inputs.numbers), (strings, inputs.strings))
        if names or not inputs.names
    ]
    return parts[0] if len(parts) == 1 else pd.concat(parts, axis=1)


def every_input(columns: Sequence[Column], features: Sequence[Feature]) -> Inputs:
    """Return all columns and features that an engine can take; dates and similar types only through features."""
    plain = [c for c in columns if c.kind != "other"]
    numbers = [c.name for c in plain if c.numeric] + [f.name for f in features if f.numeric]
    strings = [c.name for c in plain if not c.numeric] + [f.name for f in features if not f.numeric]
    return Inputs(tuple(numbers), tuple(strings))


def fit(
    project: ProjectSettings,
    frame: Any,
    target: Array,
    alter: Alter | None = None,
    held_back: Callable[[], Array] | None = None,
    weights: Array | None = None,
    split: InnerSplit | None = None,
) -> Any:
    """Build the project's pipeline and fit it, with the project's seed wherever the pipeline sets none.

    `alter` may change the pipeline and returns the target to fit it to; the proof of a gate injects faults with it.
    `held_back` gives the positions of the rows (k,) by which a model is stopped early, if the pipeline asks for that.
    `weights` (n,) of the rows go to its last step. Folds inside of it follow the `split`.
    """
    from threadpoolctl import threadpool_limits

    pipeline = build_pipeline(project)
    _refuse_rankers(pipeline)
    target = numbered(pipeline, target)
    seed_pipeline(pipeline, project.seed, target)
    if alter is not None:
        target = alter(pipeline, target)
    try:
        with threadpool_limits(project.threads or os.cpu_count()):
            fit_pipeline(pipeline, frame, target, held_back, fit_parameters(pipeline, weights), split)
    except (SeatrialError, MemoryError):
        raise
    except Exception as error:
        raise fit_error(project, pipeline, list(frame.columns), error) from error
    return pipeline


def _refuse_rankers(pipeline: Any) -> None:
    """Raise SeatrialError for a model that learns the order of rows within queries, which `fit` is not told."""
    model = last_estimator(pipeline)
    if library_of(model) and type(model).__name__.endswith("Ranker"):
        name = type(model).__name__
        raise SeatrialError(
            f"{name} ranks the rows of a query among each other, and `seatrial train` has no queries.",
            hint="Predict the relevance of each row with a regressor and sort by it, or fit the ranker yourself and "
            "convert it: `seatrial exact` certifies the graph.",
        )


def numbered(pipeline: Any, target: Array) -> Array:
    """Number the labels from 0 in sort order, as the release's classes are, for classifiers that take nothing else."""
    parts = (pipeline, *pipeline.get_params().values())
    if not any(f"{kind.__module__}.{kind.__qualname__}" == NUMBERED for part in parts for kind in type(part).__mro__):
        return target
    return np.unique(target, return_inverse=True)[1]


def used_inputs(pipeline: Any, frame: Any, inputs: Inputs) -> Inputs:
    """Keep the inputs that the pipeline's first ColumnTransformer selects by name; else all of them."""
    from sklearn.compose import ColumnTransformer

    first = pipeline
    while hasattr(first, "steps"):
        first = first.steps[0][1]
    if not isinstance(first, ColumnTransformer):
        return inputs
    used: set[str] = set()
    for _, transformer, names in first.transformers_:
        if isinstance(transformer, str) and transformer == "drop":
            continue
        listed = [names] if isinstance(names, str) else list(names) if isinstance(names, (list, tuple)) else names
        if not isinstance(listed, list) or not all(isinstance(name, str) for name in listed):
            return inputs
        used.update(listed)
    assert used <= set(frame.columns)
    return Inputs(
        tuple(name for name in inputs.numbers if name in used),
        tuple(name for name in inputs.strings if name in used),
    )


def scores_of(pipeline: Any, frame: Any) -> Array:
    """Score with the pipeline itself: (n, n_classes) probabilities, or (n,) predictions of a regression.

    Raises SeatrialError where it fails on a row that the schema allows.
    """
    from sklearn.base import is_classifier

    classifies = is_classifier(pipeline)
    if classifies and not hasattr(pipeline, "predict_proba"):
        last = last_estimator(pipeline)
        hard = getattr(last, "voting", "") == "hard"
        raise SeatrialError(
            f"{type(last).__name__} predicts no probabilities.",
            hint='Set voting="soft".'
            if hard
            else "Use a classifier with predict_proba, or wrap this one in CalibratedClassifierCV.",
        )
    try:
        return np.asarray((pipeline.predict_proba if classifies else pipeline.predict)(frame), dtype=np.float64)
    except (SeatrialError, MemoryError):
        raise
    except Exception as error:
        line = first_line(error).rstrip(".")
        raise SeatrialError(
            f"The pipeline fails on rows that the schema allows: {line}.",
            hint='Impute missing values and set handle_unknown="ignore" in encoders, or make the schema reject such '
            "rows: without `| str`, a category accepts only the values that it lists.",
        ) from error
