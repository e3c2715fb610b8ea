"""`python -m benchmarks.tables --data FOLDER`: the models written for real tables, beside plain scikit-learn baselines.

Each table is rendered as a project, and split by the project's own rule. On the same rows, with the same columns, two
baselines are fitted: HistGradientBoosting with defaults, and logistic (ridge) regression behind one-hot and scaling.
`auto` is what `choose_model` takes by the training rows alone. Which columns are used, and as what, was decided by all
rows before, for every model and baseline alike.
"""

import argparse
import json
import tempfile
import time
import warnings
from dataclasses import replace
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

from seatrial.template import Examination, choose_model, examine, read_source
from seatrial.template.coding.pipelinecode import MODELS
from seatrial.train.recipe import read_recipe

TABLES = (
    ("titanic.csv", "survived"),
    ("churn.csv", "churn"),
    ("penguins.csv", "species"),
    ("mpg.csv", "mpg"),
    ("ames.csv", "price"),
    *((f"sklearn:{name}", "") for name in ("iris", "wine", "breast_cancer", "digits", "diabetes", "linnerud")),
)


def main() -> None:
    """Measure the tables there are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="the folder with the tables that are not scikit-learn's own")
    parser.add_argument("--only", nargs="*", default=[], help="tables whose names hold one of these")
    parser.add_argument("--seeds", type=int, default=3, help="splits, of which the mean is given (default: 3)")
    parser.add_argument("--output", type=Path, help="a JSON file to write")
    given = parser.parse_args()
    results: dict[str, Any] = {}
    for name, target in TABLES:
        if given.only and not any(part in name for part in given.only):
            continue
        place = name if ":" in name else str(given.data / name) if given.data else ""
        if not place:
            print(f"{name}: left out, since --data names no folder", flush=True)
            continue
        examination = examine(read_source(place), target)
        with threadpool_limits(1):
            results[name] = measure(examination, given.seeds)
        shown = "  ".join(f"{k} {v:.4f}" if isinstance(v, float) else f"{k} {v}" for k, v in results[name].items())
        print(f"{name}: {shown}", flush=True)
    if given.output:
        given.output.write_text(json.dumps(results, indent=1) + "\n")


def measure(examination: Examination, seeds: int) -> dict[str, Any]:
    """Held-out scores of all, averaged over splits."""
    warnings.simplefilter("ignore")
    task = examination.target.task
    scores: dict[str, list[float]] = {}
    chosen: list[str] = []
    for seed in range(seeds):
        recipes = {}
        with tempfile.TemporaryDirectory() as folder:
            for model in MODELS:
                project = replace(render(Path(folder) / model, examination, model), seed=seed)
                recipes[model] = recipe = read_recipe(project, drop_bad_rows=False)
                truth = recipe.table.target[recipe.split.test]
                scores.setdefault(model, []).append(
                    _score(task, truth, recipe.fit()(recipe.held_out), recipe.table.classes)
                )
        train, test = recipe.split.train, recipe.split.test
        begun = time.monotonic()
        choice = choose_model(_only(examination, train), seconds=60, seed=seed)
        scores.setdefault("seconds of auto", []).append(time.monotonic() - begun)
        chosen.append(choice.model)
        scores.setdefault("auto", []).append(scores[choice.model][-1])
        frame = pd.DataFrame(
            {c.name: c.values.to_pandas() for c in examination.used if c.kind not in ("text", "date", "moment")}
        )
        for name, pipeline in _baselines(frame, task, seed).items():
            pipeline.fit(frame.iloc[train], recipe.table.target[train])
            given = (
                pipeline.predict(frame.iloc[test]) if task == "regression" else pipeline.predict_proba(frame.iloc[test])
            )
            scores.setdefault(name, []).append(_score(task, truth, given, recipe.table.classes))
    return {name: float(np.mean(values)) for name, values in scores.items()} | {"chosen": ",".join(chosen)}


def _only(examination: Examination, rows: Any) -> Examination:
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
    }


def _score(task: str, truth: Any, scores: Any, classes: Any) -> float:
    if task == "regression":
        return float(r2_score(truth, scores))
    if task == "binary":
        return float(roc_auc_score(truth == classes[-1], scores[:, -1]))
    return float(-log_loss(truth, scores, labels=list(classes)))


if __name__ == "__main__":
    main()
