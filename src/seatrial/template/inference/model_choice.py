"""Chooses a model by cross-validation within a time limit, and reports the scores of each.

The code that the project would get is what is run, in memory: its schema, its feature functions, its pipeline.
"""

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from seatrial.core.errors import SeatrialError
from seatrial.core.random_state import seed_pipeline
from seatrial.model.engines import to_frame
from seatrial.model.features import add_features, features_in
from seatrial.model.inputs import Inputs, stack_columns
from seatrial.model.schema import columns_of, schema_in
from seatrial.pages.words import plain
from seatrial.template.codegen.features import Features, feature_code
from seatrial.template.codegen.model_code import Model, available_models
from seatrial.template.codegen.pipeline import pipeline_code
from seatrial.template.codegen.schema import schema_code
from seatrial.template.command import run_text
from seatrial.template.inference.folds import folds_of
from seatrial.template.records import Examination

MOST_ROWS = 20_000
FOLDS = 5
SECONDS = 60.0
FEWEST_FOLDS = 3  # needed to call two models equal
LARGEST_LOSS = 0.003  # share of the better score that a simpler model may lose
MEASURES = {
    "binary": ("ROC AUC", "roc_auc", 1),
    "multiclass": ("log loss", "neg_log_loss", -1),
    "regression": ("root mean squared error", "neg_root_mean_squared_error", -1),
}


@dataclass(frozen=True)
class ModelScores:
    """One model with its scores, one per fold, errors as positive numbers; no scores if it was too slow."""

    model: Model
    scores: tuple[float, ...]
    seconds: float
    note: str = ""

    @property
    def mean(self) -> float:
        """The mean score."""
        return float(np.mean(self.scores)) if self.scores else float("nan")


@dataclass(frozen=True)
class Choice:
    """The model chosen, why, by which measure, and the scores of all models."""

    model: Model
    why: str
    measure: str
    scores: tuple[ModelScores, ...]


def choose_model(
    examination: Examination,
    *,
    seconds: float = SECONDS,
    seed: int = 1912,
    progress: Callable[[str], None] = lambda _: None,
) -> Choice:
    """Cross-validate each model on the same folds and choose the best, or a simpler one that is not clearly worse.

    Models of libraries that are not installed are left out.
    Each fold is run with all models before the next, so that a time limit leaves them comparable: after `seconds` no
    further fit is started, and models are compared on the folds that all of them have.
    """
    from sklearn.metrics import get_scorer
    from threadpoolctl import threadpool_limits

    task = examination.target.task
    measure, scorer_name, sign = MEASURES[task]
    rows = np.arange(examination.rows)
    if len(rows) > MOST_ROWS:
        rows = np.sort(np.random.default_rng(seed).choice(rows, MOST_ROWS, replace=False))
    target = _target(examination, rows)
    smallest = len(rows) if task == "regression" else int(np.unique(target, return_counts=True)[1].min())
    if smallest < 2:
        raise SeatrialError(
            "A class occurs in only one of the sampled rows, so models cannot be compared.",
            hint="Choose a model yourself.",
        )
    folds = folds_of(examination, rows, target, min(FOLDS, smallest), seed=seed)
    score = get_scorer(scorer_name)
    started = time.monotonic()
    models = available_models()
    scores: dict[Model, list[float]] = {model: [] for model in models}
    spent = dict.fromkeys(models, 0.0)
    notes: dict[Model, str] = {}
    features = feature_code(examination)
    frame = _frame(examination, features, rows)
    for number, (train, test) in enumerate(folds, 1):
        for model in models:
            begun = time.monotonic()
            slow = number > 1 and begun - started + spent[model] / (number - 1) > seconds
            late = begun - started > seconds and any(scores.values())  # at least one fit is needed
            if model in notes or late or slow:
                notes.setdefault(model, f"stopped after {len(scores[model])} of {len(folds)} folds by the time limit")
                continue
            progress(f"trying {model}, fold {number} of {len(folds)}")
            pipeline = run_text("pipeline", pipeline_code(examination, features, model), "pipeline.py").build()
            seed_pipeline(pipeline, seed, target)
            with warnings.catch_warnings(), threadpool_limits(1):  # as in training; with few rows it is also faster
                warnings.simplefilter("ignore")
                try:
                    pipeline.fit(frame.iloc[train], target[train])
                    scores[model].append(sign * float(score(pipeline, frame.iloc[test], target[test])))
                except (ValueError, FloatingPointError) as error:
                    notes[model] = f"could not be fitted: {str(error).splitlines()[0]}"
            spent[model] += time.monotonic() - begun
    results = tuple(ModelScores(m, tuple(scores[m]), spent[m], notes.get(m, "")) for m in models)
    return _choice(results, measure, sign)


def _choice(results: tuple[ModelScores, ...], measure: str, sign: int) -> Choice:
    scored = [result for result in results if result.scores and np.isfinite(result.mean)]  # the simplest first
    if not scored:
        notes = "; ".join(f"{result.model}: {result.note}" for result in results)
        raise SeatrialError(f"No model could be tried: {notes}.", hint="Choose a model yourself.")
    shared = min(len(result.scores) for result in scored)
    best = max(scored, key=lambda result: sign * float(np.mean(result.scores[:shared])))
    for simpler in scored[: scored.index(best)]:
        losses = sign * (np.array(best.scores[:shared]) - np.array(simpler.scores[:shared]))
        error = float(losses.std(ddof=1)) / np.sqrt(shared) if shared > 1 else 0.0
        if shared >= FEWEST_FOLDS and losses.mean() <= min(error, LARGEST_LOSS * abs(best.mean)):
            other = f"it is simpler, and {best.model} with {plain(best.mean)} is not clearly better"
            return Choice(simpler.model, f"{plain(simpler.mean)} {measure}; {other}", measure, results)
    others = ", ".join(f"{result.model} {plain(result.mean)}" for result in scored if result is not best)
    return Choice(best.model, f"{plain(best.mean)} {measure}" + (f"; {others}" if others else ""), measure, results)


def _target(examination: Examination, rows: Any) -> Any:
    target = examination.target
    values = target.values.to_numpy(zero_copy_only=False)[rows]
    if target.task == "regression":
        return values.astype(np.float64)
    codes = {label: code for code, label in enumerate(target.ordered)}
    return np.array([codes[value] for value in values.tolist()])


def _frame(examination: Examination, code: Features, rows: Any) -> Any:
    """The DataFrame that the pipeline would receive, features included."""
    schema = schema_in(run_text("schema", schema_code(examination, row="Row", about="A row."), "schema.py"))
    columns = columns_of(schema)
    features = features_in(run_text("features", code.text, "features.py"), columns)
    table: dict[str, Any] = {}
    for facts in examination.used:
        values = facts.values.take(pa.array(rows))
        column = next(c for c in columns if c.name == facts.name)
        if column.numeric:
            table[facts.name] = np.asarray(values.cast(pa.float64()).to_numpy(zero_copy_only=False))
        else:
            table[facts.name] = np.fromiter(values.to_pylist(), dtype=object, count=len(values))
    derived = add_features(table, features, columns)
    plain = [c for c in columns if c.kind != "other"]
    inputs = Inputs(
        (*(c.name for c in plain if c.numeric), *(f.name for f in features if f.numeric)),
        (*(c.name for c in plain if not c.numeric), *(f.name for f in features if not f.numeric)),
    )
    return to_frame(inputs, *stack_columns(inputs, derived))
