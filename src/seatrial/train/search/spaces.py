"""What a search may try: a range for each parameter of a known estimator, or the project's own function `space`."""

import ast
import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.core.project import ProjectSettings, importable

WRAPPED = ("estimator", "regressor", "classifier")  # the parameters by which an estimator holds another
DIGITS = 3  # significant ones of a tried number: what is tried can be read in pipeline.py, and is the same there


@dataclass(frozen=True)
class Range:
    """The values of one number: from `low` to `high`, both included; `log` tries each order of magnitude as often."""

    low: float
    high: float
    log: bool = True
    whole: bool = False
    listed: bool = False  # the parameter takes a list

    def suggested(self, trial: Any, name: str) -> Any:
        """Ask Optuna for a value."""
        if self.whole:
            return trial.suggest_int(name, int(self.low), int(self.high), log=self.log)
        value = float(f"{trial.suggest_float(name, self.low, self.high, log=self.log):.{DIGITS}g}")
        return [value] if self.listed else value


@dataclass(frozen=True)
class Space:
    """A search space: a function of an Optuna trial that gives values by parameter name, and what defines it."""

    values: Callable[[Any], dict[str, Any]]
    definition: str


_TASKS = ("Classifier", "Regressor")
_RATE = Range(0.01, 0.3)
_TREES = Range(50, 1000, whole=True)
_SHARE = Range(0.4, 1.0, log=False)
_LEAF = Range(5, 100, whole=True)
_BOOSTED = {
    "learning_rate": _RATE,
    "max_iter": Range(50, 500, whole=True),
    "max_leaf_nodes": Range(4, 64, whole=True),
    "min_samples_leaf": _LEAF,
    "l2_regularization": Range(1e-3, 10),
}
_FOREST = {"min_samples_leaf": Range(1, 50, whole=True), "max_features": Range(0.1, 1.0, log=False)}
_XGBOOST = {
    "n_estimators": _TREES,
    "learning_rate": _RATE,
    "max_depth": Range(2, 10, log=False, whole=True),
    "min_child_weight": Range(0.1, 20),
    "subsample": Range(0.5, 1.0, log=False),
    "colsample_bytree": _SHARE,
    "reg_lambda": Range(0.01, 100),
}
_LIGHTGBM = {
    "n_estimators": _TREES,
    "learning_rate": _RATE,
    "num_leaves": Range(4, 128, whole=True),
    "min_child_samples": _LEAF,
    "colsample_bytree": _SHARE,
    "reg_lambda": Range(1e-3, 100),
}
_CATBOOST = {
    "iterations": _TREES,
    "learning_rate": _RATE,
    "depth": Range(3, 8, log=False, whole=True),
    "l2_leaf_reg": Range(1, 30),
    "random_strength": Range(0.1, 10),
}
# By the estimator's class name, so that no library is imported that the project does not use.
SPACES: Mapping[str, Mapping[str, Range]] = {
    "LogisticRegression": {"C": Range(1e-3, 100)},
    "Ridge": {"alpha": Range(1e-3, 1e4)},
    "RidgeCV": {"alphas": Range(1e-3, 1e4, listed=True)},
    "Lasso": {"alpha": Range(1e-4, 100)},
    "ElasticNet": {"alpha": Range(1e-4, 100), "l1_ratio": Range(0.05, 0.95, log=False)},
    **dict.fromkeys((f"HistGradientBoosting{task}" for task in _TASKS), _BOOSTED),
    **dict.fromkeys((f"{kind}{task}" for kind in ("RandomForest", "ExtraTrees") for task in _TASKS), _FOREST),
    **dict.fromkeys((f"XGB{task}" for task in _TASKS), _XGBOOST),
    **dict.fromkeys((f"LGBM{task}" for task in _TASKS), _LIGHTGBM),
    **dict.fromkeys((f"CatBoost{task}" for task in _TASKS), _CATBOOST),
}


def space_of(project: ProjectSettings, pipeline: Any) -> Space:
    """The project's own `space` in pipeline.py, or the one of the pipeline's last estimator.

    Raises SeatrialError where neither is known.
    """
    with importable(project):
        module = importlib.import_module(f"{project.package}.pipeline")
        own = getattr(module, "space", None)
        if callable(own):
            return Space(lambda trial: _own_values(project, own, trial), inspect.getsource(own))
    prefix, estimator = searched_estimator(pipeline)
    ranges = SPACES.get(type(estimator).__name__)
    if ranges is None:
        raise SeatrialError(
            f"There is no search space for {type(estimator).__name__}.",
            hint=f"Write a function space(trial) in {project.package}/pipeline.py that returns values by parameter, "
            f'as {{"{prefix}NAME": trial.suggest_float("NAME", 0.1, 10, log=True)}}.',
        )

    def values(trial: Any) -> dict[str, Any]:
        return {f"{prefix}{name}": each.suggested(trial, name) for name, each in ranges.items()}

    return Space(values, f"{type(estimator).__name__} {ranges}")


def searched_estimator(pipeline: Any) -> tuple[str, Any]:
    """The estimator whose parameters are searched, and the prefix of their names: "model__"."""
    prefix, estimator = "", pipeline
    while True:
        if hasattr(estimator, "steps"):
            name, inner = estimator.steps[-1]
        elif type(estimator).__name__ in SPACES:
            return prefix, estimator
        else:
            held = estimator.get_params(deep=False) if hasattr(estimator, "get_params") else {}
            name, inner = next(((n, held[n]) for n in WRAPPED if hasattr(held.get(n), "get_params")), ("", None))
        if inner is None:
            return prefix, estimator
        prefix, estimator = f"{prefix}{name}__", inner


def _own_values(project: ProjectSettings, own: Callable[[Any], Any], trial: Any) -> dict[str, Any]:
    with importable(project):
        values = own(trial)
    where = f"{project.package}/pipeline.py: space(trial)"
    if not isinstance(values, dict) or not values or not all(isinstance(name, str) for name in values):
        raise SeatrialError(
            f"{where} must return values by the names of parameters.",
            hint='Example: {"model__C": trial.suggest_float(...)}.',
        )
    for name, value in values.items():
        try:
            ast.literal_eval(repr(value))
        except (ValueError, SyntaxError):
            raise SeatrialError(
                f"{where} gives {name} the value {value!r}, which cannot be written as code.",
                hint="Use numbers, texts, True, False, None, and lists or tuples of them.",
            ) from None
    return values
