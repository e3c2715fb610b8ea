"""The models that pipeline.py may have: for each, its class and the parameters that suit a table's size."""

from dataclasses import dataclass
from typing import Literal, get_args

from seatrial.core.model_libraries import MODEL_LIBRARIES, installed_libraries
from seatrial.template.codegen.literals import WIDTH

Model = Literal["logistic", "boosting", "forest", "lightgbm", "xgboost", "catboost"]
# The simplest first: linear, gradient boosted trees, a random forest, and then those that need a library of their own.
MODELS: tuple[Model, ...] = get_args(Model)
TINY, SMALL, MEDIUM, LARGE = 100, 1_000, 10_000, 50_000

CLASSES = {  # the module and the start of the class's name
    "forest": ("sklearn.ensemble", "RandomForest"),
    "boosting": ("sklearn.ensemble", "HistGradientBoosting"),
    "lightgbm": ("lightgbm", "LGBM"),
    "xgboost": ("xgboost", "XGB"),
    "catboost": ("catboost", "CatBoost"),
}
# For tables of fewer rows than TINY, SMALL and MEDIUM, and for others. In the smallest, a leaf of 10 rows would allow
# no split at all, and 150 trees would learn the noise. Chosen by cross-validation on other tables than those that
# `python -m benchmarks auto` reports: many small trees, each from some of the rows and columns, were best everywhere.
SUBSAMPLE = "subsample=0.8, subsample_freq=1"
BOOSTED: dict[str, tuple[str, str, str, str]] = {
    "boosting": (
        "learning_rate=0.05, max_leaf_nodes=3, max_iter=60, min_samples_leaf=4",
        "learning_rate=0.05, max_leaf_nodes=8, max_iter=150, min_samples_leaf=10",
        "learning_rate=0.05, max_leaf_nodes=16, max_iter=200",
        "learning_rate=0.1, max_iter=200",
    ),
    "lightgbm": (
        "learning_rate=0.05, num_leaves=3, n_estimators=60, min_child_samples=4",
        f"learning_rate=0.05, num_leaves=8, n_estimators=150, min_child_samples=10, colsample_bytree=0.5, {SUBSAMPLE}",
        f"learning_rate=0.05, num_leaves=8, n_estimators=300, colsample_bytree=0.4, {SUBSAMPLE}",
        "learning_rate=0.1, n_estimators=200",
    ),
    "xgboost": (
        "learning_rate=0.05, max_depth=2, n_estimators=60",
        "learning_rate=0.05, max_depth=3, n_estimators=150, colsample_bytree=0.5, subsample=0.8",
        "learning_rate=0.05, max_depth=3, n_estimators=300, min_child_weight=3, colsample_bytree=0.4, subsample=0.8",
        "learning_rate=0.1, max_depth=6, n_estimators=200",
    ),
    "catboost": (
        "learning_rate=0.05, depth=2, iterations=100",
        "learning_rate=0.05, depth=4, iterations=300",
        "depth=4, iterations=1000",  # its own learning rate, from the number of rows
        "learning_rate=0.1, depth=6, iterations=800",
    ),
}
ALWAYS = {
    # The fastest way to make histograms is found by a stopwatch, unless one is chosen, and sums differ between them.
    "lightgbm": ", deterministic=True, force_row_wise=True, n_jobs=1, verbose=-1",
    "xgboost": ", n_jobs=1",
    # Combinations of categories would make the graph slow, and catboost_info/ would be a folder of the project.
    "catboost": ", max_ctr_complexity=1, allow_writing_files=False, thread_count=1, verbose=0",
}


@dataclass(frozen=True)
class ModelCode:
    """The line that makes the model, with a comment above it if its parameters need one, and the class to import."""

    module: str
    name: str
    line: str


def available_models() -> tuple[Model, ...]:
    """The models whose library is installed, the simplest first."""
    installed = installed_libraries()
    return tuple(model for model in MODELS if model not in MODEL_LIBRARIES or model in installed)


def estimator_of(model: Model, *, regression: bool, rows: int, categories: str = "") -> ModelCode:
    """The code of a model for a table of so many rows; `categories` is the list of those that CatBoost gets as text."""
    comment = ""
    if model == "logistic":
        module, name, options = "sklearn.linear_model", "LogisticRegression", "C=1.0, max_iter=1000"
        if regression:
            comment = "    # The strength of regularisation is chosen by leave-one-out cross-validation.\n"
            name, options = "RidgeCV", "alphas=[0.1, 0.3, 1, 3, 10, 30, 100, 300]"
        return ModelCode(module, name, comment + _line(name, options))
    module, start = CLASSES[model]
    name = start + ("Regressor" if regression else "Classifier")
    if model == "forest":
        options = "n_estimators=200, min_samples_leaf=2" if rows <= LARGE else "n_estimators=60, min_samples_leaf=20"
        return ModelCode(module, name, _line(name, options + (", max_features=0.33" if regression else "")))
    size = 0 if rows < TINY else 1 if rows < SMALL else 2 if rows <= MEDIUM else 3
    comment = "    # Few rows: a low learning rate and small trees.\n" if size < 2 else ""
    options = BOOSTED[model][size] + ALWAYS.get(model, "")
    options += f", cat_features=list(range(len({categories})))" if categories else ""
    return ModelCode(module, name, comment + _line(name, options))


def _line(name: str, options: str) -> str:
    """The call in ruff's format: in one line, its arguments in a line of their own, or each in one."""
    line = f"    model = {name}({options})\n"
    if len(line) <= WIDTH + 1:
        return line
    inner = f"        {options}\n" if len(options) + 8 <= WIDTH else _one_each(options)
    return f"    model = {name}(\n{inner}    )\n"


def _one_each(options: str) -> str:
    return "".join(f"        {option},\n" for option in options.split(", "))
