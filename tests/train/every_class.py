"""Every estimator of scikit-learn, after prepared columns and alone."""

import inspect
from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.experimental import enable_halving_search_cv, enable_iterative_imputer  # noqa: F401 - see all_estimators
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils import all_estimators
from tests.train.pipeline_cases import columns

# What some classes need to be made at all.
_PARTS = {
    "estimator": (LogisticRegression(), Ridge()),
    "estimators": ([("a", LogisticRegression())], [("a", Ridge())]),
    "transformers": ([("a", MinMaxScaler(), [0])],) * 2,
    "transformer_list": ([("a", MinMaxScaler())],) * 2,
    "steps": ([("a", MinMaxScaler()), ("b", LogisticRegression())],) * 2,
    "param_grid": ({},) * 2,
    "param_distributions": ({"C": [0.5, 1.0]},) * 2,
    "dictionary": (np.eye(2),) * 2,
}


def _made(kind: Any) -> Any:
    needed = [
        name
        for name, parameter in inspect.signature(kind).parameters.items()
        if name in _PARTS and (parameter.default is parameter.empty or kind.__name__ == "SelfTrainingClassifier")
    ]
    numbers = issubclass(kind, RegressorMixin)
    options = {name: _PARTS[name][numbers] for name in needed}
    known = inspect.signature(kind).parameters
    options |= {name: 5 for name in ("n_estimators", "max_iter") if name in known and "Halving" not in kind.__name__}
    return kind(**options)


def every_estimator() -> Iterator[tuple[str, str, Any]]:
    """Yield a name, a table and a pipeline for each public class: after prepared columns, and without any."""
    for name, kind in all_estimators():
        estimator = _made(kind)
        targets = ["amount"] if issubclass(kind, RegressorMixin) else ["two", "three"]
        transforms = hasattr(kind, "transform") and not hasattr(kind, "predict")
        for target in targets[:1] if transforms else targets:
            last = [estimator, LogisticRegression(max_iter=300)] if transforms else [estimator]
            yield f"{name} {target}", target, make_pipeline(columns(), *last)
        yield f"{name} alone", targets[0], estimator
