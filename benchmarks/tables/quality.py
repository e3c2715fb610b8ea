"""How good the models are that `seatrial new` writes for a table, next to plain scikit-learn on the same rows.

Baselines are fitted on the same split and the same columns: HistGradientBoosting, LightGBM, XGBoost and CatBoost with
defaults, and logistic (ridge) regression behind one-hot and scaling. `auto` is what `choose_model` chooses from the
training rows alone. Which columns are used, and as what, was decided on all rows before, for every model and baseline.
"""

import tempfile
import time
import warnings
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss, r2_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from tests.template.projects import render
from threadpoolctl import threadpool_limits

from seatrial.core.model_libraries import MODEL_LIBRARIES, installed_libraries
from seatrial.template.codegen.model_code import CLASSES, available_models
from seatrial.template.inference.examination import examine
from seatrial.template.inference.model_choice import choose_model
from seatrial.template.reading.source import read_source
from seatrial.template.records import Examination
from seatrial.train.recipe import read_recipe

LARGE = 50_000  # rows; above this, only one split and fewer models are measured
BASELINES = ("plain boosting", "plain linear", *(f"plain {name}" for name in MODEL_LIBRARIES))
DRAWS = 200  # of the held-out rows, to estimate the noise


def measure_table(location: str, target: str, query: str, seeds: int) -> dict[str, Any]:
    """Held-out scores of all models for the table at a location."""
    examination = examine(read_source(location, query=query), target)
    with threadpool_limits(1):
        return measure(examination, seeds)


def measure(examination: Examination, seeds: int) -> dict[str, Any]:
    """Held-out scores of all models, as means of the splits; `noise` is the error of auto's lead over a baseline."""
    warnings.simplefilter("ignore")
    task = examination.target.task
    large = examination.rows > LARGE
    scores: dict[str, list[float]] = {}
    chosen: list[str] = []
    noise: list[float] = []
    for seed in range(1 if large else seeds):
        answers: dict[str, Any] = {}
        with tempfile.TemporaryDirectory() as folder:
            recipe = None
            for model in ("boosting",) if large else available_models():
                project = replace(render(Path(folder) / model, examination, model), seed=seed)
                recipe = read_recipe(project, drop_bad_rows=False)
                answers[model] = recipe.fit()(recipe.held_out)
        assert recipe is not None
        train, test = recipe.split.train, recipe.split.test
        truth, classes = recipe.table.target[test], recipe.table.classes
        clock = time.monotonic()
        choice = choose_model(_take(examination, train), seed=seed)
        scores.setdefault("seconds of auto", []).append(time.monotonic() - clock)
        chosen.append(choice.model)
        if choice.model in answers:
            answers["auto"] = answers[choice.model]
        frame = pd.DataFrame(
            {c.name: c.values.to_pandas() for c in examination.used if c.kind not in ("text", "date", "moment")}
        )
        if frame.shape[1]:
            for name, pipeline in _baselines(frame, task, seed).items():
                labels = recipe.table.target[train]
                labels = labels if task == "regression" else np.unique(labels, return_inverse=True)[1]  # for XGBoost
                pipeline.fit(frame.iloc[train], labels)
                ask = pipeline.predict if task == "regression" else pipeline.predict_proba
                answers[name] = ask(frame.iloc[test])
        for name, each in answers.items():
            scores.setdefault(name, []).append(_score(task, truth, each, classes))
        noise.append(_noise(task, truth, answers, classes, seed))
    return {name: float(np.mean(values)) for name, values in scores.items()} | {
        "chosen": ",".join(chosen),
        "noise": float(np.mean(noise)),
    }


def _noise(task: str, truth: Any, answers: dict[str, Any], classes: Any, seed: int) -> float:
    """The standard error of the difference to the better baseline, over bootstrap samples of the held-out rows."""
    ours = answers.get("auto", answers["boosting"])
    fitted = [name for name in BASELINES if name in answers]
    if not fitted:
        return 0.0
    best = answers[max(fitted, key=lambda name: _score(task, truth, answers[name], classes))]
    generator = np.random.default_rng(seed)
    differences = []
    for _ in range(DRAWS if len(truth) < LARGE else DRAWS // 10):
        rows = generator.integers(0, len(truth), len(truth))
        if len(np.unique(truth[rows])) < 2:
            continue
        first, second = (_score(task, truth[rows], each[rows], classes) for each in (ours, best))
        differences.append(first - second)
    return float(np.std(differences)) if differences else 0.0


def _take(examination: Examination, rows: Any) -> Examination:
    columns = tuple(replace(c, values=c.values.take(rows)) for c in examination.columns)
    target = replace(examination.target, values=examination.target.values.take(rows))
    return replace(examination, columns=columns, target=target, rows=len(rows))


def _baselines(frame: pd.DataFrame, task: str, seed: int) -> dict[str, Any]:
    texts = [name for name in frame if not pd.api.types.is_numeric_dtype(frame[name]) or frame[name].dtype == bool]
    numbers = [name for name in frame if name not in texts]
    for name in texts:
        frame[name] = frame[name].astype(object).where(frame[name].notna(), "").astype(str)
    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False, max_categories=200)
    plain = make_column_transformer((one_hot, texts), ("passthrough", numbers))
    scaled = make_column_transformer(
        (one_hot, texts), (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers)
    )
    regression = task == "regression"
    boosting = HistGradientBoostingRegressor if regression else HistGradientBoostingClassifier
    linear = Ridge() if regression else LogisticRegression(max_iter=2000)
    return {
        "plain boosting": make_pipeline(plain, boosting(random_state=seed)),
        "plain linear": make_pipeline(scaled, linear),
        **{f"plain {name}": _library(name, plain, texts, numbers, regression) for name in installed_libraries()},
    }


def _library(name: str, plain: Any, texts: list[str], numbers: list[str], regression: bool) -> Any:
    """One of the libraries with its defaults, on one thread; CatBoost gets texts as they are."""
    options = {"lightgbm": {"n_jobs": 1, "verbose": -1}, "xgboost": {"n_jobs": 1}}.get(name, {})
    if name == "catboost":
        plain = make_column_transformer(("passthrough", texts), ("passthrough", numbers))
        options = {
            "verbose": 0,
            "allow_writing_files": False,
            "thread_count": 1,
            "cat_features": list(range(len(texts))),
        }
    start = CLASSES[name][1]
    kind = getattr(import_module(name), f"{start}{'Regressor' if regression else 'Classifier'}")
    return make_pipeline(plain, kind(**options))


def _score(task: str, truth: Any, scores: Any, classes: Any) -> float:
    if task == "regression":
        return float(r2_score(truth, scores))
    if task == "binary":
        return float(roc_auc_score(truth == classes[-1], scores[:, -1]))
    return float(-log_loss(truth, scores, labels=list(classes)))
