"""Every estimator of scikit-learn, and pipelines as people write them, for three small tables."""

import inspect
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_selector, make_column_transformer
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.experimental import enable_halving_search_cv, enable_iterative_imputer  # noqa: F401 - see all_estimators
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.feature_selection import SelectFromModel, SelectKBest
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, WhiteKernel
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import Lasso, LinearRegression, LogisticRegression, Ridge, RidgeClassifier, SGDClassifier
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    RandomizedSearchCV,
    StratifiedKFold,
    TunedThresholdClassifierCV,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputRegressor
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)
from sklearn.svm import SVC, LinearSVC
from sklearn.utils import all_estimators

SCHEMA = '''
from typing import Literal

from pydantic import Field

from seatrial import Schema


class Row(Schema):
    """A row."""

    size: float = Field(ge=0, le=100)
    count: int = Field(ge=1, le=20)
    weight: float | None = Field(None, ge=0, le=10)
    colour: Literal["red", "blue"]
    kind: Literal["a", "b", "c"] | str | None = None
    note: str | None = None
'''
NUMBERS, GAPS, CATEGORIES = ["size", "half", "count"], ["weight"], ["colour", "kind"]
CURRENT: list[Any] = []  # what the projects' build() returns
TABLES = ("two", "three", "amount")  # binary, multiclass, regression


def table(target: str, rows: int = 120) -> str:
    """CSV of rows with numbers, gaps, categories and texts, and one of three targets."""
    draw = random.Random(3)
    lines = ["size,count,weight,colour,kind,note,y"]
    for _ in range(rows):
        size, count, colour = round(draw.uniform(0, 100), 1), draw.randint(1, 20), draw.choice(["red", "blue"])
        weight = "" if draw.random() < 0.2 else round(draw.uniform(0, 10), 2)
        kind, note = draw.choice(["a", "b", "c", ""]), draw.choice(["good day", "bad day", "no note", ""])
        raw = size / 20 + (colour == "red") + draw.gauss(0, 1)
        label = {"two": "yes" if raw > 3 else "no", "three": min(int(raw // 2) % 3, 2), "amount": round(2 + raw**2, 3)}
        lines.append(f"{size},{count},{weight},{colour},{kind},{note},{label[target]}")
    return "\n".join(lines) + "\n"


def columns(numbers: Any = None, *, dense: bool = True) -> ColumnTransformer:
    """Numbers, imputed gaps and one-hot categories; `numbers` in place of the scaler."""
    gaps = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), MinMaxScaler(clip=True))
    codes = OneHotEncoder(handle_unknown="ignore", sparse_output=not dense)
    return ColumnTransformer(
        [("n", numbers or MinMaxScaler(clip=True), NUMBERS), ("g", gaps, GAPS), ("c", codes, CATEGORIES)]
    )


def _pipelines() -> dict[str, tuple[str, Any]]:
    """The table and the pipeline by a name that says what is special about it."""
    log = LogisticRegression(max_iter=500)
    forest = RandomForestClassifier(10)
    two: dict[str, Any] = {
        "logistic": make_pipeline(columns(), log),
        "sparse one-hot": make_pipeline(columns(dense=False), log),
        "forest, all processors": make_pipeline(columns(), RandomForestClassifier(20, n_jobs=2)),
        "boosted": make_pipeline(columns(), GradientBoostingClassifier(n_estimators=10)),
        "histogram": make_pipeline(columns(), HistGradientBoostingClassifier(max_iter=10)),
        "histogram over codes": Pipeline(
            [
                (
                    "c",
                    make_column_transformer(
                        (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan), CATEGORIES),
                        ("passthrough", NUMBERS + GAPS),
                    ),
                ),
                ("m", HistGradientBoostingClassifier(max_iter=10, categorical_features=[0, 1])),
            ]
        ),
        "histogram alone": HistGradientBoostingClassifier(max_iter=10),
        "selected by dtype": make_pipeline(
            make_column_transformer(
                (make_pipeline(SimpleImputer(), StandardScaler()), make_column_selector(dtype_include="number")),
                (OneHotEncoder(handle_unknown="ignore"), CATEGORIES),
            ),
            log,
        ),
        "target encoder": make_pipeline(make_column_transformer((TargetEncoder(), CATEGORIES)), log),
        "infrequent": make_pipeline(
            make_column_transformer(
                (OneHotEncoder(min_frequency=0.3, handle_unknown="infrequent_if_exist"), CATEGORIES)
            ),
            log,
        ),
        "grid": GridSearchCV(make_pipeline(columns(), log), {"logisticregression__C": [0.1, 1]}, cv=2, verbose=2),
        "random search": RandomizedSearchCV(make_pipeline(columns(), log), {"logisticregression__C": [1, 2]}, n_iter=2),
        "shuffled folds": GridSearchCV(
            make_pipeline(columns(), log), {"logisticregression__C": [0.1, 1]}, cv=StratifiedKFold(3, shuffle=True)
        ),
        "search of models": GridSearchCV(Pipeline([("c", columns()), ("m", log)]), {"m": [log, forest]}, cv=2),
        "search around neighbours": make_pipeline(
            columns(), GridSearchCV(KNeighborsClassifier(), {"n_neighbors": [3, 5]}, cv=2)
        ),
        "calibrated support vectors": make_pipeline(columns(), CalibratedClassifierCV(LinearSVC(), cv=2)),
        "calibrated forest": CalibratedClassifierCV(make_pipeline(columns(), forest), method="isotonic", cv=2),
        "calibrated, shuffled": CalibratedClassifierCV(
            make_pipeline(columns(), forest), cv=StratifiedKFold(2, shuffle=True)
        ),
        "soft vote": make_pipeline(columns(), VotingClassifier([("a", log), ("b", forest)], voting="soft")),
        "hard vote": make_pipeline(columns(), VotingClassifier([("a", log), ("b", forest)])),
        "stack": make_pipeline(columns(), StackingClassifier([("a", forest), ("b", SVC())], log, cv=2)),
        "bagging": make_pipeline(columns(), BaggingClassifier(log, 3)),
        "boosting of trees": make_pipeline(columns(), AdaBoostClassifier(n_estimators=5)),
        "against the rest": make_pipeline(columns(), OneVsRestClassifier(log)),
        "fixed threshold": FixedThresholdClassifier(make_pipeline(columns(), log), threshold=0.3),
        "tuned threshold": TunedThresholdClassifierCV(make_pipeline(columns(), log), cv=2),
        "polynomial": make_pipeline(columns(make_pipeline(PolynomialFeatures(2), StandardScaler())), log),
        "spline": make_pipeline(columns(SplineTransformer()), log),
        "bins": make_pipeline(columns(KBinsDiscretizer(4, encode="onehot-dense")), log),
        "power": make_pipeline(columns(PowerTransformer()), log),
        "quantile": make_pipeline(columns(QuantileTransformer(n_quantiles=20)), log),
        "logarithm": make_pipeline(columns(FunctionTransformer(np.log1p)), log),
        "components": make_pipeline(columns(), PCA(3), log),
        "sparse components": make_pipeline(columns(dense=False), TruncatedSVD(3), log),
        "best columns": make_pipeline(columns(), SelectKBest(k=3), log),
        "columns of a forest": make_pipeline(columns(), SelectFromModel(forest), log),
        "union": make_pipeline(columns(), FeatureUnion([("a", PCA(2)), ("b", SelectKBest(k=2))]), log),
        "nystroem": make_pipeline(columns(), Nystroem(n_components=10), log),
        "neighbours impute": make_pipeline(ColumnTransformer([("n", KNNImputer(), NUMBERS + GAPS)]), log),
        "iterative imputer": make_pipeline(ColumnTransformer([("n", IterativeImputer(), NUMBERS + GAPS)]), log),
        "words": make_pipeline(
            ColumnTransformer([("t", CountVectorizer(), "note"), ("n", MinMaxScaler(), NUMBERS)]), log
        ),
        "word weights": make_pipeline(ColumnTransformer([("t", TfidfVectorizer(analyzer="char"), "note")]), log),
        "neighbours": make_pipeline(columns(), KNeighborsClassifier(metric="manhattan", weights="distance")),
        "network": make_pipeline(columns(), MLPClassifier((8,), max_iter=50)),
        "gaussian process": make_pipeline(columns(), GaussianProcessClassifier(1.0 * RBF(1.0))),
        "support vectors": make_pipeline(columns(), SVC()),
        "ridge classifier": make_pipeline(columns(), RidgeClassifier()),
        "hinge": make_pipeline(columns(), SGDClassifier()),
        "outliers": make_pipeline(columns(), IsolationForest(n_estimators=10)),
        "regressor for classes": make_pipeline(columns(), LinearRegression()),
        "pandas inside": make_pipeline(columns().set_output(transform="pandas"), log),
        "lambda": make_pipeline(columns(FunctionTransformer(lambda rows: rows**2)), log),
    }
    amount: dict[str, Any] = {
        "ridge": make_pipeline(columns(), Ridge()),
        "lasso of polynomials": make_pipeline(columns(PolynomialFeatures(2)), Lasso(max_iter=5000)),
        "forest of numbers": make_pipeline(columns(), RandomForestRegressor(10)),
        "histogram of numbers": make_pipeline(columns(), HistGradientBoostingRegressor(max_iter=10)),
        "logarithmic target": TransformedTargetRegressor(
            make_pipeline(columns(), Ridge()), func=np.log1p, inverse_func=np.expm1
        ),
        "power target": TransformedTargetRegressor(
            make_pipeline(columns(), Ridge()), transformer=PowerTransformer(standardize=False)
        ),
        "vote of numbers": VotingRegressor(
            [("a", make_pipeline(columns(), Ridge())), ("b", make_pipeline(columns(), RandomForestRegressor(5)))]
        ),
        "stack of numbers": StackingRegressor(
            [("a", make_pipeline(columns(), Ridge())), ("b", make_pipeline(columns(), KNeighborsRegressor()))], cv=2
        ),
        "gaussian process of numbers": make_pipeline(columns(), GaussianProcessRegressor(RBF() + WhiteKernel())),
        "several targets": make_pipeline(columns(), MultiOutputRegressor(Ridge())),
        "robust": make_pipeline(columns(RobustScaler()), LinearRegression()),
        "classifier of numbers": make_pipeline(columns(), LogisticRegression()),
    }
    return {**{k: ("two", v) for k, v in two.items()}, **{k: ("amount", v) for k, v in amount.items()}}


PIPELINES = _pipelines()

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
